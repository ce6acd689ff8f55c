"""The method catalogue: the one place where a method is registered.

The main job, the suites, ``skext bench list``, the documentation and the speed
runner all read it. A new method adds its entries to ``METHODS`` (samplers to
``_catalog_samplers.py`` and so on; with a new kind of comparison, a ``Track``), its
tasks to ``_offline.py`` and its speed cases to
``_speed_cases.py``.
"""

import fnmatch
from dataclasses import dataclass

from skext.benchmark._engine.factories import CLASSIFIERS, estimator
from skext.benchmark._engine.methods import Method, from_user
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._families.clustering.methods import CLUSTERING_METRICS, CLUSTERINGS
from skext.benchmark._families.imbalanced.methods import SAMPLERS
from skext.benchmark._families.llp.methods import LLP, LLP_BASELINE, LLP_METRICS
from skext.benchmark._families.neural.methods import (
    NEURAL,
    NEURAL_BASELINE,
    NEURAL_METRICS,
    join_neural,
)
from skext.benchmark._families.ordinal.methods import ORDINAL
from skext.benchmark._families.probes.methods import PROBES, join_probes
from skext.benchmark._families.quantile.methods import QUANTILE_METHODS
from skext.benchmark._families.quantile.scores import QUANTILE_METRICS


@dataclass(frozen=True)
class Track:
    """A comparison: what is measured, and against which baseline.

    Attributes
    ----------
    metrics : dict of str to tuple
        Metrics of each task type; the first is the headline.
    baseline : str
        Method that all others are compared with.
    """

    name: str
    metrics: dict
    baseline: str
    description: str


_ORDINAL_METRICS = (
    "ranked_probability_score",
    "rare_class_log_loss",
    "log_loss",
    "ordinal_mae",
)

TRACKS = {
    track.name: track
    for track in (
        Track(
            "classification",
            {
                "binary": ("accuracy", "roc_auc", "log_loss", "balanced_accuracy"),
                "multiclass": ("accuracy", "roc_auc", "log_loss", "balanced_accuracy"),
            },
            "logistic",
            "Classifiers on tables as they are.",
        ),
        Track(
            "imbalanced",
            {
                "binary": (
                    "balanced_accuracy",
                    "average_precision",
                    "roc_auc",
                    "log_loss",
                ),
                "multiclass": ("balanced_accuracy", "geometric_mean", "roc_auc"),
            },
            "logistic-tuned-threshold",
            "Rare classes: resampling against weights and a tuned threshold, all "
            "with the same classifier.",
        ),
        Track(
            "ordinal",
            {"binary": _ORDINAL_METRICS, "multiclass": _ORDINAL_METRICS},
            "logistic",
            "Ordered classes, of which the highest is rare.",
        ),
        Track(
            "probes",
            {
                "binary": ("accuracy", "log_loss", "roc_auc"),
                "multiclass": ("accuracy", "log_loss", "roc_auc"),
            },
            "logistic",
            "Few labels: linear classifiers on growing training sets.",
        ),
        Track(
            "llp",
            {"binary": LLP_METRICS, "multiclass": LLP_METRICS},
            LLP_BASELINE,
            "Label proportions: classifiers that are told how many rows of a bag are "
            "positive, and no label. What does not beat the controls, which are told "
            "nothing true about single bags, has learned nothing from them.",
        ),
        Track(
            "neural",
            {"binary": NEURAL_METRICS, "multiclass": NEURAL_METRICS},
            NEURAL_BASELINE,
            "Networks that differ in their loss, next to other classifiers. The dummy "
            "predicts the largest class: its accuracy is the share of that class.",
        ),
        Track(
            "regression",
            {"regression": ("rmse", "mae", "r2")},
            "ridge",
            "Regressors on tables as they are.",
        ),
        Track(
            "quantile",
            {"quantile": QUANTILE_METRICS},
            "quantile-average",
            "Quantiles: regressors of several levels, and stacks of them. Where a task "
            "has experts, the stacks combine those; the others learn from the rows.",
        ),
        Track(
            "clustering",
            {"clustering": CLUSTERING_METRICS},
            "kmeans-silhouette",
            "Clusterings that are not told the number of clusters. They are fitted to "
            "the whole table; the labels only score.",
        ),
    )
}


def _classifier(name, factory, family, description, **options):
    options = {"task_types": CLASSIFIERS, "tracks": ("classification",), **options}
    return Method(name, factory, family=family, description=description, **options)


