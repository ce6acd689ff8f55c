import importlib
import os
import stat
import tempfile

import numpy as np
import pytest

from skext.utils import _numba
from skext.utils._numba import KernelCache, temporary_folder

pytestmark = pytest.mark.skipif(
    not hasattr(os, "getuid"), reason="folders have no owners here"
)

KERNELS = """
from skext.utils._numba import jit

@jit
def total(values):
    result = 0.0
    for i in range(values.size):
        result += values[i]
    return result
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def name():
    return f"skext-{os.getuid()}"


def test_temporary_folder_is_private(temporary):
    folder = temporary_folder()
    assert folder == str(temporary / name())
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert temporary_folder() == folder


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_can_enter_is_refused(temporary, mode):
    (temporary / name()).mkdir()
    (temporary / name()).chmod(mode)
    assert temporary_folder() is None


def test_links_and_files_are_refused(temporary, tmp_path):
    (tmp_path / "own").mkdir(0o700)
    (temporary / name()).symlink_to(tmp_path / "own")
    assert temporary_folder() is None
    (temporary / name()).unlink()
    (temporary / name()).touch(0o700)
    assert temporary_folder() is None


def test_a_folder_of_somebody_else_is_refused(temporary, monkeypatch):
    (temporary / "skext-4711").mkdir(0o700)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert temporary_folder() is None


def test_a_folder_whose_entries_others_can_replace_is_refused(temporary):
    temporary.chmod(0o777)
    assert temporary_folder() is None
    temporary.chmod(0o1777)
    assert temporary_folder() is not None


def test_no_folder_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    assert temporary_folder() is None


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import a kernel anew, as another process would."""
    (tmp_path / "some_kernels.py").write_text(KERNELS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_numba.numba.config, "CACHE_DIR", str(tmp_path / "kernels"))

    def again():
        monkeypatch.delitem(importlib.sys.modules, "some_kernels", raising=False)
        importlib.invalidate_caches()
        return importlib.import_module("some_kernels").total

    return again


def hits(kernel):
    return sum(kernel.stats.cache_hits.values())


def test_a_kernel_is_read_from_the_cache(load):
    assert load()(np.ones(3)) == 3.0
    kernel = load()
    assert kernel(np.ones(3)) == 3.0
    assert hits(kernel) == 1


@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04broken"])
def test_damaged_files_are_replaced(load, tmp_path, pattern, content):
    load()(np.ones(3))
    (file,) = (tmp_path / "kernels").rglob(pattern)
    file.write_bytes(content)
    kernel = load()
    assert kernel(np.ones(3)) == 3.0
    assert hits(kernel) == 0
    kernel = load()
    kernel(np.ones(3))
    assert hits(kernel) == 1


def test_files_of_another_signature_are_not_taken(load, tmp_path):
    """Two processes that save at the same time can do this to each other."""
    kernel = load()
    kernel(np.ones(3, dtype=np.float32))
    (single,) = (tmp_path / "kernels").rglob("*.nbc")
    kernel(np.ones(3))
    (double,) = set((tmp_path / "kernels").rglob("*.nbc")) - {single}
    double.write_bytes(single.read_bytes())
    kernel = load()
    assert kernel(np.arange(4.0)) == 6.0
    assert hits(kernel) == 0


def test_a_full_disk_stops_no_fit(load, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_numba.FunctionCache, "save_overload", full)
    assert load()(np.ones(3)) == 3.0


def test_the_temporary_folder_is_checked_again_before_it_is_used(
    load, temporary, monkeypatch
):
    only = [_numba._InTemporaryFolder]
    monkeypatch.setattr(_numba._Writable, "_locator_classes", only)
    load()(np.ones(3))
    kernel = load()
    assert isinstance(kernel._cache, KernelCache)
    # It has gone, and somebody's link is in its place.
    (temporary / name()).rename(temporary / "elsewhere")
    (temporary / name()).symlink_to(temporary / "elsewhere")
    assert kernel(np.ones(3)) == 3.0
    assert hits(kernel) == 0


def test_a_folder_that_was_filled_before_is_read_although_it_is_read_only(
    load, tmp_path, temporary, monkeypatch
):
    load()(np.ones(3))
    before = sorted((tmp_path / "kernels").rglob("*"))

    def refuse(locator):
        raise PermissionError("read-only")

    # Permissions do not bind the root user.
    monkeypatch.setattr(_numba._AsTold, "ensure_cache_path", refuse, raising=False)
    only = [_numba._AsTold, _numba._InTemporaryFolder]
    for writable in (only, only[:1]):
        monkeypatch.setattr(_numba._Writable, "_locator_classes", writable)
        kernel = load()
        assert kernel(np.ones(3)) == 3.0
        assert hits(kernel) == 1
        assert kernel(np.ones(3, dtype=np.float32)) == 3.0
        assert hits(kernel) == 1
    assert sorted((tmp_path / "kernels").rglob("*")) == before
    assert list(temporary.rglob("*.nbi"))


def test_a_folder_that_is_given_is_the_only_one(load, tmp_path, monkeypatch):
    monkeypatch.setattr(_numba.numba.config, "CACHE_DIR", "")
    load()(np.ones(3))
    assert list((tmp_path / "__pycache__").glob("*.nbi"))
    monkeypatch.setattr(_numba.numba.config, "CACHE_DIR", str(tmp_path / "kernels"))
    kernel = load()
    kernel(np.ones(3))
    assert hits(kernel) == 0
