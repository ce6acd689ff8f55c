"""Time and memory of belief propagation on bags of many rows.

    python benchmarks/bags_of_many_rows.py
    python benchmarks/bags_of_many_rows.py --rows 200000 --features 30 --bag-size 128

Prints wall and CPU time of one fit at the defaults, the area under the ROC curve of the
rows, and the largest memory during the fit, less that before, in tables.
"""

import argparse
import resource
import time

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from skext.label_proportions import (
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    bag_target,
)


def draw(n_samples, n_features, bag_size):
    """A curved surface between the classes; half of the features say nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features))
    half = n_features // 2
    score = X[:, :half] @ rng.normal(size=half) / np.sqrt(half)
    score += 0.7 * X[:, 0] * X[:, 1] + 0.5 * np.abs(X[:, 2])
    y = rng.random(n_samples) < expit(2 * score - 1.5)
    codes = np.arange(n_samples) // bag_size
    return X, y, bag_target(codes, counts=np.bincount(codes, y))


def peak():
    """Largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--bag-size", type=int, default=128)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    small = draw(2000, arguments.features, arguments.bag_size)
    X, y, target = draw(arguments.rows, arguments.features, arguments.bag_size)
    for cls in (CountLikelihoodClassifier, BeliefPropagationLLPClassifier):
        model = cls(n_jobs=arguments.jobs)
        model.fit(small[0], small[2])
        before, wall, cpu = peak(), time.perf_counter(), time.process_time()
        model.fit(X, target)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        area = roc_auc_score(y, model.predict_proba(X)[:, 1])
        more = (peak() - before) / X.nbytes
        print(
            f"{cls.__name__}: {wall:.0f} s, {cpu:.0f} CPU s, area {area:.3f}, memory "
            f"{more:.1f} tables more",
            flush=True,
        )
    print(
        f"strength {model.similarity_strength_}, {model.n_rounds_} rounds, "
        f"{type(model.estimator_).__name__}"
    )


if __name__ == "__main__":
    main()
