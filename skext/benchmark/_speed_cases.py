"""The speed cases: ours, the peer, and what must be equal between them.

A new method adds its cases here. Sizes go from "small" (overhead counts) over
"typical" to "large".
"""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skext.benchmark._speed import SpeedCase


def _correlated_mixture(n_samples, n_features, minority, dtype=np.float64):
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
    return np.ascontiguousarray(X, dtype=dtype), y


def _skext_smote(data, n_jobs):
    from skext.over_sampling import SMOTE

    return SMOTE(random_state=0, n_jobs=n_jobs).fit_resample(*data)


def _imblearn_smote(data, n_jobs):
    from imblearn.over_sampling import SMOTE

    # imbalanced-learn's SMOTE has no n_jobs; it is given a search that has.
    if n_jobs == 1:
        return SMOTE(random_state=0).fit_resample(*data)
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=6, n_jobs=n_jobs)
    return SMOTE(random_state=0, k_neighbors=search).fit_resample(*data)


def _equal_samples(ours, peer, data):
    assert_array_equal(ours[1], peer[1])
    # Ties in distance may be broken otherwise, which moves single rows.
    same = np.isclose(ours[0], peer[0], rtol=1e-9, atol=1e-12).all(axis=1)
    if same.mean() < 0.999:
        raise AssertionError(f"Only {same.mean():.4f} of the rows are equal.")


def _class_centres(n_samples, n_features, n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    y[:n_classes] = np.arange(n_classes)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    X += rng.standard_normal((n_classes, n_features), dtype=np.float32)[y]
    return X, y


def _fit_linear_nb(data, n_jobs):
    from skext.naive_bayes import LinearGaussianNB

    return LinearGaussianNB(n_jobs=n_jobs).fit(*data)


def _fit_gaussian_nb(data, n_jobs):
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB().fit(*data)


def _equal_moments(ours, peer, data):
    # The tied variance is the prior-weighted mean of the variances per class, and
    # the peer accumulates in float32.
    assert_allclose(ours.theta_, peer.theta_, rtol=1e-3, atol=1e-4)
    pooled = peer.class_prior_ @ (peer.var_ - peer.epsilon_)
    assert_allclose(ours.var_ - ours.epsilon_, pooled, rtol=1e-3)


def _fitted_pair(n_samples, n_features, n_classes):
    data = _class_centres(n_samples, n_features, n_classes)
    return {
        "X": data[0],
        "y": data[1],
        "ours": _fit_linear_nb(data, 1),
        "peer": _fit_gaussian_nb(data, 1),
        # The peer needs minutes and much memory for many classes.
        "n_peer": n_samples if n_classes <= 20 else min(n_samples, 1000),
    }


def _predict_linear_nb(data, n_jobs):
    return data["ours"].set_params(n_jobs=n_jobs).predict(data["X"])


def _predict_gaussian_nb(data, n_jobs):
    return data["peer"].predict(data["X"][: data["n_peer"]])


def _similar_labels(ours, peer, data):
    # Tied and separate variances are different models; on data with one variance
    # both must find the classes.
    n = data["n_peer"]
    truth = data["y"][:n]
    gap = np.mean(peer == truth) - np.mean(ours[:n] == truth)
    if gap > 0.01:
        raise AssertionError(f"Our accuracy is {gap:.3f} below the peer's.")


_CASES = (
    SpeedCase(
        name="smote",
        peer_name="imblearn.over_sampling.SMOTE",
        description="fit_resample, 8 columns, 10 % minority",
        make=_correlated_mixture,
        ours=_skext_smote,
        peer=_imblearn_smote,
        check=_equal_samples,
        sizes={
            "small": (500, 8, 0.1),
            "typical": (20_000, 8, 0.1),
            "large": (100_000, 8, 0.1),
        },
    ),
    SpeedCase(
        name="smote-wide",
        peer_name="imblearn.over_sampling.SMOTE",
        description="fit_resample, 30 columns, 5 % minority",
        make=_correlated_mixture,
        ours=_skext_smote,
        peer=_imblearn_smote,
        check=_equal_samples,
        sizes={
            "small": (500, 30, 0.1),
            "typical": (20_000, 30, 0.05),
            "large": (100_000, 30, 0.05),
        },
    ),
    SpeedCase(
        name="smote-rare",
        peer_name="imblearn.over_sampling.SMOTE",
        description="fit_resample, 30 columns, 1 % minority",
        make=_correlated_mixture,
        ours=_skext_smote,
        peer=_imblearn_smote,
        check=_equal_samples,
        sizes={
            "small": (2_000, 30, 0.01),
            "typical": (20_000, 30, 0.01),
            "large": (100_000, 30, 0.01),
        },
    ),
    SpeedCase(
        name="linear-nb-fit",
        peer_name="sklearn.naive_bayes.GaussianNB",
        description="fit, float32, 10 classes",
        make=_class_centres,
        ours=_fit_linear_nb,
        peer=_fit_gaussian_nb,
        check=_equal_moments,
        sizes={
            "small": (500, 20, 3),
            "typical": (10_000, 768, 10),
            "large": (50_000, 768, 10),
        },
    ),
    SpeedCase(
        name="linear-nb-fit-many-classes",
        peer_name="sklearn.naive_bayes.GaussianNB",
        description="fit, float32, 1000 classes",
        make=_class_centres,
        ours=_fit_linear_nb,
        peer=_fit_gaussian_nb,
        check=_equal_moments,
        sizes={"typical": (10_000, 768, 200), "large": (50_000, 768, 1000)},
    ),
    SpeedCase(
        name="linear-nb-predict",
        peer_name="sklearn.naive_bayes.GaussianNB",
        description="predict, float32, 10 classes",
        make=_fitted_pair,
        ours=_predict_linear_nb,
        peer=_predict_gaussian_nb,
        check=_similar_labels,
        sizes={
            "small": (500, 20, 3),
            "typical": (10_000, 768, 10),
            "large": (50_000, 768, 10),
        },
    ),
    SpeedCase(
        name="linear-nb-predict-many-classes",
        peer_name="sklearn.naive_bayes.GaussianNB",
        description="predict per row, float32, 1000 classes",
        make=_fitted_pair,
        ours=_predict_linear_nb,
        peer=_predict_gaussian_nb,
        check=_similar_labels,
        peer_share=lambda data: data["n_peer"] / data["X"].shape[0],
        sizes={"typical": (10_000, 768, 200), "large": (50_000, 768, 1000)},
    ),
)

CASES = {case.name: case for case in _CASES}
