"""Clustering tasks of the suite that needs no network. Labels only score."""

from skext.benchmark._engine.tasks import Task

_HERE = "skext.benchmark._families.clustering.tasks"


def clustering_tasks():
    """Real tables, benchmark problems, overlap, rare clusters and no clusters."""
    bundled = "skext.benchmark._families.offline:bundled"
    return [
        _task("wine-clusters", "scikit-learn", bundled, function="load_wine"),
        _task("iris-clusters", "scikit-learn", bundled, function="load_iris"),
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
    ]


def _task(name, source, loader, **arguments):
    return Task(
        id=name,
        track="clustering",
        loader=loader,
        arguments=tuple(sorted(arguments.items())),
        folds=(1, 1),
        source=source,
        suite="offline 1",
    )


def problem(number):
    """One table of the clustering benchmark."""
    from skext.datasets import make_cluster_problem

    return _bunch(make_cluster_problem(number))


def separated(**options):
    """Clusters at a known distance."""
    from skext.datasets import make_separated_clusters

    return _bunch(make_separated_clusters(random_state=0, **options))


def unclustered(**options):
    """One cluster of some shape."""
    from skext.datasets import make_unclustered

    return _bunch(make_unclustered(random_state=0, **options))


def _bunch(found):
    return {"X": found.data, "y": found.target, "task_type": "clustering"}
