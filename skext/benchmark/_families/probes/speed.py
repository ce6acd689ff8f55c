"""The speed cases of discriminant analysis and of the nearest class mean."""

import numpy as np
from numpy.testing import assert_allclose

from skext.benchmark._speed.measure import SpeedCase


def _class_centres(n_samples, n_features, n_classes):
    """Classes with random centres and one covariance, with correlated features."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    y[:n_classes] = np.arange(n_classes)
    X = rng.standard_normal((n_samples, n_features), dtype=np.float32)
    X[:, 1:] += np.float32(0.5) * X[:, :-1]
    X += rng.standard_normal((n_classes, n_features), dtype=np.float32)[y]
    return X, y


def _fit_shrinkage_lda(data, n_jobs):
    from skext.naive_bayes import ShrinkageLDA

    return ShrinkageLDA(n_jobs=n_jobs).fit(*data)


def _fit_lda(data, n_jobs):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr").fit(*data)


def _fit_lda_auto(data, n_jobs):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(*data)


def _same_model_without_shrinkage(ours, peer, data):
    from skext.naive_bayes import ShrinkageLDA

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
    from skext.naive_bayes import NearestClassMean

    return NearestClassMean(n_jobs=n_jobs).fit(*data)


def _fit_centroid(data, n_jobs):
    from sklearn.neighbors import NearestCentroid

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


_FEW = {
    "small": (500, 20, 3),
    "typical": (10_000, 768, 10),
    "large": (50_000, 768, 10),
}
_MANY = {"typical": (10_000, 256, 200), "large": (50_000, 768, 1000)}
_LDA = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
_CENTROID = "sklearn.neighbors.NearestCentroid"


def _lda_case(name, description, sizes, **options):
    options = {
        "peer_name": f"{_LDA}(solver='lsqr')",
        "make": _class_centres,
        "ours": _fit_shrinkage_lda,
        "peer": _fit_lda,
        "check": _same_model_without_shrinkage,
        **options,
    }
    return SpeedCase(name=name, description=description, sizes=sizes, **options)


def _nearest_case(name, description, sizes, **options):
    options = {
        "peer_name": _CENTROID,
        "make": _class_centres,
        "ours": _fit_nearest,
        "peer": _fit_centroid,
        "check": _same_means,
        **options,
    }
    return SpeedCase(name=name, description=description, sizes=sizes, **options)


_PREDICT_LDA = {
    "make": _fitted_lda,
    "ours": _predict_ours,
    "peer": _predict_peer,
    "check": _similar_labels,
}
_PREDICT_NEAREST = {
    "make": _fitted_nearest,
    "ours": _predict_ours,
    "peer": _predict_peer,
    "check": _same_labels,
}

PROBE_CASES = (
    _lda_case("shrinkage-lda-fit", "fit, float32, 10 classes", _FEW),
    _lda_case("shrinkage-lda-fit-many-classes", "fit, float32, 1000 classes", _MANY),
    _lda_case(
        "shrinkage-lda-fit-auto",
        "fit, float32, 10 classes, both with automatic shrinkage",
        _FEW,
        peer_name=f"{_LDA}(solver='lsqr', shrinkage='auto')",
        peer=_fit_lda_auto,
        check=_similar_models,
    ),
    _lda_case(
        "shrinkage-lda-predict", "predict, float32, 10 classes", _FEW, **_PREDICT_LDA
    ),
    _lda_case(
        "shrinkage-lda-predict-many-classes",
        "predict, float32, 1000 classes",
        _MANY,
        **_PREDICT_LDA,
    ),
    _nearest_case("nearest-mean-fit", "fit, float32, 10 classes", _FEW),
    _nearest_case("nearest-mean-fit-many-classes", "fit, float32, 1000 classes", _MANY),
    _nearest_case(
        "nearest-mean-predict",
        "predict, float32, 10 classes",
        _FEW,
        **_PREDICT_NEAREST,
    ),
    _nearest_case(
        "nearest-mean-predict-many-classes",
        "predict, float32, 1000 classes",
        _MANY,
        **_PREDICT_NEAREST,
    ),
)
