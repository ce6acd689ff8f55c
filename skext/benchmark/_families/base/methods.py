"""Classifiers and regressors that everybody has: baselines of every run."""

from skext.benchmark._engine.factories import entries, estimator
from skext.benchmark._engine.kinds import CLASSIFICATION

_classifier = entries(task_types=CLASSIFICATION, tracks=("classification",))
_regressor = entries(task_types=("regression",), tracks=("regression",))

_BOOSTING_SPACE = {
    "learning_rate": [0.01, 0.03, 0.1, 0.3],
    "max_leaf_nodes": [7, 15, 31, 63],
    "l2_regularization": [0.0, 0.1, 1.0, 10.0],
}

CLASSIFIERS = (
    _classifier(
        "dummy",
        estimator("sklearn.dummy:DummyClassifier", strategy="prior"),
        "baseline",
        "class frequencies, whatever the row",
        cost=0.1,
    ),
    _classifier(
        "logistic",
        estimator("sklearn.linear_model:LogisticRegression", max_iter=1000),
        "baseline",
        "logistic regression, C = 1",
        space={"C": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]},
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
)

REGRESSORS = (
    _regressor(
        "dummy-regressor",
        estimator("sklearn.dummy:DummyRegressor"),
        "baseline",
        "training mean",
        cost=0.1,
    ),
    _regressor(
        "ridge",
        estimator("sklearn.linear_model:RidgeCV"),
        "baseline",
        "ridge regression, strength by generalised cross-validation",
        cost=0.5,
    ),
    _regressor(
        "random-forest-regressor",
        estimator("sklearn.ensemble:RandomForestRegressor", n_estimators=100),
        "baseline",
        "100 trees",
        preprocess="ordinal",
        cost=15.0,
    ),
    _regressor(
        "boosting-regressor",
        estimator("sklearn.ensemble:HistGradientBoostingRegressor", max_iter=100),
        "baseline",
        "gradient boosting, 100 rounds",
        preprocess="ordinal",
        cost=10.0,
        space=_BOOSTING_SPACE,
    ),
)
