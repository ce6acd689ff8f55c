"""Every check passes a good estimator and fails the bad one that is made for it."""

import unittest
import warnings

import bad_estimators as bad
import numpy as np
import pytest

from skext.utils import estimator_checks
from skext.utils.estimator_checks import parametrize_with_skext_checks, yield_checks

BAD = [
    ("check_leaves_no_trace", bad.WritesToX),
    ("check_leaves_no_trace", bad.ChangesParameters),
    ("check_leaves_no_trace", bad.DrawsGlobally),
    ("check_leaves_no_trace", bad.LeavesFiles),
    ("check_leaves_no_trace", bad.ChangesFilters),
    ("check_leaves_no_trace", bad.LeavesThreads),
    ("check_n_jobs", bad.DependsOnJobs),
    ("check_concurrent_threads", bad.SharesState),
    ("check_processes", bad.DiffersElsewhere),
    ("check_after_fork", bad.DiffersElsewhere),
    ("check_memory_map", bad.WritesToTheMap),
    ("check_float32", bad.LosesDigits),
    ("check_pickle_and_clone", bad.ForgetsInPickles),
    ("check_refit", bad.RemembersFits),
    ("check_row_subsets", bad.LooksAtTheBatch),
    ("check_pandas", bad.KnowsNoNames),
    ("check_unfitted", bad.AnswersUnfitted),
]


@parametrize_with_skext_checks([bad.Good()])
def test_good(estimator, check):
    check("Good", estimator)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("check_n_jobs", bad.Serial),
        ("check_row_subsets", bad.Sampler),
        ("check_unfitted", bad.Sampler),
    ],
)
def test_what_cannot_be_checked_is_skipped(name, made):
    with pytest.raises(unittest.SkipTest):
        getattr(estimator_checks, name)(made.__name__, made())


@pytest.fixture
def put_back():
    state, filters = np.random.get_state(), warnings.filters[:]
    yield
    np.random.set_state(state)
    warnings.filters[:] = filters


@pytest.mark.usefixtures("put_back")
@pytest.mark.parametrize(("name", "made"), BAD, ids=lambda x: getattr(x, "__name__", x))
def test_bad(name, made):
    with pytest.raises((AssertionError, ValueError, AttributeError)):
        getattr(estimator_checks, name)(made.__name__, made())


def test_every_check_has_its_bad_estimator():
    assert {check.__name__ for check in yield_checks()} == {name for name, _ in BAD}
    public = {n for n in estimator_checks.__all__ if n.startswith("check_")}
    assert public == {check.__name__ for check in yield_checks()}
