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
bags are left out. Columns are scaled. "BP" is belief propagation at its defaults, "BP,
linear" the same with logistic regression at the end, and "BP, neighbours alone" starts
without an opinion of rows and lets neighbours agree with a strength of one, as in the
paper.

With ``--openml`` the data are two of the paper's, Adult and Bank Marketing, and there
are more learners: the family around boosted trees, and as outside baselines ridge
regression on the means of bags and boosted trees that regress the share of the bag.

    python benchmarks/papers/reproduce_llp.py --openml --rows 12500 --draws 2
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    make_classification,
    make_moons,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skext.datasets import load_openml
from skext.label_proportions import (
    BagKFold,
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    make_bag_scorer,
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


OPENML = {"adult": 1590, "bank marketing": 1461}


def openml(name, n_samples, data_home, offline):
    """Sample rows of a table, categories one-hot; the rarer class is positive."""
    found = load_openml(OPENML[name], data_home=data_home, offline=offline)
    y = np.asarray(found.y).astype(str)
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    y = (codes == counts.argmin()).astype(int)
    X = found.X
    if n_samples < y.size:
        X, _, y, _ = train_test_split(
            X, y, train_size=n_samples, stratify=y, random_state=0
        )
    numeric = make_column_selector(dtype_include="number")
    names = make_column_selector(dtype_exclude="number")
    coding = OneHotEncoder(
        min_frequency=0.01, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    prepare = make_column_transformer((StandardScaler(), numeric), (coding, names))
    return prepare.fit_transform(X).astype(np.float64), y


class RidgeOnBagMeans(ClassifierMixin, BaseEstimator):
    """Ridge regression of the shares of bags on the means of their rows."""

    def fit(self, X, target):
        self.classes_ = np.arange(2)
        _, first, bag = np.unique(target["bag"], return_index=True, return_inverse=True)
        means = pd.DataFrame(X).groupby(bag).mean().to_numpy()
        ridge = RidgeCV(np.logspace(-4, 3, 15))
        self.model_ = ridge.fit(means, target["proportion"][first])
        return self

    def predict_proba(self, X):
        share = self.model_.predict(X)
        return np.column_stack([1 - share, share])


class TreesOnBagShare(RidgeOnBagMeans):
    """Boosted trees that regress the share of its bag on each row."""

    def fit(self, X, target):
        self.classes_ = np.arange(2)
        trees = HistGradientBoostingRegressor(**TREES)
        self.model_ = trees.fit(X, target["proportion"])
        return self


TREES = {"max_iter": 50, "max_leaf_nodes": 15, "max_bins": 63, "random_state": 0}


def tuned(model):
    """Choose the penalty by what held-out bags say about their counts."""
    grid = {"C": np.logspace(-5, 0, 6)}
    scorer = make_bag_scorer("bag_count_log_loss")
    return GridSearchCV(model, grid, cv=BagKFold(4), scoring=scorer)


def belief_propagation(trees):
    """At its defaults, with a linear end, and with neighbours alone."""
    linear = LogisticRegression(max_iter=1000)
    alone = {"start": "flat", "similarity_strength": 1.0, "n_rounds": 1}
    return {
        "BP": BeliefPropagationLLPClassifier(random_state=0),
        "BP, linear": BeliefPropagationLLPClassifier(linear),
        "BP, neighbours alone": BeliefPropagationLLPClassifier(trees, **alone),
    }


def more_learners():
    """Learners of real tables, ours and, in brackets, of others."""
    trees = HistGradientBoostingClassifier(**TREES)
    linear = LogisticRegression(max_iter=1000)
    return {
        **belief_propagation(trees),
        "DLLP": DLLPClassifier(),
        "count likelihood": CountLikelihoodClassifier(),
        "EasyLLP": EasyLLPClassifier(),
        "mean map": MeanMapClassifier(),
        "DLLP, tuned": tuned(DLLPClassifier()),
        "count likelihood, tuned": tuned(CountLikelihoodClassifier()),
        "bag proportion": BagProportionClassifier(linear),
        "bag proportion + trees": BagProportionClassifier(trees),
        "(ridge on bag means)": RidgeOnBagMeans(),
        "(trees on bag share)": TreesOnBagShare(),
    }, {"linear": linear, "trees": trees}


def learners():
    """Names and estimators; those with a control are belief propagation."""
    linear = LogisticRegression(max_iter=1000)
    trees = HistGradientBoostingClassifier(max_iter=50, random_state=0)
    return {
        **belief_propagation(trees),
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


def one_draw(X, y, sizes, seed, choose=learners):
    """Yield the name of a learner, a bag size and an AUC."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    models, supervised = choose()
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
            if name in ("BP", "BP, neighbours alone"):
                inferred = model.pseudo_label_proba_[:, 1]
                yield f"{name}: train rows", size, roc_auc_score(bags.y_true, inferred)
                controls = {
                    "flat": flat(target),
                    "shuffled": shuffled(target, seed),
                }
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
    parser.add_argument("--openml", action="store_true", help="two real tables")
    parser.add_argument("--data-home", help="folder of the tables of OpenML")
    parser.add_argument("--offline", action="store_true", help="take no new tables")
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
    for name in OPENML if arguments.openml else arguments.data:
        if arguments.openml:
            X, y = openml(name, n_rows, arguments.data_home, arguments.offline or None)
        else:
            X, y = DATA[name](n_rows)
        n_train = 2 * len(X) // 3
        sizes = [size for size in arguments.sizes if FEWEST_BAGS * size <= n_train]
        for seed in range(draws):
            choose = more_learners if arguments.openml else learners
            lines = one_draw(X, y, sizes, seed, choose)
            found += [(name, seed, *line) for line in lines]
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
