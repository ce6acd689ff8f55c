"""
Shrinking towards proportional odds
===================================

:class:`~skext.ordinal.PRESTO` has a vector of weights for each threshold between
neighbouring classes, and penalises the changes from one threshold to the next. Along
the path of penalties, weights enter together, as in a proportional odds model, and part
only where the data ask for it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedKFold

from skext.datasets import make_ordinal
from skext.ordinal import PRESTOCV, CoefficientPathDisplay, ProportionalOdds

# %%
# Simulated rows, with weights that change at some of the thresholds. The last of the
# four classes is the rarest.

data = make_ordinal(1500, 6, intercepts=[0, 2, 4], density=0.3, random_state=1)
X, y = data.data, data.target
print("rows per class:", np.bincount(y))

# %%
# The strength of the penalty is chosen by cross-validation.

folds = StratifiedKFold(5, shuffle=True, random_state=0)
model = PRESTOCV(n_alphas=25, cv=folds, scoring="log_loss").fit(X, y)
print(f"alpha = {model.alpha_:.4f}")
print("changes of weights:", np.count_nonzero(model.difference_coef_[1:]), "of 12")

# %%
# One panel for each feature, one curve for each threshold. Curves on top of each other
# are proportional odds; they split where a change pays. The dashed line is the choice.

display = CoefficientPathDisplay.from_estimator(model, panel="feature")
display.figure_.suptitle("Weights of three thresholds, from strong to weak penalty")

# %%
# What shrinking gains: the loss on held out rows, with one standard error, compared to
# the model without any changes.

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
loss = -model.scores_
mean, spread = loss.mean(axis=1), loss.std(axis=1, ddof=1) / np.sqrt(loss.shape[1])
ax.plot(model.alphas_, mean, label="PRESTO")
ax.fill_between(model.alphas_, mean - spread, mean + spread, alpha=0.2)
shared = [
    -np.log(
        ProportionalOdds().fit(X[a], y[a]).predict_proba(X[b])[np.arange(b.size), y[b]]
    ).mean()
    for a, b in folds.split(X, y)
]
ax.axhline(np.mean(shared), color="0.4", linestyle=":", label="proportional odds")
ax.axvline(model.alpha_, color="0.4", linestyle="--", linewidth=1)
ax.set(xscale="log", xlabel="alpha", ylabel="log loss on held out rows")
ax.invert_xaxis()
ax.legend()
plt.show()
