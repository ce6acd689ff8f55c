"""An estimator that does all right, and others that do one thing wrong."""

import os
import threading
import time
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

# Processes that are started later know it.
_PARENT = int(os.environ.setdefault("SKEXT_TEST_PARENT", str(os.getpid())))


class Good(ClassifierMixin, BaseEstimator):
    """The class whose centre is nearest."""

    def __init__(self, n_jobs=None, random_state=None):
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y):
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == c].mean(axis=0) for c in self.classes_])
        return self

    def decision_function(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return -((X[:, None] - self.means_) ** 2).sum(axis=2)

    def predict(self, X):
        best = self.decision_function(X).argmax(axis=1)
        return self.classes_[best]


class Serial(Good):
    """Has no number of threads."""

    def __init__(self, random_state=None):
        self.random_state = random_state


class Sampler(BaseEstimator):
    """Gives back what it gets."""

    def fit_resample(self, X, y):
        return X, y


class WritesToX(Good):
    def fit(self, X, y):
        X[0, 0] = 7.0
        return super().fit(X, y)


class ChangesParameters(Good):
    def fit(self, X, y):
        self.n_jobs = 1
        return super().fit(X, y)


class DrawsGlobally(Good):
    def fit(self, X, y):
        np.random.random()
        return super().fit(X, y)


class LeavesFiles(Good):
    def fit(self, X, y):
        with open("left.txt", "w") as file:
            file.write("here")
        return super().fit(X, y)


class ChangesFilters(Good):
    def fit(self, X, y):
        warnings.simplefilter("ignore")
        return super().fit(X, y)


class LeavesThreads(Good):
    def fit(self, X, y):
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        return super().fit(X, y)


class DependsOnJobs(Good):
    def fit(self, X, y):
        super().fit(X, y)
        self.means_ = self.means_ + (self.n_jobs or 1)
        self.means_[0] *= self.n_jobs or 1
        return self


class SharesState(Good):
    """Keeps what it learns in the class, so that threads meet there."""

    def fit(self, X, y):
        super().fit(X, y)
        if threading.current_thread() is not threading.main_thread():
            self.means_ = self.means_ + 1
        return self


class DiffersElsewhere(Good):
    def fit(self, X, y):
        super().fit(X, y)
        if os.getpid() != _PARENT:
            self.means_ = self.means_ + 1
        return self


class WritesToTheMap(Good):
    def fit(self, X, y):
        X[0, 0] = X[0, 0]
        return super().fit(X, y)


class LosesDigits(Good):
    """Squares before it subtracts."""

    def decision_function(self, X):
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        check_is_fitted(self)
        scale = X.dtype.type(1e7)
        return super().decision_function(X) + scale - scale


class ForgetsInPickles(Good):
    def __getstate__(self):
        state = super().__getstate__().copy()
        if "means_" in state:
            state["means_"] = state["means_"] * 2
        return state


class RemembersFits(Good):
    def fit(self, X, y):
        before = getattr(self, "means_", 0)
        super().fit(X, y)
        self.means_ = self.means_ + before
        return self


class LooksAtTheBatch(Good):
    def decision_function(self, X):
        return super().decision_function(X) - np.asarray(X).mean()


class KnowsNoNames(Good):
    def fit(self, X, y):
        return super().fit(np.asarray(X), y)

    def decision_function(self, X):
        return super().decision_function(np.asarray(X))


class AnswersUnfitted(Good):
    def decision_function(self, X):
        return np.zeros((len(X), 3))

    def predict(self, X):
        return np.zeros(len(X))
