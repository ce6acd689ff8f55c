"""Components that are worth more as one."""

import numpy as np

from skext.cluster._mixture.em import Mixture, fit_mixture

_OVERLAP = 0.03


def merge_redundant(data, rules, state, owners):
    """Merge pairs of components while that lowers the information criterion.

    Parameters
    ----------
    data : Data
        Rows.
    rules : Rules
        Allowed components.
    state : State
        Mixture with its responsibilities.
    owners : list of set of int
        For each component the components of the caller that it is made of.

    Returns
    -------
    state : State
        Three more iterations are done if anything was merged.
    owners : list of set of int
        As given, joined where components were.
    """
    if len(state.ids) < 2:
        return state, owners
    mixture, resp, joint = state.mixture, state.resp, state.joint
    keys = list(range(len(owners)))
    fresh, known, merged = len(keys), {}, False
    while len(keys) > 1:
        best, pair = 0.0, None
        for i, j in _overlapping(data, mixture, resp):
            gain = known.get((keys[i], keys[j]))
            if gain is None:
                n_params = mixture.n_params[i] + mixture.n_params[j]
                gain = merge_gain(data, rules, joint[[i, j]], resp[[i, j]], n_params)
                known[keys[i], keys[j]] = gain
            if gain > best:
                best, pair = gain, (i, j)
        if pair is None:
            break
        i, j = pair
        merged = True
        rest = np.array([q for q in range(len(keys)) if q not in pair], dtype=np.intp)
        both = resp[i] + resp[j]
        joined = fit_mixture(data, rules, both[np.newaxis].copy(), 1)
        resp = np.vstack([resp[rest], both])
        joint = np.vstack([joint[rest], joined.joint])
        mixture = Mixture(
            *(
                np.concatenate([old[rest], new])
                for old, new in zip(mixture, joined.mixture, strict=True)
            )
        )
        owners = [owners[q] for q in rest] + [owners[i] | owners[j]]
        keys = [keys[q] for q in rest] + [fresh]
        fresh += 1
    if merged:
        state = fit_mixture(data, rules, resp, 3)
        owners = [owners[i] for i in state.ids]
    return state, owners


def _overlapping(data, mixture, resp):
    """Pairs that share enough rows."""
    roots = np.sqrt(resp)
    shared = (roots * data.weights) @ roots.T
    smaller = np.minimum.outer(mixture.mass, mixture.mass)
    return np.argwhere(np.triu(shared > _OVERLAP * smaller, 1)).tolist()


def merge_gain(data, rules, joint, resp, n_params):
    """Measure by how much the information criterion falls if two become one.

    Parameters
    ----------
    data : Data
        Rows.
    rules : Rules
        Allowed components.
    joint : ndarray of shape (2, n_rows)
        Joint log-densities of the pair.
    resp : ndarray of shape (2, n_rows)
        Responsibilities of the pair.
    n_params : float
        Number of parameters of the two.

    Returns
    -------
    gain : float
        Positive if one component is better.
    """
    both = resp.sum(axis=0)
    one = fit_mixture(data, rules, both[np.newaxis].copy(), 1)
    near = np.flatnonzero(both > 1e-5)
    pair = np.logaddexp(joint[0, near], joint[1, near])
    ratio = np.exp(np.clip(one.joint[0, near] - pair, -50.0, 50.0))
    change = np.maximum(both[near] * (ratio - 1.0), -1.0 + 1e-12)
    gain = data.weights[near] @ np.log1p(change)
    return 2.0 * gain + (n_params + 1.0 - one.mixture.n_params[0]) * rules.log_n
