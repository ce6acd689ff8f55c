"""The tabular protocol of the belief-propagation paper: AUC of rows by bag size.

Havaldar, Sharma, Sareen, Shanmugam and Raghuveer (ICLR 2024) cut the training rows of
a table at random into bags of 8 to 2048 rows, show a learner the number of positive
rows of each bag and nothing else, and compare areas under the ROC curve on test rows.
Done here on data that need no network, with a classifier of one's choice in the place
of their network, and next to controls:

* "flat": the same learner when every bag is said to have the overall share. What it
  gains over one half comes from the geometry of the rows, not from the bags.
* "shuffled": the shares are dealt to the wrong bags.
* "degree": no learner and no shares, only how close the neighbours of a row are; of
  both signs the better one.
* "supervised": the same classifiers with all labels.

    python benchmarks/papers/reproduce_llp.py
    python benchmarks/papers/reproduce_llp.py --quick
    python benchmarks/papers/reproduce_llp.py --data moons --draws 10 --csv found.csv

Each draw cuts new bags and another test set of a third of the rows. Printed are the
mean and the standard deviation over the draws. Bag sizes that leave fewer than four
bags are left out. Columns are scaled, and "BP" stands for belief propagation.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    make_classification,
    make_moons,
)
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skext.label_proportions import (
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    make_bags,
)

SIZES = [8, 32, 128, 512, 2048]
FEWEST_BAGS = 4


def clusters(n_samples):
    """Two clusters of each class: clusters and classes agree."""
    return make_classification(
        n_samples,
        10,
        n_informative=5,
        n_clusters_per_class=2,
        class_sep=1.2,
        random_state=0,
    )


def moons(n_samples):
    """Two classes that touch: the density has no gap between them."""
    return make_moons(n_samples, noise=0.3, random_state=0)


def rare(n_samples):
    """A wide rare class around a narrow common one: the density gives it away."""
    rng = np.random.default_rng(0)
    y = (rng.random(n_samples) < 0.1).astype(int)
    X = rng.normal(size=(n_samples, 5)) * np.where(y, 2.0, 1.0)[:, np.newaxis]
    X[:, 0] += y
    return X, y


def breast_cancer(n_samples):
    """Malignant against benign."""
    X, y = load_breast_cancer(return_X_y=True)
    return X, 1 - y


def digits(n_samples):
    """Odd against even digits: many clusters of each class."""
    X, y = load_digits(return_X_y=True)
    return X, y % 2


DATA = {
    "clusters": clusters,
    "moons": moons,
    "rare": rare,
    "breast cancer": breast_cancer,
    "digits": digits,
}


def learners():
    """Names and estimators; those with a control are belief propagation."""
    linear = LogisticRegression(max_iter=1000)
    trees = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    return {
        "BP + linear": BeliefPropagationLLPClassifier(linear),
        "BP + trees": BeliefPropagationLLPClassifier(trees),
        "DLLP": DLLPClassifier(),
        "count likelihood": CountLikelihoodClassifier(),
        "EasyLLP": EasyLLPClassifier(),
        "mean map": MeanMapClassifier(),
        "bag proportion": BagProportionClassifier(linear),
    }, {"linear": linear, "trees": trees}


def flat(target):
    """Give every bag the overall share, rounded to whole rows."""
    target = target.copy()
    counts = np.round(target["proportion"].mean() * target["size"])
    target["proportion"] = counts / target["size"]
    return target


def shuffled(target, seed):
    """Deal the shares to bags at random, rounded to whole rows."""
    target = target.copy()
    _, first, bag = np.unique(target["bag"], return_index=True, return_inverse=True)
    share = target["proportion"][first]
    share = np.random.default_rng(seed).permutation(share)[bag]
    target["proportion"] = np.round(share * target["size"]) / target["size"]
    return target


def degree_auc(X, y, n_neighbors=5):
    """AUC of the mean distance to the neighbours, of either sign."""
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(X)
    area = roc_auc_score(y, search.kneighbors()[0].mean(axis=1))
    return max(area, 1 - area)


def test_auc(model, X, target, X_test, y_test):
    """Fit to bags and return the AUC of test rows."""
    model.fit(X, target)
    return roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])


def one_draw(X, y, sizes, seed):
    """Yield the name of a learner, a bag size and an AUC."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    models, supervised = learners()
    degree = degree_auc(X_test, y_test)
    full = {
        f"supervised {name}": test_auc(model, X, y, X_test, y_test)
        for name, model in supervised.items()
    }
    for size in sizes:
        bags = make_bags(X, y, bag_size=size, remainder="drop", random_state=seed)
        rows, target = bags.data, bags.target
        for name, model in models.items():
            yield name, size, test_auc(model, rows, target, X_test, y_test)
            if name.startswith("BP"):
                inferred = model.pseudo_label_proba_[:, 1]
                controls = {
                    "flat": flat(target),
                    "shuffled": shuffled(target, seed),
                }
                if name == "BP + linear":
                    yield "BP train rows", size, roc_auc_score(bags.y_true, inferred)
                for control, wrong in controls.items():
                    area = test_auc(model, rows, wrong, X_test, y_test)
                    yield f"{name}, {control}", size, area
        yield "degree", size, degree
        for name, area in full.items():
            yield name, size, area


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--rows", type=int, default=30000, help="of simulated data")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--csv", help="write all areas to this file")
    parser.add_argument(
        "--quick", action="store_true", help="3000 simulated rows and 2 draws"
    )
    arguments = parser.parse_args()
    n_rows, draws = arguments.rows, arguments.draws
    if arguments.quick:
        n_rows, draws = 3000, 2
    # Runs that stop at the largest number of sweeps count as they are.
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = []
    for name in arguments.data:
        X, y = DATA[name](n_rows)
        n_train = 2 * len(X) // 3
        sizes = [size for size in arguments.sizes if FEWEST_BAGS * size <= n_train]
        for seed in range(draws):
            found += [(name, seed, *line) for line in one_draw(X, y, sizes, seed)]
        frame = pd.DataFrame(found, columns=["data", "draw", "learner", "size", "auc"])
        frame = frame[frame["data"] == name]
        groups = frame.groupby(["learner", "size"], sort=False)["auc"]
        cells = groups.mean().map("{:.3f}".format)
        cells += groups.std(ddof=0).map(" ({:.3f})".format)
        print(f"\n{name}: {len(X)} rows, {y.mean():.1%} positive, {draws} draws")
        print(cells.unstack("size").to_string(), flush=True)
    if arguments.csv:
        columns = ["data", "draw", "learner", "size", "auc"]
        pd.DataFrame(found, columns=columns).to_csv(arguments.csv, index=False)


if __name__ == "__main__":
    main()
