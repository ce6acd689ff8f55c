"""
Every over-sampler on the same rows
===================================

Twenty-five rows of a rare class in two groups, one of them inside the common class.
Orange are the rows that each sampler of :mod:`skext.over_sampling` and
:mod:`skext.combine` adds.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skext import combine, over_sampling
from skext.utils.discovery import all_estimators

rng = np.random.default_rng(0)
common = np.vstack(
    [rng.normal([0, 0], 0.9, size=(150, 2)), rng.normal([3, 1.5], 0.5, size=(50, 2))]
)
moon = np.linspace(0.2, 2.6, 17)
rare = np.vstack(
    [
        np.column_stack([2.2 * np.cos(moon), 2.2 * np.sin(moon)])
        + rng.normal(0, 0.12, size=(17, 2)),
        rng.normal([0.2, -0.9], 0.35, size=(8, 2)),
    ]
)
X = np.vstack([common, rare])
y = np.repeat([0, 1], [len(common), len(rare)])

# %%
# Samplers for categories, for regression and for several labels have no such picture.

others = {"SMOTENC", "SMOTEN", "SMOTER", "SMOGN", "MLSMOTE"}
options = {"KMeansSMOTE": {"cluster_balance_threshold": 0.1}}
samplers = [
    cls(random_state=0, **options.get(name, {}))
    for name, cls in all_estimators()
    if name in over_sampling.__all__ + combine.__all__
    and hasattr(cls, "fit_resample")
    and name not in others
]

n_columns = 4
n_rows = -(-len(samplers) // n_columns)
figure, axes = plt.subplots(
    n_rows, n_columns, figsize=(10, 2.4 * n_rows), layout="constrained"
)
for ax in axes.flat:
    ax.set_axis_off()
for ax, sampler in zip(axes.flat, samplers, strict=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X_new, y_new = sampler.fit_resample(X, y)
    # Some samplers remove or move given rows, so synthetic ones are those not given.
    given = {tuple(row) for row in X}
    new = np.array([tuple(row) not in given for row in X_new]) & (y_new == 1)
    ax.scatter(*X_new[y_new == 0].T, s=6, color="lightgray")
    ax.scatter(*X_new[new].T, s=6, color="tab:orange")
    ax.scatter(*rare.T, s=12, color="tab:red")
    ax.set_title(type(sampler).__name__, fontsize=10)
    ax.set(xlim=(-3.4, 4.6), ylim=(-3, 3.4))

# %%
# Segments between neighbours (``SMOTE`` and its relatives) keep to the shape of the
# class. Variants differ in which rows they start from: those at the border
# (``ProWSyn``, ``MWMOTE``), in safe surroundings (``SafeLevelSMOTE``), or along one
# direction (``GuidedSMOTE``). Smoothing (``ROSE``, ``GaussianSMOTE``) and balls
# (``GeometricSMOTE``) leave the segments, and ``CCR`` also moves common rows away.

plt.show()
