"""Entries of the method catalogue for ordered classes.

Codes of the classes are their ordinal positions, so that no method has to be told
the order.
"""

from skext.benchmark._engine.factories import entries, estimator
from skext.benchmark._engine.kinds import CLASSIFICATION

_RIVALS = "skext.benchmark._families.ordinal.rivals"


_entry = entries(task_types=CLASSIFICATION, tracks=("ordinal",))


def _ours(name, cls, description, *, parameters=None, **options):
    factory = estimator(f"skext.ordinal:{cls}", **(parameters or {}))
    return _entry(f"skext-{name}", factory, "skext", description, **options)


def _peer(package, name, description, **options):
    return _entry(
        f"{package}-{name}",
        estimator(f"{_RIVALS}:OrdinalPeer", package=package),
        "peer",
        description,
        needs=(package,),
        extra=None,
        tracks=(),
        **options,
    )


_ALPHAS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]

ORDINAL = (
    _ours(
        "presto",
        "PRESTOCV",
        "weights per threshold shrunk towards proportional odds, strength by the Brier "
        "score",
        cost=4.0,
    ),
    _ours("proportional-odds", "ProportionalOdds", "proportional odds, no penalty"),
    _entry(
        "rare-vs-rest",
        estimator(f"{_RIVALS}:RareVersusRest"),
        "baseline",
        "logistic regression of the last class, and of the others among themselves",
        cost=1.0,
    ),
    # On request: the main job has no time for a second choice of the strength.
    _ours(
        "presto-log-loss",
        "PRESTOCV",
        "weights per threshold shrunk towards proportional odds, strength by log loss",
        parameters={"scoring": "log_loss"},
        tracks=(),
        cost=4.0,
    ),
    _ours(
        "presto-fixed",
        "PRESTO",
        "weights per threshold, fixed strength; meant to be tuned",
        tracks=(),
        space={"alpha": _ALPHAS, "fusion_weight": [0.5, 1.0, 2.0, 5.0]},
    ),
    _ours(
        "proportional-odds-cv",
        "ProportionalOddsCV",
        "proportional odds, penalty by cross-validation",
        tracks=(),
        cost=3.0,
    ),
    _peer("skordinal", "proportional-odds", "proportional odds of skordinal"),
    _peer("mord", "all-threshold", "all-threshold logistic model of mord", cost=3.0),
    _peer("statsmodels", "ordered-logit", "ordered logit of statsmodels", cost=30.0),
)
