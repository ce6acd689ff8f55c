"""The track of label proportions, and metrics of what rows say about bags of them.

The rows of a test fold are put into random bags of one size, whatever the size of the
bags that were learned from, so that the values of different tasks can be compared.
"""

from functools import partial

import numpy as np

from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.tasks import resolve
from skext.benchmark._engine.track import FIGURES, Track
from skext.benchmark._families.llp.methods import LLP
from skext.benchmark._families.llp.tasks import TASKS

_BAG_SIZE = 32
_PACKAGE = "skext.label_proportions"
_FOLDER = "skext.benchmark._families.llp"


def _test_bags(y, n_classes):
    """Put rows into bags: the same ones for all methods."""
    bags = np.random.default_rng(0).permutation(y.size) // _BAG_SIZE
    counts = np.zeros((bags.max() + 1, n_classes))
    np.add.at(counts, (bags, y), 1)
    counts = counts[:, 1] if n_classes == 2 else counts
    return resolve(f"{_PACKAGE}:bag_target")(bags, counts=counts)


def _bag_share_error(y, proba):
    # Sums of probabilities can exceed one by rounding.
    error = resolve(f"{_PACKAGE}:bag_mean_absolute_error")
    return error(_test_bags(y, proba.shape[1]), np.clip(proba, 0.0, 1.0))


def _bag_count_log_loss(y, proba):
    loss = resolve(f"{_PACKAGE}:bag_count_log_loss")
    return loss(_test_bags(y, proba.shape[1]), np.clip(proba, 1e-7, 1 - 1e-7))


_loss = partial(Metric, needs="proba", greater_is_better=False)

_METRICS = (
    _loss(
        "bag_share_error",
        _bag_share_error,
        "mean absolute error of the shares of classes in bags of 32 test rows",
    ),
    _loss(
        "bag_count_log_loss",
        _bag_count_log_loss,
        "log loss of the counts of bags of 32 test rows, per row",
    ),
)
_HEADLINES = ("roc_auc", "log_loss", "brier", "bag_share_error", "bag_count_log_loss")

TRACKS = (
    Track(
        "llp",
        "Label proportions: classifiers that are told how many rows of a bag are "
        "positive, and no label. What does not beat the controls, which are told "
        "nothing true about single bags, has learned nothing from them.",
        metrics={"binary": _HEADLINES, "multiclass": _HEADLINES},
        # The line that methods have to pass to have learned from bags.
        baseline="control-bp-flat",
        own_metrics=_METRICS,
        methods=LLP,
        guests=("dummy",),
        tasks=TASKS,
        suites=("llp",),
        speed=f"{_FOLDER}.speed:CASES",
        figures=(*FIGURES, f"{_FOLDER}.figure:score_against_bag_size"),
    ),
)
