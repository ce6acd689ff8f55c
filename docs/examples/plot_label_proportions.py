"""
Bags: what is learned from their counts, and what from the rows alone
=====================================================================

Of each bag only the number of positive rows is known. Two simulations compare
:class:`~skext.label_proportions.BeliefPropagationLLPClassifier`, which finds out from
held-out bags whether neighbours agree, and whether trees or a line learn the labels,
with the proportion loss of :class:`~skext.label_proportions.DLLPClassifier`. A control
belongs next to every result: the same learner after all bags were given the same
proportion.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skext.label_proportions import (
    BagProportionClassifier,
    BagSizeCurveDisplay,
    BeliefPropagationLLPClassifier,
    DLLPClassifier,
    MarginalCalibrationDisplay,
    make_bags,
)

# %%
# In the first simulation classes are made of clusters. In the second, one row in ten
# is positive, and positive rows are scattered around the others.

rng = np.random.default_rng(0)
n_samples = 3000
rare = (rng.random(n_samples) < 0.1).astype(int)
scattered = rng.normal(size=(n_samples, 5)) * np.where(rare, 2.0, 1.0)[:, np.newaxis]
scattered[:, 0] += rare
datasets = {
    "clusters of each class": make_classification(
        n_samples,
        10,
        n_informative=5,
        n_clusters_per_class=2,
        class_sep=1.2,
        random_state=0,
    ),
    "rare and scattered": (scattered, rare),
}
trees = HistGradientBoostingClassifier(max_iter=30, max_bins=31, random_state=0)
models = {
    "belief propagation": BeliefPropagationLLPClassifier(trees),
    "neighbours alone": BeliefPropagationLLPClassifier(
        trees, start="flat", similarity_strength=1.0, n_rounds=1, max_iter=500
    ),
    "DLLP (linear)": DLLPClassifier(),
    "bag proportion (linear)": BagProportionClassifier(LogisticRegression()),
}

# %%
# The control replaces the count of each bag by that of a bag with the overall share.


def flat(target):
    """Give every bag the overall share, rounded to whole rows."""
    target = target.copy()
    counts = np.round(target["proportion"].mean() * target["size"])
    target["proportion"] = counts / target["size"]
    return target


def areas(model, X, y, sizes, change=None, n_repeats=2):
    """Return ROC areas of test rows, of shape (n_repeats, n_sizes)."""
    found = np.empty((n_repeats, len(sizes)))
    for repeat in range(n_repeats):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=1 / 3, stratify=y, random_state=repeat
        )
        for column, size in enumerate(sizes):
            bags = make_bags(
                X_train, y_train, bag_size=size, remainder="drop", random_state=repeat
            )
            target = bags.target if change is None else change(bags.target)
            proba = model.fit(bags.data, target).predict_proba(X_test)[:, 1]
            found[repeat, column] = roc_auc_score(y_test, proba)
    return found


sizes = [8, 32, 128]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, (title, (X, y)) in zip(axes, datasets.items(), strict=True):
    found = {name: areas(model, X, y, sizes) for name, model in models.items()}
    learners = ("belief propagation", "neighbours alone")
    control = {name: areas(models[name], X, y, sizes, flat) for name in learners}
    BagSizeCurveDisplay(sizes, found, control).plot(ax=ax)
    ax.set_title(title)
    ax.label_outer()
    controls = {f"{name}, flat control": table for name, table in control.items()}
    for name, table in [*found.items(), *controls.items()]:
        print(f"{title}, {name}: {table.mean(axis=0).round(3).tolist()}")
axes[0].get_legend().remove()

# %%
# On the left belief propagation loses least as bags grow: it only has to name the
# clusters, for which a few bags are enough. Its control learns nothing, as it should.
# On the right neighbours alone look far better than the linear models, but their
# control is as good: the area comes from the density of the rows, where isolated ones
# are more often positive, and not from the bags. The default listens to neighbours
# and to trees only as far as they foretell held-out counts: it is as good where there
# are enough bags, and its control stays at one half, so that this was learned from
# the bags.
#
# Ranks say nothing about the probabilities themselves. Those that belief propagation
# infers for its training rows add up to the counts; whether they are right row by row
# is seen where labels are known, and depends on how strongly neighbours agree.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, strength in zip(axes, (1.0, 2.0), strict=True):
    X, y = datasets["clusters of each class"]
    bags = make_bags(X, y, bag_size=32, remainder="drop", random_state=0)
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(), similarity_strength=strength, max_iter=500
    ).fit(bags.data, bags.target)
    MarginalCalibrationDisplay.from_estimator(
        model, bags.y_true, name=f"similarity {strength:g}", ax=ax, n_bins=12
    )
    ax.label_outer()

plt.show()
