"""The track of linear probes."""

from skext.benchmark._engine.track import Track
from skext.benchmark._families.probes.methods import PROBES
from skext.benchmark._families.probes.tasks import TASKS

_HEADLINES = ("accuracy", "log_loss", "roc_auc")

TRACKS = (
    Track(
        "probes",
        "Few labels: linear classifiers on growing training sets.",
        metrics={"binary": _HEADLINES, "multiclass": _HEADLINES},
        baseline="logistic",
        methods=PROBES,
        guests=("dummy", "logistic"),
        tasks=TASKS,
        speed="skext.benchmark._families.probes.speed:CASES",
    ),
)
