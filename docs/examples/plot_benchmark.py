"""
A benchmark of one's own: ranks, tests, and a report
====================================================

:class:`~skext.benchmark.Benchmark` compares estimators over several tables by
cross-validation. Its unit of evidence is the table: scores are averaged over folds,
then methods are ranked on each table, and the ranks are tested.
"""

import tempfile

import matplotlib.pyplot as plt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skext.benchmark import Benchmark
from skext.datasets import make_gaussian_mixture
from skext.model_selection import CriticalDifferenceDisplay
from skext.naive_bayes import LinearGaussianNB

# %%
# Twelve simulated tables, from few to many columns, in which classes share their
# variances and features are independent. Real ones would be named by their number on
# OpenML, or by a suite: ``Benchmark("cc18", ...)``.

tables = {}
for n_features in (5, 20, 80):
    for seed in range(4):
        data = make_gaussian_mixture(
            200, n_features, n_classes=3, separation=2, random_state=seed
        )
        tables[f"{n_features} columns, {seed}"] = (data.data, data.target)

methods = {
    "tied naive Bayes": LinearGaussianNB(),
    "naive Bayes": GaussianNB(),
    "LDA": LinearDiscriminantAnalysis(),
    "logistic regression": LogisticRegression(max_iter=1000),
    "random forest": RandomForestClassifier(n_estimators=30),
}

# %%
# The results go into a folder. Running again into the same folder fits nothing twice,
# and goes on where an interrupted run stopped.

bench = Benchmark(tables, methods, metrics=["accuracy"], folds=3)
with tempfile.TemporaryDirectory() as folder:
    results = bench.run(folder, backend="sequential")

summary = results.summary("accuracy")
print(summary[["method", "mean_rank", "mean_score"]].to_string(index=False))

# %%
# Bars join methods that the tests do not tell apart. ``results.report("report.html")``
# writes this and more into one page.

CriticalDifferenceDisplay.from_results(results)
plt.show()
