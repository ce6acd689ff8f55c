import gc

import numba
import numpy as np
import pytest
from numba.extending import overload

from skext.utils._numba import jit

SEEN = []


def _watched(x):
    raise NotImplementedError


@overload(_watched)
def _overload_watched(x):
    # Runs when a caller is compiled.
    SEEN.append(gc.isenabled())
    return lambda x: 2.0 * x


def _kernel(x):
    return _watched(x)


# Each type is compiled for once.
@pytest.mark.parametrize(("enabled", "x"), [(True, 2.0), (False, np.float32(2.0))])
def test_no_garbage_is_collected_while_a_kernel_compiles(
    enabled, x, monkeypatch, tmp_path
):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_kernel, "__module__", "skext.kernels")
    SEEN.clear()
    if not enabled:
        gc.disable()
    try:
        assert jit(_kernel)(x) == 4.0
        assert SEEN
        assert not any(SEEN)
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_kernels_of_others_are_none_of_our_business():
    SEEN.clear()
    assert numba.njit(lambda x: _watched(x))(2) == 4.0
    assert SEEN
    assert all(SEEN)
