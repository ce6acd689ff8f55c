"""The track of networks."""

from skext.benchmark._engine.track import Track
from skext.benchmark._families.neural.methods import NEURAL
from skext.benchmark._families.neural.tasks import TASKS

_HEADLINES = ("accuracy", "log_loss", "roc_auc", "balanced_accuracy")

TRACKS = (
    Track(
        "neural",
        "Networks that differ in their loss, next to other classifiers. The dummy "
        "predicts the largest class: its accuracy is the share of that class.",
        metrics={"binary": _HEADLINES, "multiclass": _HEADLINES},
        # The network that users of scikit-learn have already.
        baseline="mlp-small",
        methods=NEURAL,
        guests=("dummy", "logistic", "hist-gradient-boosting"),
        tasks=TASKS,
        suites=("ensloss",),
        speed="skext.benchmark._families.neural.speed:CASES",
    ),
)
