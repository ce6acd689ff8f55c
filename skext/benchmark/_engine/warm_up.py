"""Compile the kernels of a run before its first job, so that none is timed with it."""

import time

import numpy as np

from skext.benchmark._engine.kinds import KINDS
from skext.benchmark._engine.methods import TaskInfo, set_random_state
from skext.utils._warm_up import try_out


def warm_up_methods(methods, *, limit=None):
    """Compile what the methods of a run need, and nothing else.

    Parameters
    ----------
    methods : list of Method
        Methods of other packages compile nothing of ours and are passed over.
    limit : float, default=None
        Start with no method after this many seconds; the rest compiles in its jobs.

    Returns
    -------
    seconds : float
        Wall time.
    """
    began = time.perf_counter()
    # Networks compile nothing that lasts, and loading torch takes seconds.
    methods = [method for method in methods if "torch" not in method.needs]
    for method in methods:
        if limit is not None and time.perf_counter() - began > limit:
            break
        if method.family != "skext" or method.missing() is not None:
            continue
        for kind in [kind for kind in KINDS.values() if method.can_do(kind.name)][:1]:
            n_classes = 2 * (kind.target == "classes")
            info = TaskInfo("warm-up", "", kind.name, 60, 20, n_classes, ())

            def make(method=method, info=info):
                estimator = method.make(info)
                set_random_state(estimator, 0)
                return estimator

            # What fails here fails in its jobs, where it is recorded.
            regression = True if kind.target == "numbers" else None
            try_out(make, dtypes=(np.float64,), regression=regression)
    return time.perf_counter() - began
