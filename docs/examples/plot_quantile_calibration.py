"""
Are these quantiles any good? Four pictures
===========================================

The spread of the target grows with one feature. A linear regression with a normal
distribution of one width holds its levels on average and is still wrong nearly
everywhere. The displays of :mod:`skext.quantile` show what one number hides.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import BayesianRidge

from skext.metrics import weighted_interval_score
from skext.quantile import (
    ConformalQuantileRegressor,
    FanChartDisplay,
    IntervalWidthDisplay,
    LinearQuantileRegressor,
    PITHistogramDisplay,
    QuantileCalibrationDisplay,
    predict_quantiles,
)

rng = np.random.default_rng(0)
levels = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def draw(n_samples):
    """Return a feature, sorted, and a target whose spread grows with it."""
    X = np.sort(rng.uniform(0, 1, size=(n_samples, 1)), axis=0)
    noise = (0.1 + 1.5 * X[:, 0]) * rng.exponential(size=n_samples)
    return X, 2 * X[:, 0] + noise


X, y = draw(600)
X_test, y_test = draw(1000)
models = {
    "normal": BayesianRidge().fit(X, y),
    "linear quantiles": LinearQuantileRegressor(levels).fit(X, y),
    "calibrated": ConformalQuantileRegressor(quantiles=levels, random_state=0).fit(
        X, y
    ),
}
predicted = {
    name: predict_quantiles(model, X_test, levels) for name, model in models.items()
}
for name, Q in predicted.items():
    print(f"{name:17} {weighted_interval_score(y_test, Q, levels):.3f}")

# %%
# Fans: of the normal model the band is equally wide everywhere, and symmetric.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, name in zip(axes, ["normal", "linear quantiles"], strict=True):
    FanChartDisplay.from_predictions(
        y_test, predicted[name], levels, x=X_test[:, 0], x_name="feature", ax=ax
    )
    ax.set_title(name)

# %%
# Levels: the grey band has the shares that 1000 rows of a calibrated model give. The
# normal model expects too many targets far below its median, and finds them just below.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
for name, Q in predicted.items():
    QuantileCalibrationDisplay.from_predictions(
        y_test, Q, levels, name=name, difference=True, ax=axes[0]
    )
for ax, name in zip(axes[1:], ["normal", "linear quantiles"], strict=True):
    PITHistogramDisplay.from_predictions(
        y_test, predicted[name], levels, name=name, random_state=0, ax=ax
    )

# %%
# Widths: calibrated intervals are as wide as they have to be. The band of the normal
# model has no height: it does not know where the target is uncertain.

_, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
for name, Q in predicted.items():
    IntervalWidthDisplay.from_predictions(y_test, Q, levels, name=name, ax=ax)

plt.show()
