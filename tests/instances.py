"""Every public estimator, with parameters that suit the tables of common tests."""

from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from skext.quantile import LinearQuantileRegressor, predict_quantiles
from skext.utils._sklearn import StrOptions
from skext.utils.discovery import all_estimators

# Parameters that the suites' own data need; several sets make several instances.
# imbalanced-learn sets twelve clusters for its own KMeansSMOTE, too.
THREE = [0.1, 0.5, 0.9]
# Trees that learn the suites' tables, and split sparse ones like dense ones.
SMALL_TREES = GradientBoostingRegressor(
    n_estimators=5, max_depth=2, learning_rate=0.5, random_state=0
)
BASE_MODELS = [
    ("linear", LinearQuantileRegressor()),
    ("boosting", SMALL_TREES),
]


# Nets of a few units, which learn the suites' tables in some dozens of epochs.
SMALL_NET = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 40,
    "batch_size": 32,
    "learning_rate_init": 0.02,
    "device": "cpu",
}
# Steps that see all rows alike: weights are repetitions.
FULL_BATCH = {
    **SMALL_NET,
    "batch_size": None,
    "normalization": None,
    "early_stopping": False,
}


class PreciseLearner(LogisticRegression):
    """Logistic regression at its optimum, in double precision for any table."""

    def fit(self, X, y, sample_weight=None):
        """Fit the model."""
        return super().fit(X.astype(float), y, sample_weight)


PRECISE = PreciseLearner(solver="newton-cg", tol=1e-10, max_iter=1000)


PARAMETERS: dict = {
    "ADASYN": [{}, {"partners": "mixed", "allocation": "random"}],
    "BagProportionClassifier": [{"estimator": PRECISE}],
    "BeliefPropagationLLPClassifier": [
        {"estimator": PRECISE},
        {"estimator": PRECISE, "pseudo_labels": "count"},
    ],
    "BorderlineSMOTE": [{}, {"kind": "borderline-2", "interpolation": "box"}],
    "ConformalQuantileRegressor": [
        {"quantiles": THREE},
        {"quantiles": THREE, "method": "cv+", "cv": 3},
    ],
    "EnsLossClassifier": [SMALL_NET, {**FULL_BATCH, "spectrum": "expected"}],
    "KMeansSMOTE": [{"kmeans_estimator": 12}],
    "OrdinalNetClassifier": [SMALL_NET],
    "PRESTO": [
        {},
        {"anchor": "last", "link": "cloglog", "non_crossing": None, "tol": 1e-9},
    ],
    "PRESTOCV": [{"n_alphas": 5, "eps": 0.1, "cv": 3}],
    # Without a penalty there is no optimum: some data of the suites can be separated.
    "ProportionalOdds": [
        {"alpha": 0.01, "tol": 1e-9},
        {"alpha": 0.01, "l1_ratio": 0.5, "link": "probit", "tol": 1e-9},
    ],
    "ProportionalOddsCV": [{"n_alphas": 4, "eps": 1e-2, "cv": 3, "tol": 1e-9}],
    "LinearGaussianNB": [{}, {"priors": "uniform", "shrinkage": 0.3}],
    "NearestClassMean": [
        {},
        {"metric": "cosine"},
        {"metric": "seuclidean", "feature_transform": "center-l2"},
    ],
    "ShrinkageLDA": [{}, {"shrinkage": "oas", "priors": "uniform"}],
    "MultiQuantileRegressor": [
        {},
        {"estimator": BASE_MODELS[1][1], "quantiles": THREE},
    ],
    "QuantileAdapter": [
        {
            "estimator": LinearQuantileRegressor(),
            "predict_fn": predict_quantiles,
            "quantiles": THREE,
        }
    ],
    # The default has histogram gradient boosting, whose threads do not survive a fork.
    "QuantileStackingRegressor": [
        {"estimators": BASE_MODELS, "quantiles": THREE, "cv": 2},
    ],
    "TabularNetClassifier": [{**SMALL_NET, "module": "tabm"}, FULL_BATCH],
    "TabularNetRegressor": [SMALL_NET, FULL_BATCH],
    "CountLikelihoodClassifier": [
        {"tol": 1e-10},
        {"estimator": PRECISE},
    ],
    "DLLPClassifier": [{"tol": 1e-10}],
    # Held-out rows would not be the same ones if rows are repeated.
    "DLLPNetClassifier": [
        {
            "hidden_layer_sizes": (16,),
            "max_epochs": 20,
            "learning_rate_init": 0.1,
            "early_stopping": False,
            "dtype": "float64",
        },
    ],
    "EasyLLPClassifier": [{"tol": 1e-10}],
    "EmbeddingRefiner": [{"hidden_layer_sizes": (8, 4), "max_epochs": 5}],
    # Trees that split sparse tables like dense ones.
    "LeafRefiner": [{"n_estimators": 5, "max_leaf_nodes": 4}],
    "MeanMapClassifier": [{"tol": 1e-10}],
    "SelfLabelingLLPClassifier": [{"estimator": PRECISE}],
    "SMOGN": [{"relevance": [[0, 1], [1, 0], [2, 0]]}],
    "SMOTER": [{"relevance": [[0, 1], [1, 0], [2, 0]]}],
    "SMOTENC": [{"categorical_features": [0]}],
}


def instances():
    """Every public estimator, seeded: some checks compare two runs."""
    for name, cls in all_estimators():
        for parameters in PARAMETERS.get(name, [{}]):
            estimator = cls(**parameters)
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=0)
            yield estimator


ESTIMATORS = list(instances())
SAMPLERS = [e for e in ESTIMATORS if hasattr(e, "fit_resample")]

# Options that are not about results, need a device or an object, are many of a kind, or
# change nothing on a table of floats whose classes are not small.
_NOT_VARIED = {
    "compile",
    "cuda_graph",
    "cv",
    "drop_last",
    "integer_features",
    "on_small_class",
    "refiner",
    "relevance",
    "sampling_strategy",
    "scale_lr_with_batch",
    "scoring",
    "store_oof",
    "warm_start",
}


def variants(estimator):
    """The estimator, and one for each other value of a parameter that lists them.

    Yields pairs of a name and an estimator. Some combinations are refused by ``fit``.
    """
    name = type(estimator).__name__
    yield name, estimator
    for parameter, constraints in sorted(estimator._parameter_constraints.items()):
        if parameter in _NOT_VARIED or constraints == "no_validation":
            continue
        values = []
        for constraint in constraints:
            if isinstance(constraint, StrOptions):
                values += sorted(constraint.options - constraint.deprecated)
            elif isinstance(constraint, str) and constraint == "boolean":
                values += [True, False]
        for value in values:
            if value != getattr(estimator, parameter):
                varied = clone(estimator).set_params(**{parameter: value})
                yield f"{name}({parameter}={value!r})", varied
