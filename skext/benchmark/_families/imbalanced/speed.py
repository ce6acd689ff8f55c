"""The speed cases of the over-samplers against those of imbalanced-learn."""

from functools import partial
from importlib import import_module

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from skext.benchmark._speed.case import SpeedCase, by_size


def _correlated_mixture(n_samples, n_features, minority):
    """Six correlated, overlapping Gaussian groups; the minority is shifted."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, n_features)) * 1.5
    mixing = rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    X = rng.normal(size=(n_samples, n_features)) @ mixing
    X += 0.3 * rng.normal(size=X.shape) + centres[rng.integers(0, 6, n_samples)]
    y = np.zeros(n_samples, dtype=np.intp)
    rows = rng.choice(n_samples, max(int(n_samples * minority), 10), replace=False)
    y[rows] = 1
    X[rows] += 0.8 * rng.normal(size=n_features)
    return X, y


def _mixed_table(n_samples, n_nominal, n_levels):
    """Five numbers and ``n_nominal`` columns of text, as an array of objects."""
    rng = np.random.default_rng(0)
    y = (rng.random(n_samples) < 0.1).astype(np.intp)
    X = np.empty((n_samples, 5 + n_nominal), dtype=object)
    X[:, :5] = rng.normal(size=(n_samples, 5)) + y[:, np.newaxis]
    levels = np.array([f"level {i}" for i in range(n_levels)], dtype=object)
    X[:, 5:] = levels[rng.integers(0, n_levels, (n_samples, n_nominal))]
    return X, y


def _nominal_table(n_samples, n_features, n_levels):
    """Columns of text only."""
    rng = np.random.default_rng(0)
    y = (rng.random(n_samples) < 0.1).astype(np.intp)
    levels = np.array([f"level {i}" for i in range(n_levels)], dtype=object)
    drawn = rng.integers(0, n_levels, (n_samples, n_features))
    return levels[np.minimum(drawn + y[:, np.newaxis], n_levels - 1)], y


def _sampler(module, name, data, n_jobs, searches=(), **params):
    """Resample; a class without ``n_jobs`` is given searches that have it."""
    cls = getattr(import_module(module), name)
    if "n_jobs" in cls().get_params():
        params["n_jobs"] = n_jobs
    elif n_jobs > 1:
        for search, k in searches:
            params[search] = NearestNeighbors(n_neighbors=k + 1, n_jobs=n_jobs)
    return cls(random_state=0, **params).fit_resample(*data)


def _mixed(module, name, data, n_jobs):
    # Positions of the columns of text: all but the first five.
    columns = list(range(5, data[0].shape[1]))
    cls = getattr(import_module(module), name)
    params = {"categorical_features": columns, "random_state": 0}
    if "n_jobs" in cls(**params).get_params():
        params["n_jobs"] = n_jobs
    return cls(**params).fit_resample(*data)


def _equal_samples(ours, peer, data):
    assert_array_equal(ours[1], peer[1])
    # Ties in distance may be broken otherwise, which moves single rows.
    same = np.isclose(ours[0], peer[0], rtol=1e-9, atol=1e-12).all(axis=1)
    if same.mean() < 0.999:
        raise AssertionError(f"Only {same.mean():.4f} of the rows are equal.")


def _equal_counts(ours, peer, data):
    # The random streams differ: as many rows of each class, with the same mean.
    assert_array_equal(np.bincount(ours[1]), np.bincount(peer[1]))
    if ours[0].dtype != object:
        spread = data[0].std(axis=0)
        gap = ours[0][ours[1] == 1].mean(axis=0) - peer[0][peer[1] == 1].mean(axis=0)
        assert_allclose(gap / spread, 0, atol=0.1)


def _similar_counts(ours, peer, data):
    # Who cleans removes rows according to their neighbours, synthetic ones among
    # them; ADASYN of the peer rounds each row's share and misses the count by a few.
    ours, peer = np.bincount(ours[1]), np.bincount(peer[1])
    assert_allclose(ours, peer, rtol=0.02)


def _case(name, cls, description, sizes, check, searches=(), **options):
    options = {"make": _correlated_mixture, "package": "over_sampling"} | options
    run, package = options.get("run", _sampler), options["package"]
    if searches:
        run = partial(run, searches=searches)
    return SpeedCase(
        name=name,
        peer_name=f"imblearn.{package}.{cls}",
        description=f"fit_resample, {description}",
        make=options["make"],
        ours=partial(run, f"skext.{package}", cls),
        peer=partial(run, f"imblearn.{package}", cls),
        check=check,
        sizes=by_size(*sizes),
    )


_TALL = ((500, 8, 0.1), (20_000, 8, 0.1), (100_000, 8, 0.1))
_NEAREST = (("k_neighbors", 5),)

CASES = (
    _case(
        "smote", "SMOTE", "8 columns, 10 % minority", _TALL, _equal_samples, _NEAREST
    ),
    _case(
        "smote-wide",
        "SMOTE",
        "30 columns, 5 % minority",
        ((500, 30, 0.1), (20_000, 30, 0.05), (100_000, 30, 0.05)),
        _equal_samples,
        _NEAREST,
    ),
    _case(
        "smote-rare",
        "SMOTE",
        "30 columns, 1 % minority",
        ((2_000, 30, 0.01), (20_000, 30, 0.01), (100_000, 30, 0.01)),
        _equal_samples,
        _NEAREST,
    ),
    _case(
        "borderline-smote",
        "BorderlineSMOTE",
        "8 columns, 10 % minority",
        _TALL,
        _equal_counts,
        (*_NEAREST, ("m_neighbors", 10)),
    ),
    _case(
        "adasyn",
        "ADASYN",
        "8 columns, 10 % minority",
        _TALL,
        _similar_counts,
        (("n_neighbors", 5),),
    ),
    _case(
        "smotenc",
        "SMOTENC",
        "5 numbers and 5 columns of text, 10 % minority",
        ((500, 5, 10), (5_000, 5, 50), (20_000, 5, 500)),
        _equal_counts,
        make=_mixed_table,
        run=_mixed,
    ),
    _case(
        "smoten",
        "SMOTEN",
        "10 columns of text, 10 % minority",
        ((500, 10, 5), (10_000, 10, 10), (50_000, 10, 10)),
        _equal_counts,
        make=_nominal_table,
    ),
    _case(
        "smoteenn",
        "SMOTEENN",
        "30 columns, 10 % minority",
        ((500, 30, 0.1), (5_000, 30, 0.1), (20_000, 30, 0.1)),
        _similar_counts,
        package="combine",
    ),
    _case(
        "smotetomek",
        "SMOTETomek",
        "30 columns, 10 % minority",
        ((500, 30, 0.1), (5_000, 30, 0.1), (20_000, 30, 0.1)),
        _similar_counts,
        package="combine",
    ),
)
