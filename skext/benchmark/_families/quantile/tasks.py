"""Quantile tasks of the suite that needs no network."""

from skext.benchmark._engine.tasks import offline_task
from skext.benchmark._families.quantile.rivals import EXPERT_TASK
from skext.datasets import make_quantile_experts

_HERE = "skext.benchmark._families.quantile.tasks"


def experts(**options):
    """Heteroscedastic rows with three features."""
    found = make_quantile_experts(random_state=0, **options)
    return {"X": found.data, "y": found.target}


_OPTIONS = {"track": "quantile", "folds": (1, 2)}

TASKS = (
    offline_task(
        "diabetes-quantile",
        "skext.benchmark._families.base.tasks:bundled",
        "scikit-learn",
        function="load_diabetes",
        **_OPTIONS,
    ),
    offline_task(
        EXPERT_TASK,
        f"{_HERE}:experts",
        "simulated, stacks combine five experts that have seen no target",
        n_samples=1000,
        **_OPTIONS,
    ),
)
