"""Samplers on tables of all types: given rows stay, new ones lie between them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import labels, tables

from skext.over_sampling import (
    ADASYN,
    MLSMOTE,
    ROSE,
    SMOTE,
    SMOTEN,
    SMOTENC,
    GeometricSMOTE,
    PolynomialFitSMOTE,
    ProWSyn,
)

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck)
)
NEAR = {"k_neighbors": 3, "random_state": 0}
OF_NUMBERS = [
    SMOTE(**NEAR),
    SMOTE(**NEAR, interpolation="box"),
    SMOTE(**NEAR, integer_features="truncate"),
    GeometricSMOTE(**NEAR),
    PolynomialFitSMOTE(random_state=0),
    ROSE(random_state=0),
    ProWSyn(random_state=0),
    ADASYN(n_neighbors=3, random_state=0, on_empty="smote"),
]
OF_CATEGORIES = [SMOTENC("auto", **NEAR)]


def check_given_rows(frame, found):
    """The given rows come first, unchanged, and every column keeps its type."""
    assert list(found.columns) == list(frame.columns)
    assert found.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(found.iloc[: len(frame)], frame)


def check_new_rows(frame, found):
    """New numbers are not beyond the given ones, new categories are given ones."""
    for name in frame.columns:
        old, new = frame[name], found[name].iloc[len(frame) :]
        if name.startswith(
            ("category", "text", "string", "dictionary", "flag", "null")
        ):
            known = {str(value) for value in old.unique()}
            if not name.startswith("nullable ") or "flag" in name:
                assert {str(value) for value in new.unique()} <= known, name
                continue
        if len(new):
            assert new.min() >= old.min(), name
            assert new.max() <= old.max(), name


@pytest.mark.parametrize("sampler", OF_NUMBERS, ids=lambda s: type(s).__name__)
@pytest.mark.filterwarnings("ignore")
@SETTINGS
@given(frame=tables(), y=labels())
def test_numbers(sampler, frame, y):
    before = frame.copy(deep=True)
    found, _ = sampler.fit_resample(frame, y)
    pd.testing.assert_frame_equal(frame, before)
    check_given_rows(frame, found)
    if not isinstance(sampler, (ROSE, GeometricSMOTE, PolynomialFitSMOTE)):
        check_new_rows(frame, found)


@pytest.mark.parametrize("sampler", OF_CATEGORIES, ids=lambda s: type(s).__name__)
@pytest.mark.filterwarnings("ignore")
@SETTINGS
@given(frame=tables(categories=True), y=labels())
def test_numbers_and_categories(sampler, frame, y):
    frame["word"] = ["x", "y"] * (len(frame) // 2)
    before = frame.copy(deep=True)
    found, _ = sampler.fit_resample(frame, y)
    pd.testing.assert_frame_equal(frame, before)
    check_given_rows(frame, found)
    check_new_rows(frame, found)


@pytest.mark.filterwarnings("ignore")
@SETTINGS
@given(frame=tables(numbers=False, categories=True), y=labels())
def test_categories(frame, y):
    found, _ = SMOTEN(**NEAR).fit_resample(frame, y)
    check_given_rows(frame, found)
    check_new_rows(frame, found)


@pytest.mark.filterwarnings("ignore")
@SETTINGS
@given(frame=tables(categories=True), y=labels())
def test_several_labels(frame, y):
    Y = np.column_stack([y, 1 - y])
    found, _ = MLSMOTE(k_neighbors=3, random_state=0).fit_resample(frame, Y)
    check_given_rows(frame, found)
    check_new_rows(frame, found)


@pytest.mark.parametrize(
    "sampler", OF_NUMBERS[:1] + OF_CATEGORIES, ids=lambda s: type(s).__name__
)
@SETTINGS
@given(frame=tables(numbers=False, refused=True), y=labels(), data=st.data())
def test_dates_are_named(sampler, frame, y, data):
    frame["x"] = np.arange(len(frame)) / 7
    with pytest.raises(ValueError, match="date") as caught:
        sampler.fit_resample(frame, y)
    assert any(repr(name) in str(caught.value) for name in frame.columns)
