"""Quantile tasks of the suite that needs no network."""

from skext.benchmark._engine.tasks import Task
from skext.benchmark._families.quantile.rivals import EXPERT_TASK

_HERE = "skext.benchmark._families.quantile.tasks"


def quantile_tasks():
    """Return a real table, and a simulated one with experts to combine."""
    options = {"track": "quantile", "folds": (1, 2), "suite": "offline 1"}
    return [
        Task(
            id="diabetes-quantile",
            loader="skext.benchmark._families.offline:bundled",
            arguments=(("function", "load_diabetes"),),
            source="scikit-learn",
            **options,
        ),
        Task(
            id=EXPERT_TASK,
            loader=f"{_HERE}:experts",
            arguments=(("n_samples", 1000),),
            source="simulated, stacks combine five experts that have seen no target",
            **options,
        ),
    ]


def experts(**options):
    """Heteroscedastic rows with three features."""
    from skext.datasets import make_quantile_experts

    found = make_quantile_experts(random_state=0, **options)
    return {"X": found.data, "y": found.target}
