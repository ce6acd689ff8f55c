"""The one decorator for compiled kernels."""

import functools
import gc

import numba
import numpy as np
from numba.core import event

# Reductions may be reordered (3 to 5 times faster), but NaN and infinity keep
# their meaning: "nnan" and "ninf" are left out on purpose.
_REASSOCIATE = frozenset({"reassoc", "contract", "nsz", "arcp"})


def jit(func=None, *, reassociate=False, **options):
    """Compile a kernel on first call and cache the machine code on disk.

    Kernels are serial and release the GIL; callers split the work over threads
    with :func:`skext.utils._parallel.run_chunks`. A kernel may call functions of
    its own file only: numba's cache does not notice changes elsewhere.

    Parameters
    ----------
    func : callable, default=None
        The kernel. None when the decorator is used with arguments.
    reassociate : bool, default=False
        Let the compiler reorder floating-point sums. NaN stays intact.
    **options : dict
        Further options of :func:`numba.njit`.

    Returns
    -------
    kernel : numba dispatcher
        The compiled-on-demand function.
    """
    if func is None:
        return functools.partial(jit, reassociate=reassociate, **options)
    options = {"nogil": True, "error_model": "numpy", **options}
    if reassociate:
        options["fastmath"] = set(_REASSOCIATE)
    try:
        return numba.njit(cache=True, **options)(func)
    except RuntimeError as exc:
        # Neither the package folder nor the home is writable: no cache, no harm.
        if "no locator" not in str(exc):
            raise
        return numba.njit(**options)(func)


def as_float64(rows):
    """C-contiguous, writeable float64: the only kind that kernels are compiled for."""
    return np.require(rows, dtype=np.float64, requirements=["C", "W"])


class _Uncollected(event.Listener):
    """Stops the garbage collector while a kernel of ours is compiled.

    The compiler makes many objects that live on, and each look through all of them
    for garbage takes a tenth of a second: a fifth of the time of a first fit.
    """

    def __init__(self):
        # Compiling is locked; a kernel that calls another one compiles it in between.
        self._stopped = []

    def on_start(self, event):
        name = event.data["dispatcher"].py_func.__module__
        stops = name.partition(".")[0] == __name__.partition(".")[0] and gc.isenabled()
        self._stopped.append(stops)
        if stops:
            gc.disable()

    def on_end(self, event):
        if self._stopped.pop():
            gc.enable()


event.register("numba:compile", _Uncollected())
