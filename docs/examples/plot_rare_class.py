"""
The probability of a rare class
===============================

Three ways to estimate the probability of a rare last class: logistic regression of this
class against the rest, proportional odds, and :class:`~skext.ordinal.PRESTO` between
them. The data are simulated, so that the true probabilities are known.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from skext.datasets import make_ordinal
from skext.metrics import rare_probability_mse
from skext.ordinal import PRESTOCV, ProportionalOdds

# %%
# In the first simulation weights change from threshold to threshold, in the second they
# do not, so that proportional odds is the true model. Some 1.5 % of the rows are rare.


def errors(design, seed):
    """Return the mean squared error of the three methods."""
    data = make_ordinal(
        1500, design=design, intercepts=[0, 2.5, 4.5], random_state=seed
    )
    X, y, truth = data.data, data.target, data.posterior[:, -1]
    binary = LogisticRegression(C=np.inf, max_iter=1000).fit(X, y == 3)
    odds = ProportionalOdds().fit(X, y)
    presto = PRESTOCV(scoring="log_loss", random_state=seed).fit(X, y)
    found = [model.predict_proba(X)[:, -1] for model in (binary, odds, presto)]
    return [rare_probability_mse(truth, proba) for proba in found]


names = ["rare against rest", "proportional odds", "PRESTO"]
designs = {"sparse": "weights change", "proportional": "weights do not change"}
results = {
    design: np.array([errors(design, seed) for seed in range(10)]) for design in designs
}

# %%
# Logistic regression pays for ignoring the order in both cases. Where weights change,
# PRESTO has the smallest error as a rule; where they do not, it keeps up with the model
# that knows it, since shrinking helps with the weights that are zero. Not in every
# draw: there are some 25 rare rows in each.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, (design, title) in zip(axes, designs.items(), strict=True):
    values = results[design]
    ax.plot(values.T, color="0.8", linewidth=0.8, zorder=0)
    ax.boxplot(values, widths=0.4, positions=range(3))
    ax.set_xticks(range(3), names)
    ax.set(title=title, yscale="log")
    ratio = np.median(values[:, [2]] / values[:, :2], axis=0)
    print(f"{title}: PRESTO / logistic {ratio[0]:.2f}, PRESTO / odds {ratio[1]:.2f}")
axes[0].set_ylabel("squared error of the rare probability")
plt.show()
