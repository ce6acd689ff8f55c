"""Entries of the method catalogue that predict quantiles.

They do regression tasks, too, with their medians.
"""

from dataclasses import dataclass

from sklearn.dummy import DummyRegressor

from skext.benchmark._engine.factories import entries, estimator
from skext.benchmark._engine.tasks import resolve
from skext.benchmark._families.quantile.rivals import LEVELS

_MODELS = "skext.benchmark._families.quantile.rivals"


@dataclass(frozen=True)
class _Made:
    """A factory that calls a function of the models with the task."""

    name: str
    options: tuple = ()

    def __call__(self, info):
        return resolve(f"{_MODELS}:{self.name}")(info, **dict(self.options))


def _constant():
    make = resolve("skext.quantile:MultiQuantileRegressor")
    return make(DummyRegressor(), quantiles=list(LEVELS))


_entry = entries(task_types=("regression", "quantile"), tracks=("quantile",))


def _stack(name, granularity, family, description, **options):
    factory = _Made("stack", (("granularity", granularity),))
    options = {"preprocess": "none", "cost": 3.0, **options}
    return _entry(name, factory, family, description, **options)


def _ours(name, cls, description, **options):
    factory = estimator(f"skext.quantile:{cls}", quantiles=LEVELS)
    return _entry(f"skext-{name}", factory, "skext", description, **options)


_OF_MODELS = "of linear, normal, neighbours' and, from 2000 rows on, boosted quantiles"

QUANTILE_METHODS = (
    _entry(
        "dummy-quantile",
        _constant,
        "baseline",
        "quantiles of the training targets, whatever the row",
        cost=0.1,
    ),
    _entry(
        "boosting-quantile",
        _Made("boosting", (("non_crossing", None),)),
        "baseline",
        "scikit-learn's gradient boosting for each level, quantiles may cross",
        preprocess="ordinal",
        cost=10.0,
    ),
    _stack("quantile-average", "average", "baseline", f"mean {_OF_MODELS}"),
    _stack("quantile-median", "median", "baseline", f"median {_OF_MODELS}"),
    _ours("linear-quantile", "LinearQuantileRegressor", "linear quantiles"),
    _entry(
        "skext-multi-quantile",
        _Made("boosting"),
        "skext",
        "the same boosting, crossing quantiles put in order",
        preprocess="ordinal",
        cost=10.0,
    ),
    _ours(
        "conformal-quantile",
        "ConformalQuantileRegressor",
        "linear quantiles, calibrated on a fifth of the rows",
    ),
    _stack(
        "skext-quantile-coarse",
        "coarse",
        "skext",
        f"weighted mean {_OF_MODELS}, a weight for each model",
    ),
    _stack(
        "skext-quantile-stack",
        "medium",
        "skext",
        f"weighted mean {_OF_MODELS}, a weight for each model and level",
    ),
    _stack(
        "skext-quantile-fine",
        "fine",
        "skext",
        f"weighted mean {_OF_MODELS}, levels mixed as well",
        cost=6.0,
    ),
    # On request.
    _stack(
        "quantile-regression-averaging",
        "qra",
        "baseline",
        f"free weights and a constant for each level {_OF_MODELS}",
        tracks=(),
    ),
    _entry(
        "quantile-forest",
        _Made("quantile_forest"),
        "peer",
        "quantile regression forest, 100 trees",
        preprocess="ordinal",
        needs=("quantile_forest",),
        extra=None,
        tracks=(),
        cost=10.0,
    ),
)
