"""
Two regimes: naive Bayes first, logistic regression later
=========================================================

Both classifiers are linear. :class:`~skext.naive_bayes.LinearGaussianNB` computes its
weights from means and variances, logistic regression searches them. With few labels
the computed weights are better; with many labels the searched ones are, unless the
assumptions of naive Bayes hold.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.datasets import make_gaussian_mixture
from skext.naive_bayes import LinearGaussianNB

# %%
# Two data sets: a simulation in which naive Bayes is the true model and the best
# possible error rate is known, and measurements of cell nuclei, which are anything but
# independent.

truth = make_gaussian_mixture(
    4000, 100, n_classes=2, separation=3, rescale=False, random_state=0
)
datasets = {
    "simulation, 100 features": (truth.data, truth.target),
    "breast cancer, 30 features": load_breast_cancer(return_X_y=True),
}
models = {
    "LinearGaussianNB": LinearGaussianNB(),
    "LogisticRegression": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=300)
    ),
}

# %%
# Each repeat draws one test set and a nested sequence of training sets. One pass over
# the simulated rows could also be done with ``partial_fit``.


def learning_curve(model, X, y, sizes, n_repeats=20):
    """Return test errors of shape (n_repeats, n_sizes)."""
    errors = np.empty((n_repeats, len(sizes)))
    for repeat in range(n_repeats):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=240, stratify=y, random_state=repeat
        )
        for column, size in enumerate(sizes):
            model.fit(X_train[:size], y_train[:size])
            errors[repeat, column] = 1 - model.score(X_test, y_test)
    return errors


sizes = [10, 20, 40, 80, 160, 320]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharex=True)
for ax, (title, (X, y)) in zip(axes, datasets.items(), strict=True):
    for name, model in models.items():
        errors = learning_curve(model, X, y, sizes)
        mean = errors.mean(axis=0)
        spread = errors.std(axis=0) / np.sqrt(len(errors))
        (line,) = ax.plot(sizes, mean, "o-", label=name)
        ax.fill_between(
            sizes, mean - spread, mean + spread, color=line.get_color(), alpha=0.2
        )
    ax.set(title=title, xscale="log", xlabel="labelled rows", ylim=(0, None))
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
axes[0].axhline(truth.bayes_error, color="gray", linestyle=":", label="best possible")
axes[0].set_ylabel("test error")
axes[0].legend()

# %%
# In the simulation naive Bayes stays ahead, because nothing better is to be learnt. On
# the real data the curves cross: the dependence between the measurements, which naive
# Bayes ignores, is worth learning as soon as there are enough labels.

plt.show()
