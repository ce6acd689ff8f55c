"""The one decorator for compiled kernels, and where their machine code is kept."""

import contextlib
import functools
import gc
import os
import stat
import tempfile

import numba
import numpy as np
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.sigutils import normalize_signature
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
    kernel = numba.njit(**options)(func)
    # Without a place that can be written and is safe, and without one that has been
    # filled, a kernel is compiled in each process.
    for cache in (KernelCache, ReadOnlyCache):
        try:
            kernel._cache = cache(func)
            break
        except RuntimeError as exc:
            if "no locator" not in str(exc):
                raise
    return kernel


def as_float64(rows):
    """C-contiguous, writeable float64: the only kind that kernels are compiled for."""
    return np.require(rows, dtype=np.float64, requirements=["C", "W"])


def temporary_folder():
    """Folder for kernels of this user where neither package nor home can be written.

    What is read from it is run, so it must be nobody else's: a true folder, owned and
    entered by this user only, in one whose entries others cannot replace.

    Returns
    -------
    folder : str or None
        None if there is no safe one.
    """
    # Windows has no such owners; its users have temporary folders of their own, beside
    # those that numba writes to already.
    if not hasattr(os, "getuid"):
        return None
    try:
        above = os.path.realpath(tempfile.gettempdir())
        folder = os.path.join(above, f"skext-{os.getuid()}")
        around = os.stat(above)
        shared = around.st_mode & 0o022 and not around.st_mode & stat.S_ISVTX
        if shared or around.st_uid not in (0, os.getuid()):
            return None
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        # Not of what a link points to.
        found = os.lstat(folder)
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if own and not found.st_mode & 0o077 else None


# numba's own choices: NUMBA_CACHE_DIR, the package, the home of the user.
_NUMBAS = list(CompileResultCacheImpl._locator_classes)
_InPackage = next(c for c in _NUMBAS if c.__name__.endswith("InTreeCacheLocator"))
_AsTold = next(c for c in _NUMBAS if c.__name__.endswith("UserProvidedCacheLocator"))


class _InTemporaryFolder(_InPackage):
    """Kernels in :func:`temporary_folder`."""

    def get_cache_path(self):
        folder = temporary_folder()
        if folder is None:
            raise PermissionError("there is no safe temporary folder")
        return os.path.join(folder, self.get_suitable_cache_subpath(self._py_file))


class _ReadAsTold(_AsTold):
    """Kernels in NUMBA_CACHE_DIR, which was filled before it became read-only."""

    def ensure_cache_path(self):
        os.scandir(self.get_cache_path()).close()


class _ReadInPackage(_InPackage):
    """Kernels that were compiled when the package could be written."""

    def ensure_cache_path(self):
        os.scandir(self.get_cache_path()).close()


class _Writable(CompileResultCacheImpl):
    _locator_classes = [*_NUMBAS, _InTemporaryFolder]


class _Installed(CompileResultCacheImpl):
    _locator_classes = [_ReadAsTold, _ReadInPackage]


class _KernelCache(FunctionCache):
    """Cache of one kernel; no fit fails for it."""

    def load_overload(self, sig, target_context):
        """Read a compiled kernel; None if there is none, or it is damaged."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception:
            # A file that a crash or a full disk cut short can raise anything.
            self._give_up()
            return None
        # Two processes that save two signatures at once may mix up their files.
        args, _ = normalize_signature(sig)
        return None if found is None or found.signature.args != tuple(args) else found

    def _give_up(self):
        """Do nothing about a damaged file."""


class ReadOnlyCache(_KernelCache):
    """What was compiled where nothing can be written now."""

    _impl_class = _Installed

    def save_overload(self, sig, data):
        """Write nothing."""


class KernelCache(_KernelCache):
    """What this user has compiled, and behind it what was there before.

    In a container that is run by another user than the one who made it, the kernels lie
    beside a package that cannot be written any more.
    """

    _impl_class = _Writable

    def load_overload(self, sig, target_context):
        """Read a compiled kernel; None if there is none."""
        found = super().load_overload(sig, target_context) if self._is_safe() else None
        own = isinstance(self._impl.locator, (_AsTold, _InPackage))
        if found is None and (not own or self._is_temporary()):
            with contextlib.suppress(RuntimeError):  # There was nothing before.
                return ReadOnlyCache(self._py_func).load_overload(sig, target_context)
        return found

    def save_overload(self, sig, data):
        """Write a compiled kernel, unless the disk is full or the folder gone."""
        if self._is_safe():
            with contextlib.suppress(OSError):
                super().save_overload(sig, data)

    def _give_up(self):
        # An empty index: the kernel is compiled and saved anew.
        with contextlib.suppress(OSError):
            self.flush()

    def _is_temporary(self):
        return isinstance(self._impl.locator, _InTemporaryFolder)

    def _is_safe(self):
        # A cleaner may have removed the folder, and somebody else made it anew.
        return not self._is_temporary() or temporary_folder() is not None


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
