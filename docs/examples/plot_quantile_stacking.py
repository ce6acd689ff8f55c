"""
Stacking quantiles: one model for the centre, another for the spread
====================================================================

The target is linear in one feature; its spread depends on another one, in steps. Linear
quantiles find the trend, nearest to the truth in the centre. Boosting finds the steps.
:class:`~skext.quantile.QuantileStackingRegressor` weights the two for each level.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingRegressor

from skext.metrics import interval_coverage, weighted_interval_score
from skext.quantile import (
    AggregationWeightsDisplay,
    LinearQuantileRegressor,
    MultiQuantileRegressor,
    QuantileCalibrationDisplay,
    QuantileStackingRegressor,
)

rng = np.random.default_rng(0)
levels = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def draw(n_samples):
    """Return features, target and true quantiles."""
    X = rng.uniform(-1, 1, size=(n_samples, 3))
    spread = np.where(np.abs(X[:, 1]) > 0.5, 2.5, 0.25)
    truth = 4 * X[:, [0]] + spread[:, np.newaxis] * norm.ppf(levels)
    return X, 4 * X[:, 0] + spread * rng.normal(size=n_samples), truth


X, y, _ = draw(1500)
X_test, y_test, truth = draw(4000)

# %%
# Scores of fresh rows. The weights were learned from out-of-fold predictions; the
# duality gap bounds, relative to their loss, what is left to gain.

boosting = GradientBoostingRegressor(n_estimators=40, max_depth=2, random_state=0)
models = {
    "linear": LinearQuantileRegressor(quantiles=levels),
    "boosting": MultiQuantileRegressor(boosting, quantiles=levels),
    "average": None,
    "stack": QuantileStackingRegressor(
        [("linear", LinearQuantileRegressor()), ("boosting", boosting)],
        quantiles=levels,
        cv=3,
    ),
}
predicted = {
    name: model.fit(X, y).predict_quantiles(X_test)
    for name, model in models.items()
    if model is not None
}
predicted["average"] = (predicted["linear"] + predicted["boosting"]) / 2
predicted["truth"] = truth
for name, Q in predicted.items():
    score = weighted_interval_score(y_test, Q, levels)
    share = interval_coverage(y_test, Q[:, [0, -1]])
    print(f"{name:9} interval score {score:.3f}, coverage of 90 % {share:.3f}")
stack = models["stack"]
print(f"largest duality gap {stack.duality_gap_.max():.0e}")

# %%
# The linear model has more weight in the centre, boosting in the tails. On average over
# all rows the linear quantiles hold their levels best, although they are equally wide
# everywhere: calibration alone does not tell a good model from a bad one.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
AggregationWeightsDisplay.from_estimator(stack, kind="lines", ax=axes[0])
axes[0].set(title="weights")

line = np.zeros((201, 3))
line[:, 1] = np.linspace(-1, 1, 201)
Q = stack.predict_quantiles(line, [0.05, 0.2, 0.5, 0.8, 0.95])
for k, alpha in ((0, 0.2), (1, 0.4)):
    axes[1].fill_between(
        line[:, 1], Q[:, k], Q[:, 4 - k], color="C2", alpha=alpha, lw=0
    )
axes[1].plot(line[:, 1], Q[:, 2], color="C2")
for level in (0.05, 0.95):
    true = np.where(np.abs(line[:, 1]) > 0.5, 2.5, 0.25) * norm.ppf(level)
    axes[1].plot(line[:, 1], true, "k:", lw=1)
axes[1].set(title="stack: 60 % and 90 %, truth dotted", xlabel="second feature")

for name in ("linear", "boosting", "stack"):
    QuantileCalibrationDisplay.from_predictions(
        y_test, predicted[name], levels, name=name, difference=True, ax=axes[2]
    )
axes[2].set(title="calibration")

plt.show()
