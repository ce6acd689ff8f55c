"""A fresh process that imports an estimator, fits it twice, and tells what that cost.

It is run as a file, so that nothing of skext is loaded but what the estimator loads.
"""

import importlib
import json
import pickle
import sys
import time
import warnings


class Trivial:
    """What a compiled kernel costs whatever it does: numba itself awakes."""

    def fit(self, X, y):
        """Sum a table by the smallest of all kernels."""
        import numba  # The loader has done so, before the clock starts.

        global _kernel
        if _kernel is None:
            _kernel = numba.njit(cache=True)(_total)
        _kernel(X)


_kernel = None


def _total(X):
    total = 0.0
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            total += X[i, j]
    return total


def _listen_to_numba(seconds):
    """Note in a dict what each kernel costs, without those that it calls."""
    from numba.core import event

    class Compilations(event.Listener):
        def __init__(self):
            self.stack = []

        def on_start(self, event):
            self.stack.append([time.process_time(), 0.0])

        def on_end(self, event):
            began, within = self.stack.pop()
            whole = time.process_time() - began
            if self.stack:
                self.stack[-1][1] += whole
            function = event.data["dispatcher"].py_func
            name = f"{function.__module__}.{function.__qualname__}"
            seconds.setdefault(name, []).append(whole - within)

    event.register("numba:compile", Compilations())


def _load(module, path):
    importlib.import_module(module)
    with open(path, "rb") as file:
        estimator, X, y = pickle.load(file)
    return estimator or Trivial(), X, y


def _measure(module, path):
    began = time.process_time()
    estimator, X, y = _load(module, path)
    seconds = {"import": time.process_time() - began}
    kernels = {}
    if "numba" in sys.modules:
        _listen_to_numba(kernels)
    fit = getattr(estimator, "fit_resample", None) or estimator.fit
    for name in ("first", "second"):
        began = time.process_time()
        fit(X, y)
        seconds[name] = time.process_time() - began
    return {"seconds": seconds, "kernels": kernels}


def main(module, path, out):
    """Measure, and write what was found as JSON."""
    warnings.simplefilter("ignore")
    try:
        found = _measure(module, path)
    except Exception as exc:
        missing = type(exc).__name__ == "MissingDependencyError"
        found = {
            "status": "skipped" if missing else "failed",
            "reason": f"{type(exc).__name__}: {' '.join(str(exc).split())}",
        }
    with open(out, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
