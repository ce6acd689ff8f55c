"""
What over-sampling changes, and what it does not
================================================

:class:`~skext.over_sampling.SMOTE` puts synthetic rows between the rows of a rare
class. It moves the threshold of a classifier more than it teaches it anything: compare
it with class weights and with a tuned threshold, and look at what it does to
probabilities.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.pipeline import make_pipeline
from sklearn.datasets import load_digits, make_moons
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skext.over_sampling import SMOTE

# %%
# Fifteen rows of a rare class, and what the two kinds of interpolation make of them.
# Rows on segments link the given ones like the edges of a graph; a gap for each
# feature fills the boxes between them.

X, y = make_moons(300, noise=0.12, random_state=0)
keep = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:15]]
X, y = X[keep], y[keep]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, interpolation in zip(axes, ["segment", "box"], strict=True):
    sampler = SMOTE(k_neighbors=3, interpolation=interpolation, random_state=0)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    ax.scatter(*X[y == 0].T, s=12, color="lightgray", label="common class")
    ax.scatter(*new.T, s=8, color="tab:orange", label="synthetic rows")
    ax.scatter(*X[y == 1].T, s=30, color="tab:red", label="rare class")
    ax.set(title=f'interpolation="{interpolation}"', xticks=[], yticks=[])
axes[0].legend()

# %%
# Now a real table: digit 8 against the rest, one row in ten. Each classifier is fitted
# as it is, on over-sampled data, and with a threshold that is tuned within the training
# rows. Balanced accuracy looks at labels, the area under the ROC curve at the ranking,
# the log loss at the probabilities.

X, y = load_digits(return_X_y=True)
X, y = X[:, ::2], (y == 8).astype(int)
models = {
    "logistic regression": LogisticRegression(max_iter=2000),
    "tree": DecisionTreeClassifier(min_samples_leaf=3, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
}
remedies = {
    "as it is": lambda model: make_pipeline(StandardScaler(), model),
    "SMOTE": lambda model: make_pipeline(
        StandardScaler(), SMOTE(random_state=0), model
    ),
    "tuned threshold": lambda model: TunedThresholdClassifierCV(
        make_pipeline(StandardScaler(), model), cv=3
    ),
}
metrics = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
    "neg_log_loss": "log loss",
}
folds = StratifiedKFold(n_splits=4, shuffle=True, random_state=0)
rows = []
for name, model in models.items():
    for remedy, wrap in remedies.items():
        scores = cross_validate(wrap(model), X, y, cv=folds, scoring=list(metrics))
        means = {
            title: abs(scores[f"test_{metric}"].mean())
            for metric, title in metrics.items()
        }
        rows.append({"model": name, "remedy": remedy, **means})
table = pd.DataFrame(rows).set_index(["model", "remedy"])
print(table.round(3).to_string())

# %%
# A tuned threshold improves the labels of all three, and costs no synthetic rows. SMOTE
# improves those of logistic regression and boosting, not those of the tree. The ranking
# of logistic regression hardly moves, the others get worse. Probabilities suffer
# everywhere, because the classifier believes that both classes are equally frequent.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, title in zip(axes, metrics.values(), strict=True):
    table[title].unstack()[list(remedies)].loc[list(models)].plot.bar(
        ax=ax, rot=20, title=title, xlabel="", legend=ax is axes[2]
    )
axes[1].set_ylim(0.8, 1)
axes[0].set_ylim(0.5, 1)

plt.show()
