"""The one decorator for compiled kernels."""

import functools

import numba
import numpy as np
from numba.extending import register_jitable

# Reductions may be reordered (3 to 5 times faster), but NaN and infinity keep
# their meaning: "nnan" and "ninf" are left out on purpose.
_REASSOCIATE = frozenset({"reassoc", "contract", "nsz", "arcp"})


def jit(func=None, *, reassociate=False, inner=False, **options):
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
    inner : bool, default=False
        The function is a part of other kernels: nothing is compiled to call it from
        Python, where it stays the plain function that it is.
    **options : dict
        Further options of :func:`numba.njit`.

    Returns
    -------
    kernel : numba dispatcher, or callable
        The compiled-on-demand function.
    """
    if func is None:
        return functools.partial(jit, reassociate=reassociate, inner=inner, **options)
    options = {"nogil": True, "error_model": "numpy", **options}
    if reassociate:
        options["fastmath"] = set(_REASSOCIATE)
    if inner:
        return register_jitable(**options)(func)
    # Nobody takes the address of a kernel from C.
    options["no_cfunc_wrapper"] = True
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
