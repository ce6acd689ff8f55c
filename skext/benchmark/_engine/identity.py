"""What makes two objects the same for a result: their content, in all processes alike.

A result is served again only if everything that determines it has the same content.
Code counts by what it does and not by where it stands; libraries count by name, as
their versions are recorded with the results.
"""

import contextlib
import copyreg
import dis
import functools
import hashlib
import importlib.util
import inspect
import os
import site
import sys
import sysconfig
import types
from pathlib import Path

import numpy as np

from skext.utils._columns import library_of


class UnknownContentError(Exception):
    """An object whose content cannot be told apart from another's."""


def fingerprint(thing) -> str:
    """Digest of the content of an object, equal in all processes.

    Parameters
    ----------
    thing : object
        Values, arrays, tables, functions, classes, estimators, and what pickle knows.

    Returns
    -------
    digest : str
        Equal for equal content.

    Raises
    ------
    UnknownContentError
        If some part has a state that cannot be read, as an open file has. The message
        names the part.
    """
    try:
        return _Reader().digest(thing)
    except RecursionError:
        raise UnknownContentError(
            f"{type(thing).__name__} that is nested too deeply"
        ) from None


def public_path(thing) -> str:
    """``package:name`` of a class or function, by the shortest package that has it.

    Where a private module stands is no part of what it holds.
    """
    module = getattr(thing, "__module__", None) or "builtins"
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    parts = module.split(".")
    for n in range(1, len(parts)):
        package = sys.modules.get(".".join(parts[:n]))
        # Not by getattr, which loads what a lazy package has not needed yet.
        if package is not None and vars(package).get(name) is thing:
            return f"{'.'.join(parts[:n])}:{name}"
    return f"{module}:{name}"


@functools.cache
def source_of_skext() -> str:
    """Digest of the source of skext that can change a result."""
    folder = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(_PRESENTATION) and path.name != "speed.py":
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


# What is made of results that are there already.
_PRESENTATION = (
    *("benchmark/_analysis/", "benchmark/_cli/", "benchmark/_report/"),
    *("benchmark/_speed/", "benchmark/_engine/progress", "benchmark/_engine/text"),
    *("benchmark/_engine/config", "benchmark/_engine/options", "utils/_environment"),
    *("benchmark/_engine/warm_up", "benchmark/_families/examples", "__main__"),
)


@functools.cache
def _library_folders():
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_paths()[name] for name in names]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple({os.path.realpath(folder) + os.sep for folder in folders})


@functools.lru_cache(maxsize=4096)
def _is_library(name):
    """Whether a module belongs to Python, an installed package or skext."""
    if name.partition(".")[0] == "skext":
        # Its source is part of every key.
        return True
    if name == "__main__":
        return False
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    if path is None:
        # Built in, or made by a program; a package without a file holds no code.
        return module is not None and name.partition(".")[0] in _BUILT_IN
    return os.path.realpath(path).startswith(_library_folders())


_BUILT_IN = {*sys.builtin_module_names, *sys.stdlib_module_names}
_PLAIN = (type(None), bool, int, str, bytes, type(Ellipsis), type(NotImplemented))
# Parts of a class that say nothing about what it does.
_UNTOLD = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__annotations__", "__qualname__"),
}
_LOCKS = (type(__import__("threading").Lock()), type(__import__("threading").RLock()))