_LOGISTIC_SPACE = {"C": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]}
_BOOSTING_SPACE = {
    "learning_rate": [0.01, 0.03, 0.1, 0.3],
    "max_leaf_nodes": [7, 15, 31, 63],
    "l2_regularization": [0.0, 0.1, 1.0, 10.0],
}

METHODS = {
    method.name: method
    for method in (
        # Baselines that every run contains.
        Method(
            "dummy",
            estimator("sklearn.dummy:DummyClassifier", strategy="prior"),
            tracks=("classification", "imbalanced", "ordinal", "llp"),
            task_types=CLASSIFIERS,
            family="baseline",
            cost=0.1,
            description="class frequencies, whatever the row",
        ),
        _classifier(
            "logistic",
            estimator("sklearn.linear_model:LogisticRegression", max_iter=1000),
            "baseline",
            "logistic regression, C = 1",
            tracks=("classification", "ordinal"),
            space=_LOGISTIC_SPACE,
        ),
        _classifier(
            "random-forest",
            estimator("sklearn.ensemble:RandomForestClassifier", n_estimators=100),
            "baseline",
            "100 trees",
            preprocess="ordinal",
            cost=8.0,
            space={
                "min_samples_leaf": [1, 2, 5, 10, 20],
                "max_features": ["sqrt", 0.3, 0.6, 1.0],
            },
        ),
        _classifier(
            "hist-gradient-boosting",
            estimator("sklearn.ensemble:HistGradientBoostingClassifier", max_iter=100),
            "baseline",
            "100 rounds",
            preprocess="ordinal",
            cost=15.0,
            space=_BOOSTING_SPACE,
        ),
        *NEURAL,
        *PROBES,
        *SAMPLERS,
        *ORDINAL,
        *CLUSTERINGS,
        *LLP,
        *QUANTILE_METHODS,
        # Regression: the ground for the methods to come.
        Method(
            "dummy-regressor",
            estimator("sklearn.dummy:DummyRegressor"),
            tracks=("regression",),
            task_types=("regression",),
            family="baseline",
            cost=0.1,
            description="training mean",
        ),
        Method(
            "ridge",
            estimator("sklearn.linear_model:RidgeCV"),
            tracks=("regression",),
            task_types=("regression",),
            family="baseline",
            cost=0.5,
            description="ridge regression, strength by generalised cross-validation",
        ),
        Method(
            "random-forest-regressor",
            estimator("sklearn.ensemble:RandomForestRegressor", n_estimators=100),
            tracks=("regression",),
            task_types=("regression",),
            preprocess="ordinal",
            family="baseline",
            cost=15.0,
            description="100 trees",
        ),
        Method(
            "boosting-regressor",
            estimator("sklearn.ensemble:HistGradientBoostingRegressor", max_iter=100),
            tracks=("regression",),
            task_types=("regression",),
            preprocess="ordinal",
            family="baseline",
            cost=10.0,
            space=_BOOSTING_SPACE,
            description="gradient boosting, 100 rounds",
        ),
    )
}

METHODS = join_neural(join_probes(METHODS))

DUMMIES = {
    "regression": "dummy-regressor",
    "quantile": "dummy-quantile",
    "clustering": "dummy-clustering",
}


def dummy_of(track):
    """Name of the trivial method that stands in for failures."""
    return DUMMIES.get(track, "dummy")


def track_metrics(track, task_type):
    """Metrics of a task unless others are named."""
    if track in TRACKS and task_type in TRACKS[track].metrics:
        return TRACKS[track].metrics[task_type]
    if task_type in ("regression", "quantile", "clustering"):
        return TRACKS[task_type].metrics[task_type]
    return TRACKS["classification"].metrics[task_type]


def select_methods(patterns) -> list[Method]:
    """Methods by name, by glob, or as ``package.module:factory``."""
    chosen = {}
    for pattern in patterns:
        if isinstance(pattern, Method):
            found = [pattern]
        elif ":" in pattern:
            found = [from_user(pattern)]
        else:
            names = fnmatch.filter(METHODS, pattern)
            if not names:
                raise unknown("method", pattern, METHODS)
            found = [METHODS[name] for name in names]
        chosen.update((method.name, method) for method in found)
    return list(chosen.values())


def default_methods(track) -> list[Method]:
    """Methods that join a track unless others are named."""
    return [method for method in METHODS.values() if track in method.tracks]
