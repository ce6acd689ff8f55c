import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skext.benchmark import Method
from skext.benchmark._engine.warm_up import warm_up_methods
from skext.naive_bayes import LinearGaussianNB


class Records(LinearGaussianNB):
    seen: list = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append((X.dtype, len(np.unique(y))))
        return super().fit(X, y, sample_weight)


class Broken(BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError("not today")


@pytest.fixture(autouse=True)
def forget():
    Records.seen.clear()


def method(name, factory, **options):
    return Method(name, factory, **{"family": "skext", **options})


def test_methods_of_the_run_are_compiled_and_no_others():
    methods = [
        method("ours", Records),
        method("peer", Records, family="peer"),
        method("absent", Records, needs=("no_such_package_x",)),
        method("regression", Records, task_types=("regression",)),
    ]
    assert warm_up_methods(methods) > 0
    # The last one is given numbers, which it refuses; that is for its jobs to tell.
    assert Records.seen == [(np.dtype("f8"), 2), (np.dtype("f8"), 60)]


def test_a_method_that_fails_stops_nothing():
    warm_up_methods([method("broken", Broken), method("ours", Records)])
    assert len(Records.seen) == 1


def test_nothing_is_started_after_the_limit():
    warm_up_methods([method("ours", Records)], limit=-1.0)
    assert not Records.seen
