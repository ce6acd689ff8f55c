"""Entries of the method catalogue for linear probes, in closed form and searched."""

from skext.benchmark._engine.factories import entries, estimator
from skext.benchmark._engine.kinds import CLASSIFICATION

_BOTH = ("classification", "probes")
_SMOOTHING = {"var_smoothing": [1e-9, 1e-6, 1e-3, 1e-2, 1e-1, 1.0]}
_entry = entries(task_types=CLASSIFICATION, tracks=("probes",), cost=0.3)

PROBES = (
    _entry(
        "skext-linear-gaussian-nb",
        estimator("skext.naive_bayes:LinearGaussianNB"),
        "skext",
        "Gaussian naive Bayes with one variance for all classes",
        tracks=_BOTH,
        space=_SMOOTHING,
    ),
    _entry(
        "skext-linear-gaussian-nb-tempered",
        estimator("skext.naive_bayes:LinearGaussianNB", temperature="loo"),
        "skext",
        "the same, probabilities calibrated by exact leave-one-out",
    ),
    _entry(
        "skext-shrinkage-lda",
        estimator("skext.naive_bayes:ShrinkageLDA"),
        "skext",
        "linear discriminant analysis, shrinkage in closed form",
        tracks=_BOTH,
        cost=0.5,
    ),
    _entry(
        "skext-nearest-class-mean",
        estimator("skext.naive_bayes:NearestClassMean"),
        "skext",
        "class of the nearest mean",
        space={"metric": ["euclidean", "cosine", "seuclidean"]},
    ),
    _entry(
        "skext-generative-logistic",
        estimator("skext.naive_bayes:GenerativeLogisticRegression"),
        "skext",
        "logistic regression shrunk to naive Bayes, C = 1",
        cost=1.0,
        space={"C": [0.01, 0.1, 1.0, 10.0, 100.0], "prior": ["nb", "lda"]},
    ),
    _entry(
        "gaussian-nb",
        estimator("sklearn.naive_bayes:GaussianNB"),
        "peer",
        "Gaussian naive Bayes with a variance per class",
        tracks=_BOTH,
        space=_SMOOTHING,
    ),
    _entry(
        "nearest-centroid",
        estimator("sklearn.neighbors:NearestCentroid"),
        "peer",
        "class of the nearest mean",
        tracks=_BOTH,
        space={"shrink_threshold": [None, 0.1, 0.2, 0.5, 1.0]},
    ),
    _entry(
        "lda",
        estimator("sklearn.discriminant_analysis:LinearDiscriminantAnalysis"),
        "peer",
        "linear discriminant analysis",
        tracks=("classification",),
        cost=0.6,
    ),
    _entry(
        "lda-shrinkage-auto",
        estimator(
            "sklearn.discriminant_analysis:LinearDiscriminantAnalysis",
            solver="lsqr",
            shrinkage="auto",
        ),
        "peer",
        "linear discriminant analysis, each class shrunk by Ledoit and Wolf",
        cost=0.6,
    ),
)
