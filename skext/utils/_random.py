"""One random generator per fit, and what is drawn from it."""

import numpy as np
from sklearn.utils import check_random_state


def fit_rng(random_state):
    """Return the one ``RandomState`` that a fit draws from.

    Call it once per fit and hand the result down; calling it again with an integer
    seed would restart the stream.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        A ``numpy.random.Generator`` is wrapped, not copied: its stream advances.

    Returns
    -------
    rng : numpy.random.RandomState
        Source of all random numbers of the fit.
    """
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(random_state.bit_generator)
    return check_random_state(random_state)


def seed_parts(rng, *parts):
    """Make estimators inside an estimator as reproducible as that is.

    Parameters
    ----------
    rng : numpy.random.RandomState
        The generator of the fit.
    *parts : estimator object
        Their parameters called ``random_state``, at any depth, that are None get a
        number. A ``Generator``, which scikit-learn does not take, is wrapped.
    """
    for part in parts:
        for name, value in sorted(part.get_params().items()):
            if name.split("__")[-1] != "random_state":
                continue
            if value is None:
                part.set_params(**{name: int(rng.randint(2**31 - 1))})
            elif isinstance(value, np.random.Generator):
                part.set_params(**{name: fit_rng(value)})


def draw_normals(rng, shape):
    """Draw standard normal numbers, several times faster than a ``RandomState``.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness, of which a child is seeded.
    shape : tuple of int
        How many.

    Returns
    -------
    normals : ndarray
        In double precision.
    """
    seed = rng.randint(2**31 - 1, size=4)
    return np.random.Generator(np.random.SFC64(seed)).standard_normal(shape)
