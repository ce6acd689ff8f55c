"""Clusterings that find the number of clusters, on numbered problems with known truth.

The paper on Probabilistic Partitive Partitioning (Sultan, arXiv:2003.04372) has no
protocol that could be repeated. This one is ours: tables of
``skext.datasets.make_cluster_problem`` in ten families (round, of different sizes, of
different spread, elongated, heavy-tailed, uniform, skewed, Laplace, large), 1 to 15
clusters in 2 to 15 columns, and tables without clusters. No method is told the number
of clusters; all run with their defaults.

    python benchmarks/papers/compare_clusterings.py                       # 0 to 99
    python benchmarks/papers/compare_clusterings.py --problems 200 300 --json out.json
    python benchmarks/papers/compare_clusterings.py --nulls

Methods of ClustPy take part where it is installed. Seconds are CPU time.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from skext.benchmark import TaskInfo
from skext.benchmark._engine.methods import set_random_state
from skext.benchmark._engine.track import METHODS, default_methods
from skext.datasets import make_cluster_problem, make_unclustered

NULLS = "normal student lognormal laplace exponential uniform ball".split()


def problems(first, last):
    """Numbered tables: name of the group, rows, true clusters."""
    for number in range(first, last):
        found = make_cluster_problem(number)
        yield found.family, found.data, found.target


def nulls(n_repeats):
    """Tables without clusters in the sizes that matter."""
    for kind in NULLS:
        for n_features in (1, 2, 5, 10):
            for n_samples in (200, 1000, 4000):
                for seed in range(n_repeats if n_samples < 4000 else n_repeats // 2):
                    found = make_unclustered(
                        n_samples, n_features, kind=kind, random_state=seed
                    )
                    yield f"{kind} {n_features}d", found.data, found.target


def run(name, X, y, seed):
    """Fit one method; return how good and how fast."""
    info = TaskInfo("problem", "clustering", "clustering", *X.shape, 0, ())
    model = METHODS[name].make(info)
    set_random_state(model, seed)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = model.fit_predict(X)
    seconds = time.process_time() - began
    k = np.unique(labels[labels >= 0]).size
    return k == np.unique(y).size, adjusted_rand_score(y, labels), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, nargs=2, default=(0, 100))
    parser.add_argument("--nulls", action="store_true", help="tables of one cluster")
    parser.add_argument("--repeats", type=int, default=12, help="of the nulls")
    parser.add_argument("--methods", nargs="+", help="names of the catalogue")
    parser.add_argument("--json", type=Path, help="write the figures of each table")
    arguments = parser.parse_args()
    names = arguments.methods or [
        method.name
        for method in default_methods("clustering")
        if method.missing() is None and "dummy" not in method.name
    ]
    data = (
        nulls(arguments.repeats) if arguments.nulls else problems(*arguments.problems)
    )
    rows = []
    with threadpool_limits(1):
        for number, (group, X, y) in enumerate(data):
            for name in names:
                exact, agreement, seconds = run(name, X, y, number)
                rows.append((group, number, name, bool(exact), agreement, seconds))
    columns = ["group", "number", "method", "exact k", "adjusted Rand", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    if arguments.json:
        arguments.json.write_text(json.dumps(frame.to_dict("records"), indent=1))
    measures = columns[3:]
    overall = frame.groupby("method")[measures].mean().sort_values("exact k")
    print(overall[::-1].round(3).to_string(), end="\n\n")
    by_group = frame.pivot_table("exact k", "group", "method", aggfunc="mean")
    print(by_group[overall.index[::-1]].round(2).to_string())


if __name__ == "__main__":
    main()
