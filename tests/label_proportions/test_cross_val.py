"""Predictions of rows by fits to other bags, and what scikit-learn makes of bags."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from skext.label_proportions import (
    BagKFold,
    BagShuffleSplit,
    DLLPClassifier,
    EasyLLPClassifier,
    bag_cross_val_predict,
    bag_target,
    make_bags,
)


@pytest.fixture(scope="module", params=[2, 3])
def bags(request):
    X, y = make_blobs(240, centers=request.param, random_state=0)
    return make_bags(X, y, bag_size=8, random_state=0)


def test_rows_are_predicted_by_other_bags(bags):
    model = make_pipeline(StandardScaler(), DLLPClassifier())
    wanted = np.empty((240, len(np.unique(bags.y_true))))
    for train, test in BagKFold(3).split(bags.data, bags.target):
        model.fit(bags.data[train], bags.target[train])
        wanted[test] = model.predict_proba(bags.data[test])
    for cv in (3, BagKFold(3)):
        found = bag_cross_val_predict(model, bags.data, bags.target, cv=cv)
        assert_array_equal(found, wanted)
    frame = pd.DataFrame(bags.data, columns=["a", "b"])
    found = bag_cross_val_predict(model, frame, bags.target, cv=3, n_jobs=2)
    assert_allclose(found, wanted, rtol=1e-9)
    thin = sparse.csr_array(bags.data)
    alone = DLLPClassifier()
    found = bag_cross_val_predict(alone, thin, bags.target, cv=GroupKFold(3))
    assert found.shape == wanted.shape
    scores = bag_cross_val_predict(
        alone, bags.data, bags.target, method="decision_function"
    )
    assert np.isfinite(scores).all()
    assert scores.ndim == (1 if wanted.shape[1] == 2 else 2)


def test_rows_in_no_bag_are_not_predicted():
    target = bag_target([0, 0, 1, 1, 2, 2, -1], counts=[1, 0, 2])
    X = np.arange(14.0).reshape(7, 2)
    found = bag_cross_val_predict(EasyLLPClassifier(), X, target, cv=3)
    assert np.isnan(found[6]).all()
    assert np.isfinite(found[:6]).all()


def test_what_cannot_be_cross_validated(bags):
    with pytest.raises(ValueError, match="cross_val_predict"):
        bag_cross_val_predict(DLLPClassifier(), bags.data, bags.y_true)
    with pytest.raises(ValueError, match="method=.* must be"):
        bag_cross_val_predict(DLLPClassifier(), bags.data, bags.target, method="fit")
    cv = BagShuffleSplit(5, test_size=0.5, random_state=0)
    with pytest.raises(ValueError, match="at most once"):
        bag_cross_val_predict(DLLPClassifier(), bags.data, bags.target, cv=cv)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_bags_are_not_taken_for_classes(bags, method, n_jobs):
    for cv in (BagKFold(3), BagShuffleSplit(1, random_state=0)):
        with pytest.raises(ValueError, match="use .*bag_cross_val_predict"):
            cross_val_predict(
                DLLPClassifier(),
                bags.data,
                bags.target,
                cv=cv,
                method=method,
                n_jobs=n_jobs,
            )
    labels = cross_val_predict(
        DLLPClassifier(), bags.data, bags.target, cv=BagKFold(3), n_jobs=n_jobs
    )
    assert (labels == bags.y_true).mean() > 0.7


def test_bags_that_became_labels_are_noticed(bags):
    """Other meta-estimators number the values of ``y``, too."""
    numbers = LabelEncoder().fit_transform(bags.target)
    model = DLLPClassifier(max_iter=1)
    with (
        pytest.warns(UserWarning, match="30 different integers.*If they are bags"),
        pytest.warns(ConvergenceWarning),
    ):
        model.fit(bags.data, numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(classes=np.arange(30)).fit(bags.data, numbers)
