"""A module of estimators as a third party would write them, and small tasks."""

import importlib
import sys
import textwrap

import numpy as np
import pytest

TOYS = textwrap.dedent(
    '''
    import os
    import signal
    import time

    import numpy as np
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline


    class Raises(GaussianNB):
        def fit(self, X, y):
            raise ValueError("this one always fails")


    class Hangs(GaussianNB):
        def fit(self, X, y):
            while True:
                pass


    class Eats(GaussianNB):
        def fit(self, X, y):
            self.memory_ = np.ones(4_000_000_000 // 8)
            return super().fit(X, y)


    class Dies(GaussianNB):
        def fit(self, X, y):
            os.kill(os.getpid(), signal.SIGKILL)


    class Exits(GaussianNB):
        def fit(self, X, y):
            raise SystemExit(3)


    class ExitsHard(GaussianNB):
        def fit(self, X, y):
            os._exit(0)


    class Crashes(GaussianNB):
        def fit(self, X, y):
            import ctypes

            ctypes.string_at(0)


    class Aborts(GaussianNB):
        def fit(self, X, y):
            os.abort()


    class Interrupts(GaussianNB):
        def fit(self, X, y):
            raise KeyboardInterrupt


    class Closes(GaussianNB):
        def fit(self, X, y):
            raise GeneratorExit


    class Recurses(GaussianNB):
        def fit(self, X, y):
            return self.fit(X, y)


    class Exhausts(GaussianNB):
        def fit(self, X, y):
            raise MemoryError("no room")


    class Unprintable(Exception):
        def __str__(self):
            raise ValueError("no text")


    class Mumbles(GaussianNB):
        def fit(self, X, y):
            raise Unprintable


    class Asks(GaussianNB):
        def fit(self, X, y):
            input("what now? ")


    class Forks(GaussianNB):
        """Leaves a process behind that runs on with the same job."""

        def fit(self, X, y):
            os.fork()
            return super().fit(X, y)


    class LeavesOne(GaussianNB):
        """Dies, but a process that it has started holds its pipes open."""

        def fit(self, X, y):
            if os.fork() == 0:
                time.sleep(60)
            os._exit(4)


    class NoNumbers(GaussianNB):
        def predict_proba(self, X):
            return super().predict_proba(X) * np.nan


    def fails_at_making(task):
        raise RuntimeError("no estimator today")


    def ends_at_making(task):
        raise SystemExit("no estimator today")


    def load_broken():
        raise RuntimeError("the table is broken")


    def load_and_exit():
        raise SystemExit(3)


    def load_one_class():
        return np.zeros((20, 2)), np.zeros(20, dtype=int)


    def load_ragged():
        return [[1, 2], [3]], [0, 1]


    def load_nothing():
        return None


    class Counts(GaussianNB):
        """Writes a line for each fit."""

        def fit(self, X, y):
            super().fit(X, y)
            time.sleep(float(os.environ.get("TOY_SLEEP", 0)))
            with open(os.environ["TOY_COUNT"], "a") as file:
                file.write(f"{X.sum():.12g}\\n")
            return self


    class Leaks(TransformerMixin, BaseEstimator):
        """Gives away the labels of the rows that it was fitted on."""

        def fit(self, X, y):
            self.known_ = {row.tobytes(): label for row, label in zip(X, y)}
            self.is_fitted_ = True
            return self

        def transform(self, X):
            return np.array([[self.known_.get(row.tobytes(), 0.5)] for row in X])


    def leaking():
        return make_pipeline(Leaks(), LogisticRegression())


    def by_task(task):
        assert task.n_rows > 0
        return GaussianNB(var_smoothing=1e-3 if task.task_type == "binary" else 1e-9)


    def nothing():
        return 42


    instance = GaussianNB(var_smoothing=0.1)
    '''
)


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Importable module ``toys``, in this process and in new workers."""
    from joblib.externals.loky import get_reusable_executor

    folder = tmp_path / "third_party"
    folder.mkdir()
    (folder / "toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    # Workers that are already there do not know the folder.
    get_reusable_executor().shutdown(wait=True)
    yield importlib.import_module("toys")
    get_reusable_executor().shutdown(wait=True)
    sys.modules.pop("toys", None)


@pytest.fixture
def tables():
    """Two small tasks in memory."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    X = rng.normal(size=(60, 4)) + y[:, None]
    return {"three": (X, y), "two": (X[:40], y[:40])}
