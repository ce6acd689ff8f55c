"""
Two regimes: closed form first, logistic regression later
=========================================================

All classifiers here are linear. :class:`~skext.naive_bayes.LinearGaussianNB` and
:class:`~skext.naive_bayes.ShrinkageLDA` compute their weights from class means and
variances, logistic regression searches them. With few labels the computed weights are
better; with many labels the searched ones are, unless the assumptions of the former
hold. :func:`~skext.naive_bayes.probe_learning_curve` finds where the curves cross.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.datasets import make_gaussian_mixture
from skext.naive_bayes import (
    LinearGaussianNB,
    ProbeLearningCurveDisplay,
    ShrinkageLDA,
    naive_bayes_diagnostics,
    probe_learning_curve,
)

# %%
# Two data sets: a simulation in which naive Bayes is the true model and the best
# possible error rate is known, and measurements of cell nuclei, which are anything but
# independent.

truth = make_gaussian_mixture(2000, 100, separation=3, random_state=0)
datasets = {
    "simulation, 100 features": (truth.data, truth.target),
    "breast cancer, 30 features": load_breast_cancer(return_X_y=True),
}
probes = {
    "LinearGaussianNB": LinearGaussianNB(),
    "ShrinkageLDA": ShrinkageLDA(),
    "LogisticRegression": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=300)
    ),
}

# %%
# In each repeat all probes meet the same nested training sets and the same test rows.
# The probes in closed form go through them in one pass.

sizes = [8, 20, 40, 80, 160, 400]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, (title, (X, y)) in zip(axes, datasets.items(), strict=True):
    curve = probe_learning_curve(
        probes, X, y, train_sizes=sizes, n_repeats=10, random_state=0
    )
    crossover = ("LinearGaussianNB", "LogisticRegression")
    ProbeLearningCurveDisplay.from_result(curve, ax=ax, crossover=crossover)
    ax.set(title=title, ylim=(0, None))
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    print(title, curve.crossover(*crossover))
axes[0].axhline(truth.bayes_error, color="black", linestyle="--", linewidth=1)

# %%
# In the simulation naive Bayes stays ahead, because nothing better is to be learnt; the
# dashed line is the best possible error. On the real data the curves cross after a few
# dozen rows: the dependence between the measurements, which naive Bayes ignores, is
# worth learning as soon as there are enough labels.
#
# The diagnostics say so without a curve. ``overcount`` is one where features are
# independent given the class, and large where naive Bayes counts the same evidence
# again and again.

for title, (X, y) in datasets.items():
    found = naive_bayes_diagnostics(LinearGaussianNB().fit(X, y), X, y)
    print(title, found.frame.loc[[0, 50, 100], ["beta", "overcount", "separation"]])

plt.show()
