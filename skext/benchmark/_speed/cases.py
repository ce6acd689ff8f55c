"""The speed cases: ours, the peer, and what must be equal between them.

A new method adds its cases here. Sizes go from "small" (overhead counts) over
"typical" to "large".
"""

import numpy as np
from numpy.testing import assert_allclose

from skext.benchmark._families.clustering.speed import CLUSTER_CASES
from skext.benchmark._families.imbalanced.speed import SAMPLER_CASES
from skext.benchmark._families.llp.speed import LLP_CASES
from skext.benchmark._families.neural.speed import NEURAL_CASES
from skext.benchmark._families.ordinal.speed import ORDINAL_CASES
from skext.benchmark._families.probes.speed import PROBE_CASES
from skext.benchmark._families.quantile.speed import QUANTILE_CASES
from skext.benchmark._speed.measure import SpeedCase


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

_ALL = (
    SAMPLER_CASES
    + ORDINAL_CASES
    + PROBE_CASES
    + CLUSTER_CASES
    + LLP_CASES
    + QUANTILE_CASES
    + NEURAL_CASES
    + _CASES
)
CASES = {case.name: case for case in _ALL}