class _Reader:
    """Walks through an object; each part is read once."""

    def __init__(self):
        self._done = {}
        self._within = {}
        # Parts that are made while reading must not give their number to others.
        self._alive = []

    def digest(self, thing):
        """Digest of one part and all that it holds."""
        if isinstance(thing, _PLAIN) and type(thing) in _PLAIN:
            return _hash(type(thing).__name__, repr(thing))
        if type(thing) is float:
            return _hash("float", thing.hex())
        key = id(thing)
        if key in self._done:
            return self._done[key]
        if key in self._within:
            return _hash("above", str(len(self._within) - self._within[key]))
        self._within[key] = len(self._within)
        self._alive.append(thing)
        try:
            found = self._read(thing)
        finally:
            del self._within[key]
        self._done[key] = found
        return found

    def _all(self, tag, things):
        return _hash(tag, *(self.digest(thing) for thing in things))

    def _read(self, thing):
        for kinds, read in self._READERS:
            if isinstance(thing, kinds):
                found = read(self, thing)
                if found is not None:
                    return found
        if library_of(thing) is not None or _is_pandas(thing):
            return self._table(thing)
        if type(thing).__module__.partition(".")[0] == "torch" and hasattr(
            thing, "numpy"
        ):
            values = thing.detach().cpu()
            return self._all("tensor", (str(values.dtype), values.tolist()))
        for name in ("py_func", "__wrapped__"):
            # Compiled or wrapped by a library; what it does is written in the
            # function, and in how it is compiled.
            inner = getattr(thing, name, None)
            wrapped = isinstance(inner, types.FunctionType)
            if wrapped and _is_library(type(thing).__module__):
                options = getattr(thing, "targetoptions", None)
                return self._all(_type_name(thing), (inner, options))
        return self._by_pickle(thing)

    def _dict(self, thing):
        if type(thing) is not dict:
            return None
        # The order stays: a search draws from its parameters in their order.
        return self._all("dict", (part for item in thing.items() for part in item))

    def _mapping(self, thing):
        return self._all("mapping", (dict(thing),))

    def _list(self, thing):
        if type(thing) not in (list, tuple):
            return None
        return self._all(type(thing).__name__, thing)

    def _set(self, thing):
        if type(thing) not in (set, frozenset):
            return None
        # Sets of texts have another order in each process.
        return _hash(type(thing).__name__, *sorted(map(fingerprint, thing)))

    def _array(self, thing):
        if type(thing) not in (np.ndarray, np.memmap):
            return None
        content = [str(thing.dtype), str(thing.shape)]
        if thing.dtype.hasobject:
            return _hash("array", *content, self.digest(thing.tolist()))
        data = np.ascontiguousarray(thing)
        return _hash("array", *content, hashlib.sha256(data.tobytes()).hexdigest())

    def _table(self, thing):
        if library_of(thing) == "polars":
            columns = thing.get_columns() if hasattr(thing, "get_columns") else [thing]
            parts = [(c.name, str(c.dtype), c.to_list()) for c in columns]
            return self._all("polars", parts)
        if hasattr(thing, "columns"):
            columns = [thing.iloc[:, j] for j in range(thing.shape[1])]
            return self._all("frame", (thing.index, thing.columns, *columns))
        parts = [str(thing.dtype), getattr(thing, "name", None)]
        if hasattr(thing.dtype, "categories"):
            dtype = thing.dtype
            parts += [list(dtype.categories), bool(getattr(dtype, "ordered", False))]
        values = np.asarray(thing)
        parts.append(values if values.dtype.kind != "O" else _objects(values))
        if hasattr(thing, "index"):
            parts.append(thing.index)
        return self._all(type(thing).__name__, parts)

    def _random_state(self, thing):
        if thing is np.random.mtrand._rand:
            return _hash("numpy.random")
        return None

    def _module(self, thing):
        name = thing.__name__
        if _is_library(name):
            return _hash("module", name)
        path = getattr(thing, "__file__", None)
        if path is None or not path.endswith(".py"):
            raise UnknownContentError(f"module {name!r} without source")
        # What it has from other modules, code and numbers, belongs to it.
        used = []
        for key, value in sorted(vars(thing).items()):
            if isinstance(value, types.ModuleType | types.FunctionType | type):
                if _home(value) not in (name, None):
                    used += [key, value]
            elif not key.startswith("__"):
                with contextlib.suppress(UnknownContentError):
                    used += [key, self.digest(value)]
        source = Path(path).read_bytes()
        return self._all("module", (name, source, used))

    def _function(self, thing):
        # A wrapper may have taken the name of what it wraps.
        home = thing.__globals__.get("__name__") or ""
        library = _is_library(thing.__module__ or "builtins") and _is_library(home)
        if library and "<" not in thing.__qualname__:
            return _hash("function", public_path(thing))
        code = thing.__code__
        parts = [thing.__defaults__, thing.__kwdefaults__]
        parts += [[_cell(cell) for cell in thing.__closure__ or ()]]
        parts += [sorted(vars(thing).items())]
        named = () if library else _names(code) & set(thing.__globals__)
        for name in sorted(named):
            parts += [name, thing.__globals__[name]]
        if not library:
            package = thing.__globals__.get("__package__")
            parts += [_imported(name, package) for name in _imports(code)]
        return self._all("function", (_code(code), *parts))

    def _builtin(self, thing):
        owner = getattr(thing, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return _hash("builtin", public_path(thing))
        return self._all("builtin", (thing.__name__, owner))

    def _method(self, thing):
        return self._all("method", (thing.__func__, thing.__self__))

    def _class(self, thing):
        if _is_library(thing.__module__):
            return _hash("class", public_path(thing))
        parts = [thing.__qualname__, list(thing.__bases__), type(thing)]
        for key, value in sorted(vars(thing).items()):
            if key not in _UNTOLD and not isinstance(value, types.GetSetDescriptorType):
                parts += [key, value]
        return self._all("class", parts)

    def _wrapper(self, thing):
        """Read a property, static method, class method or cached property."""
        names = ("fget", "fset", "fdel", "__func__", "func")
        return self._all(
            type(thing).__name__, (getattr(thing, name, None) for name in names)
        )

    def _partial(self, thing):
        return self._all("partial", (thing.func, thing.args, thing.keywords))

    def _member(self, thing):
        return self._all("member", (thing.__name__, thing.__objclass__))

    def _lock(self, thing):
        return _hash("lock")

    def _by_pickle(self, thing):
        kind = type(thing)
        if hasattr(thing, "get_params") and _has_only_a_dict(thing):
            # All of its state: a model that is fitted already may stay so. What it
            # pickles holds the version of scikit-learn, which is recorded elsewhere.
            return self._all("object", (kind, sorted(vars(thing).items())))
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced = thing.__reduce_ex__(4) if reduce is None else reduce(thing)
        except Exception as exc:
            raise UnknownContentError(_named(thing)) from exc
        if isinstance(reduced, str):
            return _hash("global", kind.__module__, reduced)
        function, args, state, items, pairs = (*reduced, *[None] * 3)[:5]
        bases = [base.__module__ or "" for base in kind.__mro__]
        scipy = any(base.startswith("scipy.stats") for base in bases)
        if scipy and isinstance(state, dict):
            # The stream that it draws from unless it is given another one.
            state = {k: v for k, v in state.items() if k != "_random_state"}
        if isinstance(state, dict):
            state = sorted(state.items(), key=lambda item: str(item[0]))
        parts = [kind, function, args, state]
        parts += [list(items or ()), list(pairs or ())]
        return self._all("object", parts)

    _READERS = (
        (dict, _dict),
        (types.MappingProxyType, _mapping),
        ((list, tuple), _list),
        ((set, frozenset), _set),
        (np.ndarray, _array),
        (np.random.RandomState, _random_state),
        (types.ModuleType, _module),
        (types.FunctionType, _function),
        (types.BuiltinFunctionType, _builtin),
        (types.MethodType, _method),
        (type, _class),
        (
            (property, staticmethod, classmethod, functools.cached_property),
            _wrapper,
        ),
        (functools.partial, _partial),
        (
            (
                types.MemberDescriptorType,
                types.WrapperDescriptorType,
                types.MethodDescriptorType,
            ),
            _member,
        ),
        (_LOCKS, _lock),
    )


def _hash(*words):
    digest = hashlib.sha256()
    for word in words:
        digest.update(f"{len(word)}:{word}".encode(errors="surrogatepass"))
    return digest.hexdigest()


def _has_only_a_dict(thing):
    """Whether the attributes of an object are all that it holds."""
    if not hasattr(thing, "__dict__") or isinstance(thing, dict | list | tuple | set):
        return False
    return not any(vars(kind).get("__slots__") for kind in type(thing).__mro__)


def _type_name(thing):
    return public_path(type(thing))


def _named(thing):
    return f"an object of type {_type_name(thing).replace(':', '.')}"


def _home(thing):
    """Name of the module that a class, function or module belongs to."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__
    return getattr(thing, "__module__", None)


def _is_pandas(thing):
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    return isinstance(thing, pandas.Index | pandas.api.extensions.ExtensionArray)


def _objects(values):
    """Objects of a column, with one sign for all that is missing."""
    import pandas as pd

    return [None if m else v for m, v in zip(pd.isna(values), values, strict=True)]


def _cell(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return "<empty cell>"


def _names(code):
    """Names that code and the code within it look up."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            found |= _names(constant)
    return found


def _imports(code):
    """Names of modules that code and the code within it import, dots in front."""
    found, level = set(), 0
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            found.add("." * level + step.argval)
        if step.opname.startswith("LOAD_") and type(step.argval) is int:
            level = step.argval
    for constant in code.co_consts:
        if inspect.iscode(constant):
            found |= set(_imports(constant))
    return sorted(found)


def _imported(name, package):
    """Return a module by the name in an import, or the name if it is not there."""
    try:
        full = importlib.util.resolve_name(name, package)
        return importlib.import_module(full)
    except Exception:
        # The job will say so.
        return name


def _code(code):
    """Tell what code does: neither its file nor its lines."""
    constants = tuple(
        _code(value) if inspect.iscode(value) else value for value in code.co_consts
    )
    return (
        code.co_code,
        constants,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_exceptiontable,
    )
