"""The speed cases of naive Bayes, discriminant analysis and the nearest class mean."""

from functools import partial

import numpy as np
from numpy.testing import assert_allclose
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA


def _class_centres(n_samples, n_features, n_classes):
    """Classes with random centres and one covariance, with correlated features."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    y[:n_classes] = np.arange(n_classes)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    X[:, 1:] += np.float32(0.5) * X[:, :-1]
    X += rng.standard_normal((n_classes, n_features), dtype=np.float32)[y]
    return X, y


def _plain_centres(n_samples, n_features, n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    y[:n_classes] = np.arange(n_classes)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    X += rng.standard_normal((n_classes, n_features), dtype=np.float32)[y]
    return X, y


def _fit_linear_nb(data, n_jobs):
    return LinearGaussianNB(n_jobs=n_jobs).fit(*data)


def _fit_gaussian_nb(data, n_jobs):
    return GaussianNB().fit(*data)


def _equal_moments(ours, peer, data):
    # The tied variance is the prior-weighted mean of the variances per class, and
    # the peer accumulates in float32.
    assert_allclose(ours.theta_, peer.theta_, rtol=1e-3, atol=1e-4)
    pooled = peer.class_prior_ @ (peer.var_ - peer.epsilon_)
    assert_allclose(ours.var_ - ours.epsilon_, pooled, rtol=1e-3)


def _fitted_pair(n_samples, n_features, n_classes):
    data = _plain_centres(n_samples, n_features, n_classes)
    return {
        "X": data[0],
        "y": data[1],
        "ours": _fit_linear_nb(data, 1),
        "peer": _fit_gaussian_nb(data, 1),
        # The peer needs minutes and much memory for many classes.
        "n_peer": n_samples if n_classes <= 20 else min(n_samples, 1000),
    }


def _predict_gaussian(data, n_jobs):
    return data["peer"].predict(data["X"][: data["n_peer"]])


def _finds_the_classes(ours, peer, data):
    # Tied and separate variances are different models; on data with one variance
    # both must find the classes.
    n = data["n_peer"]
    truth = data["y"][:n]
    _as_accurate(ours[:n], peer, truth)


def _fit_shrinkage_lda(data, n_jobs):
    return ShrinkageLDA(n_jobs=n_jobs).fit(*data)


def _fit_lda(data, n_jobs):
    return LinearDiscriminantAnalysis(solver="lsqr").fit(*data)


def _fit_lda_auto(data, n_jobs):
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(*data)


def _same_model_without_shrinkage(ours, peer, data):
    plain = ShrinkageLDA(shrinkage=0.0).fit(*data)
    rows = data[0][:200]
    gaps = [np.asarray(model.decision_function(rows)) for model in (plain, peer)]
    if gaps[0].ndim == 2:
        gaps = [scores - scores.mean(axis=1, keepdims=True) for scores in gaps]
    # float32 data: the peer computes in float32 throughout.
    assert_allclose(gaps[0], gaps[1], rtol=1e-2, atol=1e-2 * np.abs(gaps[1]).max())
    _as_accurate(ours.predict(rows), peer.predict(rows), data[1][:200])


def _similar_models(ours, peer, data):
    # The peer shrinks each class by itself, which is another model.
    rows = data[0][:2000]
    _as_accurate(ours.predict(rows), peer.predict(rows), data[1][:2000])


def _as_accurate(ours, peer, truth):
    gap = np.mean(peer == truth) - np.mean(ours == truth)
    if gap > 0.01:
        raise AssertionError(f"Our accuracy is {gap:.3f} below the peer's.")


def _fitted_lda(n_samples, n_features, n_classes):
    data = _class_centres(n_samples, n_features, n_classes)
    return {
        "X": data[0],
        "y": data[1],
        "ours": _fit_shrinkage_lda(data, 1),
        "peer": _fit_lda(data, 1),
    }


def _predict_ours(data, n_jobs):
    return data["ours"].set_params(n_jobs=n_jobs).predict(data["X"])


def _predict_peer(data, n_jobs):
    return data["peer"].predict(data["X"])


def _similar_labels(ours, peer, data):
    _as_accurate(ours, peer, data["y"])


def _fit_nearest(data, n_jobs):
    return NearestClassMean(n_jobs=n_jobs).fit(*data)


def _fit_centroid(data, n_jobs):
    return NearestCentroid().fit(*data)


def _same_means(ours, peer, data):
    assert_allclose(ours.theta_, peer.centroids_, rtol=1e-3, atol=1e-4)


def _fitted_nearest(n_samples, n_features, n_classes):
    data = _class_centres(n_samples, n_features, n_classes)
    return {
        "X": data[0],
        "y": data[1],
        "ours": _fit_nearest(data, 1),
        "peer": _fit_centroid(data, 1),
    }


def _same_labels(ours, peer, data):
    # Ties to rounding in float32.
    if np.mean(ours == peer) < 0.999:
        raise AssertionError(f"Only {np.mean(ours == peer):.4f} of the labels agree.")


_FEW = by_size((500, 20, 3), (10_000, 768, 10), (50_000, 768, 10))
_MANY = {"typical": (10_000, 256, 200), "large": (50_000, 768, 1000)}
_MANY_WIDE = {"typical": (10_000, 768, 200), "large": (50_000, 768, 1000)}
_LDA = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
_CENTROID = "sklearn.neighbors.NearestCentroid"


_nb_case = partial(SpeedCase, peer_name="sklearn.naive_bayes.GaussianNB")


_lda_case = partial(
    SpeedCase,
    peer_name=f"{_LDA}(solver='lsqr')",
    make=_class_centres,
    ours=_fit_shrinkage_lda,
    peer=_fit_lda,
    check=_same_model_without_shrinkage,
)
_nearest_case = partial(
    SpeedCase,
    peer_name=_CENTROID,
    make=_class_centres,
    ours=_fit_nearest,
    peer=_fit_centroid,
    check=_same_means,
)
_PREDICT = {"ours": _predict_ours, "peer": _predict_peer}
_PREDICT_LDA = {**_PREDICT, "make": _fitted_lda, "check": _similar_labels}
_PREDICT_NEAREST = {**_PREDICT, "make": _fitted_nearest, "check": _same_labels}

CASES = (
    _lda_case("shrinkage-lda-fit", description="fit, float32, 10 classes", sizes=_FEW),
    _lda_case(
        "shrinkage-lda-fit-many-classes",
        description="fit, float32, 1000 classes",
        sizes=_MANY,
    ),
    _lda_case(
        "shrinkage-lda-fit-auto",
        description="fit, float32, 10 classes, both with automatic shrinkage",
        sizes=_FEW,
        peer_name=f"{_LDA}(solver='lsqr', shrinkage='auto')",
        peer=_fit_lda_auto,
        check=_similar_models,
    ),
    _lda_case(
        "shrinkage-lda-predict",
        description="predict, float32, 10 classes",
        sizes=_FEW,
        **_PREDICT_LDA,
    ),
    _lda_case(
        "shrinkage-lda-predict-many-classes",
        description="predict, float32, 1000 classes",
        sizes=_MANY,
        **_PREDICT_LDA,
    ),
    _nearest_case(
        "nearest-mean-fit", description="fit, float32, 10 classes", sizes=_FEW
    ),
    _nearest_case(
        "nearest-mean-fit-many-classes",
        description="fit, float32, 1000 classes",
        sizes=_MANY,
    ),
    _nearest_case(
        "nearest-mean-predict",
        description="predict, float32, 10 classes",
        sizes=_FEW,
        **_PREDICT_NEAREST,
    ),
    _nearest_case(
        "nearest-mean-predict-many-classes",
        description="predict, float32, 1000 classes",
        sizes=_MANY,
        **_PREDICT_NEAREST,
    ),
    _nb_case(
        name="linear-nb-fit",
        description="fit, float32, 10 classes",
        make=_plain_centres,
        ours=_fit_linear_nb,
        peer=_fit_gaussian_nb,
        check=_equal_moments,
        sizes=_FEW,
    ),
    _nb_case(
        name="linear-nb-fit-many-classes",
        description="fit, float32, 1000 classes",
        make=_plain_centres,
        ours=_fit_linear_nb,
        peer=_fit_gaussian_nb,
        check=_equal_moments,
        sizes=_MANY_WIDE,
    ),
    _nb_case(
        name="linear-nb-predict",
        description="predict, float32, 10 classes",
        make=_fitted_pair,
        ours=_predict_ours,
        peer=_predict_gaussian,
        check=_finds_the_classes,
        sizes=_FEW,
    ),
    _nb_case(
        name="linear-nb-predict-many-classes",
        description="predict per row, float32, 1000 classes",
        make=_fitted_pair,
        ours=_predict_ours,
        peer=_predict_gaussian,
        check=_finds_the_classes,
        peer_share=lambda data: data["n_peer"] / data["X"].shape[0],
        sizes=_MANY_WIDE,
    ),
)
