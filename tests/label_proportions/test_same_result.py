"""What must not change a fit to bags: units, offsets, threads, other fits."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.label_proportions import (
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    DLLPNetClassifier,
    EasyLLPClassifier,
    EmbeddingRefiner,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    bag_target,
    make_bags,
)

SCALED = make_pipeline(StandardScaler(), LogisticRegression())
REFINER = EmbeddingRefiner((8, 4), max_epochs=3)
ESTIMATORS = [
    BeliefPropagationLLPClassifier(LogisticRegression()),
    BeliefPropagationLLPClassifier(LogisticRegression(), schedule="sequential"),
    BeliefPropagationLLPClassifier(LogisticRegression(), n_rounds=2, feedback="unary"),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), n_rounds=2, refiner=REFINER, random_state=0
    ),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), start="flat", similarity_strength=1.0
    ),
    DLLPClassifier(),
    DLLPNetClassifier((8,), max_epochs=5, random_state=0),
    CountLikelihoodClassifier(),
    CountLikelihoodClassifier(LogisticRegression(), max_iter=2),
    EasyLLPClassifier(),
    MeanMapClassifier(laplacian=True),
    SelfLabelingLLPClassifier(),
    BagProportionClassifier(),
]
every = pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=[repr(e).replace("\n", "") for e in ESTIMATORS]
)


@pytest.fixture(scope="module", params=[2, 3])
def bags(request):
    X, y = make_blobs(240, 3, centers=request.param, cluster_std=3.0, random_state=0)
    # Few digits, so that an offset leaves all of them.
    X = np.round(X * 2**8) / 2**8
    return make_bags(X, y, bag_size=6, random_state=0)


def fitted(estimator, X, target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(X, target)


@pytest.mark.parametrize(
    "estimator",
    [
        *(e for e in ESTIMATORS if isinstance(e, BeliefPropagationLLPClassifier)),
        DLLPNetClassifier((8,), max_epochs=5, random_state=0),
    ],
)
def test_units_and_offsets_of_a_scaled_graph_or_net(estimator, bags):
    X = bags.data
    if hasattr(estimator, "estimator"):
        estimator = clone(estimator).set_params(estimator=SCALED)
    one = fitted(estimator, X, bags.target)
    for units, offset in (
        (2.0 ** np.array([20, -20, 0]), 0.0),
        (1.0, 2.0**26),
        (2.0 ** np.array([-27, 3, 27]), 2.0**20),
    ):
        table = (X + offset) * units
        found = fitted(estimator, table, bags.target)
        assert_allclose(found.predict_proba(table), one.predict_proba(X), atol=2e-3)


@every
def test_concurrent_fits(estimator, bags):
    one = fitted(estimator, bags.data, bags.target).predict_proba(bags.data)
    # Warnings are recorded for all threads at once.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(4) as pool:
            waiting = [
                pool.submit(clone(estimator).fit, bags.data, bags.target)
                for _ in range(4)
            ]
            found = [w.result().predict_proba(bags.data) for w in waiting]
    for proba in found:
        assert_array_equal(proba, one)


@every
def test_threads(estimator, bags):
    if "n_jobs" not in estimator.get_params():
        return
    one, two = (
        fitted(clone(estimator).set_params(n_jobs=n), bags.data, bags.target)
        for n in (1, 2)
    )
    assert_array_equal(two.predict_proba(bags.data), one.predict_proba(bags.data))


@every
def test_bags_of_other_names(estimator, bags):
    """Names that sort alike give the same fit, to the bit."""
    one = fitted(estimator, bags.data, bags.target)
    numbers = bags.target["bag"]
    counts = bags.target["proportion"].T * bags.target["size"]
    names = {
        "uint64": numbers.astype(np.uint64) + np.uint64(2**63),
        "text": np.array([f"{b:03d}" for b in numbers]),
        "days": np.datetime64("2024-01-01") + numbers,
        "floats": numbers * 4.0,
    }
    for ids in names.values():
        target = bag_target(ids, counts=counts.T)
        found = fitted(estimator, bags.data, target)
        assert_array_equal(found.predict_proba(bags.data), one.predict_proba(bags.data))
