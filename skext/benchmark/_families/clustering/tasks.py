"""Clustering tasks of the suite that needs no network. Labels only score."""

from skext.benchmark._engine.tasks import offline_task
from skext.datasets import (
    make_cluster_problem,
    make_separated_clusters,
    make_unclustered,
)

_HERE = "skext.benchmark._families.clustering.tasks"


def problem(number):
    """One table of the clustering benchmark."""
    return _bunch(make_cluster_problem(number))


def separated(**options):
    """Clusters at a known distance."""
    return _bunch(make_separated_clusters(random_state=0, **options))


def unclustered(**options):
    """One cluster of some shape."""
    return _bunch(make_unclustered(random_state=0, **options))


def _bunch(found):
    return {"X": found.data, "y": found.target, "task_type": "clustering"}


_BUNDLED = "skext.benchmark._families.base.tasks:bundled"


def _task(name, source, loader, **arguments):
    options = {"track": "clustering", "folds": (1, 1)}
    return offline_task(name, loader, source, **options, **arguments)


# Real tables, benchmark problems, overlap, rare clusters and no clusters.
TASKS = (
    _task("wine-clusters", "scikit-learn", _BUNDLED, function="load_wine"),
    _task("iris-clusters", "scikit-learn", _BUNDLED, function="load_iris"),
    *(
        _task(f"problem-{number}", source, f"{_HERE}:problem", number=number)
        for number, source in (
            (110, "simulated, spherical clusters"),
            (101, "simulated, clusters of very different sizes"),
            (104, "simulated, random covariances"),
            (105, "simulated, heavy tails"),
            (107, "simulated, skewed clusters"),
        )
    ),
    _task(
        "overlap-15",
        "simulated, 15 clusters at 3.2 standard deviations",
        f"{_HERE}:separated",
        n_samples=1500,
        n_clusters=15,
        separation=3.2,
    ),
    _task(
        "no-clusters-uniform",
        "simulated, a uniform square",
        f"{_HERE}:unclustered",
        n_samples=500,
        kind="uniform",
    ),
    _task(
        "no-clusters-skewed",
        "simulated, exponential",
        f"{_HERE}:unclustered",
        n_samples=500,
        kind="exponential",
    ),
)
