"""Learning curves of linear probes on bundled data, and where they cross.

    python benchmarks/papers/probe_curves.py --repeats 10

Features are scaled to the range from 0 to 1 on the training rows, as by Zheng, Wu, Bao,
Cao, Li and Zhu (ICML 2023). The digits come as pixels and as 256 random ReLU features,
which stand for an embedding. Printed are mean test errors and log losses, and for each
probe in closed form the number of rows from which logistic regression is at least as
good.
"""

import argparse

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

from skext.naive_bayes import (
    GenerativeLogisticRegression,
    LinearGaussianNB,
    NearestClassMean,
    ShrinkageLDA,
    probe_learning_curve,
)


def random_relu(X, n_features=256):
    """Random ReLU features of centred rows."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((X.shape[1], n_features)) / 8
    return np.maximum(0, (X - X.mean(axis=0)) / 4 @ directions)


def data():
    X, y = load_digits(return_X_y=True)
    yield "digits, 64 pixels", X, y, [30, 100, 300, 1000]
    yield "digits, 256 random ReLU", random_relu(X), y, [30, 100, 300, 1000]
    yield "breast cancer", *load_breast_cancer(return_X_y=True), [10, 40, 150, 400]


def probes():
    found = {
        "naive Bayes": LinearGaussianNB(),
        "naive Bayes, T by LOO": LinearGaussianNB(temperature="loo"),
        "nearest mean": NearestClassMean(),
        "shrinkage LDA": ShrinkageLDA(),
        "hybrid": GenerativeLogisticRegression(max_iter=1000),
        "logistic C=1": LogisticRegression(max_iter=2000),
        "logistic C=10": LogisticRegression(C=10, max_iter=2000),
        "LDA lsqr auto": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "GaussianNB": GaussianNB(),
    }
    return {name: make_pipeline(MinMaxScaler(), m) for name, m in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    for name, X, y, sizes in data():
        curve = probe_learning_curve(
            probes(),
            X,
            y,
            train_sizes=sizes,
            n_repeats=repeats,
            random_state=0,
        )
        for metric in curve.metrics:
            mean = curve.frame.groupby(["estimator", "n_train"], sort=False)[metric]
            print(f"\n{name}: {metric}")
            print(mean.mean().unstack().round(3).to_string())
        for other in ("logistic C=1", "logistic C=10"):
            for mine in ("naive Bayes", "nearest mean", "shrinkage LDA", "hybrid"):
                found = curve.crossover(mine, other)
                print(
                    f"{mine} overtaken by {other} at {found.n_train:.0f} rows "
                    f"[{found.low:.0f}, {found.high:.0f}]"
                )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
