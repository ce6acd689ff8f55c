"""
Bags: what is learned from their counts, and what from the rows alone
=====================================================================

Of each bag only the number of positive rows is known. Two simulations show when
:class:`~skext.label_proportions.BeliefPropagationLLPClassifier`, which supposes that
neighbours agree, does better than the proportion loss of
:class:`~skext.label_proportions.DLLPClassifier`, and why a control belongs next to
every result: the same learner after all bags were given the same proportion.
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
    BeliefPropagationLLPClassifier,
    DLLPClassifier,
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
    "belief propagation": BeliefPropagationLLPClassifier(trees, max_iter=500),
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
    for number, (name, model) in enumerate(models.items()):
        mean = areas(model, X, y, sizes).mean(axis=0)
        ax.plot(sizes, mean, "o-", color=f"C{number}", label=name)
        print(f"{title}, {name}: {mean.round(3).tolist()}")
    mean = areas(models["belief propagation"], X, y, sizes, flat).mean(axis=0)
    ax.plot(sizes, mean, "o:", color="C0", label="belief propagation, flat control")
    print(f"{title}, flat control: {mean.round(3).tolist()}")
    ax.axhline(0.5, color="gray", linewidth=0.8)
    ax.set(title=title, xscale="log", xlabel="rows of a bag")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
axes[0].set_ylabel("ROC area of test rows")
axes[1].legend(loc="center right", fontsize="small")

# %%
# On the left belief propagation loses least as bags grow: it only has to name the
# clusters, for which a few bags are enough. Its control learns nothing, as it should.
# On the right belief propagation looks far better than the linear models, but its
# control is as good: the area comes from the density of the rows, where isolated ones
# are more often positive, and not from the bags.

plt.show()
