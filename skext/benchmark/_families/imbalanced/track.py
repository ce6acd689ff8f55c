"""The track of rare classes."""

from skext.benchmark._engine.track import Track
from skext.benchmark._families.imbalanced.methods import SAMPLERS
from skext.benchmark._families.imbalanced.tasks import TASKS

TRACKS = (
    Track(
        "imbalanced",
        "Rare classes: resampling against weights and a tuned threshold, all with the "
        "same classifier.",
        metrics={
            "binary": ("balanced_accuracy", "average_precision", "roc_auc", "log_loss"),
            "multiclass": ("balanced_accuracy", "geometric_mean", "roc_auc"),
        },
        baseline="logistic-tuned-threshold",
        methods=SAMPLERS,
        guests=("dummy",),
        tasks=TASKS,
        suites=("imbalanced",),
        speed="skext.benchmark._families.imbalanced.speed:CASES",
    ),
)
