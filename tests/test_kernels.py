"""Kernels compile in a blink: plain loops over scalars, one signature for each.

One line of another kind drags in hundreds of functions of numba, which are compiled
anew for each kernel. ``docs/developers.md`` has the rules.
"""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import skext

SOURCE = Path(skext.__file__).parent

# What makes or walks whole arrays, sorts or searches.
_FUNCTIONS = set(
    "all any append arange argmax argmin argpartition argsort array_equal asarray "
    "bincount column_stack concatenate copy cumprod cumsum diff dot flatnonzero full "
    "full_like hstack linspace max maximum_reduce mean median min nonzero partition "
    "prod quantile repeat searchsorted sort stack std sum take unique var vstack "
    "where".split()
)
_METHODS = _FUNCTIONS | {"astype", "fill", "flatten"}

SLICE = "assigns an array to a slice"
ARRAYS = "array expression"
TEXT = "text"
RAISES = "raises with arguments"

# What is left, by file and kernel. Whoever rewrites a kernel takes it out; an entry
# that is not needed any more fails, too.
ALLOWED: dict = {
    "combine/_kernels.py": {
        "vote": "np.argmax",
    },
    "label_proportions/_counts/many_class_kernels.py": {
        "_log_sum": ".max()",
        "find_tilts": "assigns an array to a slice",
        "_messages_by_lattice": ".sum()",
        "_messages_by_gauss": "array expression",
        "_bag": ".max(); array expression; np.flatnonzero",
        "count_vector_messages": ".any()",
    },
    "label_proportions/_inference/many_class_kernels.py": {
        "_log_sum": ".max()",
        "edge_energies_classes": ".max()",
    },
}
# Kernels that more than one type of table is worth a compilation.
SIGNATURES: dict = {
    "_neighbors/kernels.py": {
        "search_leaves": (2, "int32 and int64"),
        "search_sparse": (2, "int32 and int64"),
    },
    "label_proportions/_counts/two_class_kernels.py": {
        "_leave_one_out": (2, "constants as arguments"),
    },
    "naive_bayes/_moments/kernels.py": {
        "class_residuals": (2, "float32"),
        "csr_moments": (2, "float32"),
        "dense_column_moments": (2, "no weights"),
        "dense_row_moments": (3, "float32; no weights"),
        "score_rows": (2, "float32"),
        "sort_by_class": (2, "no weights"),
    },
    "over_sampling/_core/kernels.py": {
        "count_sparse": (4, "float32; int32 and int64"),
        "interpolate_dense": (2, "float32"),
        "interpolate_sparse": (4, "float32; int32 and int64"),
    },
    "quantile/_core/row_kernels.py": {
        "linear_rows": (2, "float32"),
        "mix_rows": (2, "float32"),
    },
    "quantile/_solver/kernels.py": {
        "adjoint": (2, "float32"),
        "residuals": (2, "float32"),
    },
}
# Kernels that no example calls.
UNREACHED: dict = {
    "_neighbors/nominal_kernels.py": {"measure_levels": "a search of the user"},
    "cluster/_separability/dip.py": {
        "_dip": "a function, not an estimator",
        "_dips": "a function, not an estimator",
        "_fill": "a function, not an estimator",
        "_hull": "a function, not an estimator",
    },
    "naive_bayes/_loo/kernels.py": {"loo_operands": "many classes"},
    "ordinal/_solver/kernels.py": {"barrier_rows": "rows that cross in training"},
    "ordinal/_solver/repair.py": {"_pool_rows": "rows that cross"},
    "quantile/_solver/kernels.py": {
        "glue": "many rows",
        "price": "many models",
        "release": "many rows",
        "spreads": "many rows",
    },
}


def is_kernel(node):
    """Whether a node is a function that ``jit`` compiles."""
    if not isinstance(node, ast.FunctionDef):
        return False
    names = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(isinstance(name, ast.Name) and name.id == "jit" for name in names)


def n_indices(subscript):
    """How many axes an index fixes; slices and new axes count as none."""
    index = subscript.slice
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return sum(not isinstance(part, ast.Slice) for part in parts)


def n_axes(kernel):
    """Least numbers of axes of the names in a kernel that are used as arrays."""
    found: dict = {}

    def note(node, number):
        if isinstance(node, ast.Name):
            found[node.id] = max(number, found.get(node.id, 0))

    for node in ast.walk(kernel):
        if isinstance(node, ast.Subscript):
            index = node.slice
            note(node.value, len(index.elts) if isinstance(index, ast.Tuple) else 1)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(value, ast.Attribute) and value.attr == "shape":
                several = isinstance(target, ast.Tuple)
                note(value.value, len(target.elts) if several else 1)
            elif numpy_function(value) in ("empty", "zeros", "ones"):
                shape = value.args[0]
                several = isinstance(shape, ast.Tuple)
                note(target, len(shape.elts) if several else 1)
    # Tuples are taken apart, or indexed by constants.
    for node in ast.walk(kernel):
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "shape"
            and isinstance(node.value, ast.Name)
        ):
            found.setdefault(node.value.id, 1)
    return found


def numpy_function(node):
    """Name of the function of numpy that a node calls; None if it is none."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    owner = node.func.value
    is_numpy = isinstance(owner, ast.Name) and owner.id == "np"
    return node.func.attr if is_numpy else None


def is_array(node, axes):
    """Whether a node is an array, as far as can be told."""
    if isinstance(node, ast.Name):
        return axes.get(node.id, 0) > 0
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return axes.get(node.value.id, 0) > n_indices(node)
    return False


def is_number(node, axes, scalars):
    """Whether a node is no array for certain."""
    if isinstance(node, ast.BinOp):
        parts = (node.left, node.right)
        return all(is_number(part, axes, scalars) for part in parts)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand, axes, scalars)
    if isinstance(node, ast.Name):
        return node.id in scalars
    if isinstance(node, ast.Subscript):
        sliced = any(isinstance(part, ast.Slice) for part in ast.walk(node.slice))
        return not sliced and not is_array(node, axes)
    is_constant = isinstance(node, ast.Attribute) and node.attr in ("nan", "inf")
    return isinstance(node, ast.Constant) or is_constant


def stored(statement):
    """Elements and parts of arrays that an assignment writes."""
    is_one = isinstance(statement, ast.AugAssign)
    targets = [statement.target] if is_one else statement.targets
    for node in (node for target in targets for node in ast.walk(target)):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield node


def offences(kernel):
    """What a kernel holds that numba compiles slowly, as sorted texts."""
    axes = n_axes(kernel)
    names = {node.id for node in ast.walk(kernel) if isinstance(node, ast.Name)}
    scalars = names - {argument.arg for argument in kernel.args.args} - set(axes)
    body = kernel.body[1:] if ast.get_docstring(kernel) is not None else kernel.body
    nodes = [node for statement in body for node in ast.walk(statement)]
    return sorted({text for node in nodes if (text := offence(node, axes, scalars))})


def offence(node, axes, scalars):
    """What is wrong with a node itself; None if nothing is."""

    def any_array(*parts):
        return any(is_array(part, axes) for part in parts)

    match node:
        case ast.Assign() | ast.AugAssign():
            for target in stored(node):
                sliced = any(isinstance(part, ast.Slice) for part in ast.walk(target))
                is_part = sliced or any_array(target)
                # Filling with one number costs no more than a loop.
                if is_part and not is_number(node.value, axes, scalars):
                    return SLICE
            if isinstance(node, ast.AugAssign) and any_array(node.target, node.value):
                return ARRAYS
        case ast.BinOp(left=left, right=right):
            return ARRAYS if any_array(left, right) else None
        case ast.UnaryOp(operand=operand):
            return ARRAYS if any_array(operand) else None
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return None
        case ast.Compare(left=left, comparators=others):
            return ARRAYS if any_array(left, *others) else None
        case ast.Call(func=ast.Attribute(attr=attribute), args=args):
            name = numpy_function(node)
            if name in _FUNCTIONS:
                return f"np.{name}"
            if name is None:
                return f".{attribute}()" if attribute in _METHODS else None
            return ARRAYS if any_array(*args) and "like" not in name else None
        case ast.JoinedStr() | ast.Constant(value=str()):
            return TEXT
        case ast.Raise(exc=ast.Call() as error) if error.args or error.keywords:
            return RAISES
    return None


@cache
def all_offences():
    """Offences of each kernel that has any: {file: {kernel: texts}}."""
    found: dict = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for kernel in filter(is_kernel, ast.walk(ast.parse(path.read_text()))):
            texts = offences(kernel)
            if texts:
                file = path.relative_to(SOURCE).as_posix()
                found.setdefault(file, {})[kernel.name] = texts
    return found


def test_offences_are_told():
    text = """
@jit(reassociate=True)
def kernel(X, y, out, word):
    "Text that is a docstring."
    n_rows, n_columns = X.shape
    rest = np.empty(n_rows)
    rest[:] = 0.0
    X[0] = np.nan
    out[1:] = y[:-1]
    out[y[0], :] = X[1]
    rest += y[0]
    for i in range(n_rows):
        rest[i] = -X[i, 0] + y[i]
    last = X[0] - X[1]
    order = np.argsort(rest)
    if rest.max() > last[0]:
        raise ValueError("text")
    if word == "a":
        raise ValueError
    return order
"""
    (kernel,) = filter(is_kernel, ast.walk(ast.parse(text)))
    assert set(offences(kernel)) == {
        *(SLICE, ARRAYS, TEXT, RAISES),
        *(".max()", "np.argsort"),
    }


def test_plain_loops_are_no_offence():
    text = """
@jit
def kernel(X, order, out, start, stop):
    low = np.full_like  # No call.
    n_rows, n_columns = X.shape
    best = -1
    if out is None:
        return best
    for i in range(start, stop):
        row = X[order[i]]
        out[i] = 0.0
        for j in range(n_columns):
            out[i] += row[j] * X[i, j] - float(n_rows)
        out[i] = max(out[i], 0.0)
        best = i
        order[i], order[best] = order[best], order[i]
    if best < 0:
        raise ValueError
    return out[best], helper(X[best], out[start:stop])
"""
    (kernel,) = filter(is_kernel, ast.walk(ast.parse(text)))
    assert offences(kernel) == []


def test_kernels_are_plain_loops():
    more = {
        f"{file}: {kernel}": sorted(set(texts) - set(allowed_texts(file, kernel)))
        for file, kernels in all_offences().items()
        for kernel, texts in kernels.items()
    }
    more = {where: texts for where, texts in more.items() if texts}
    assert not more, f"write plain loops, or say why not in ALLOWED: {more}"


def test_what_is_allowed_is_needed():
    left = {
        f"{file}: {kernel}": sorted(
            set(allowed_texts(file, kernel))
            - set(all_offences().get(file, {}).get(kernel, ()))
        )
        for file, kernels in ALLOWED.items()
        for kernel in kernels
    }
    left = {where: texts for where, texts in left.items() if texts}
    assert not left, f"take out of ALLOWED what is gone: {left}"


def allowed_texts(file, kernel):
    texts = ALLOWED.get(file, {}).get(kernel, "")
    return texts.split("; ") if texts else []


# Counted in a process of its own with no cache: a kernel that is read from one brings
# the kernels that it calls along, and they cannot be counted.
COUNT = """
import importlib, json, sys
from skext.benchmark._engine.warm_up import warm_up
from skext.benchmark._families.examples import examples
warm_up(examples(), n_jobs=1)
print(json.dumps({
    f"{file} {name}": sorted(map(str, kernel.nopython_signatures))
    for file, module in json.loads(sys.argv[1]).items()
    for name, kernel in vars(importlib.import_module(module)).items()
    if hasattr(kernel, "py_func") and kernel.__module__ == module
    and kernel.targetoptions.get("inline") != "always"  # A part of its callers.
}))
"""


def signatures(folder):
    """Signatures of all kernels after the fits of ``skext warm-up``."""
    modules = {}
    for path in SOURCE.rglob("*.py"):
        if any(map(is_kernel, ast.walk(ast.parse(path.read_text())))):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            modules[path.relative_to(SOURCE).as_posix()] = ".".join(parts)
    ended = subprocess.run(
        [sys.executable, "-c", COUNT, json.dumps(modules)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def by_file(signatures, wanted):
    """Kernels by file, of which the number of signatures is as wanted."""
    found: dict = {}
    for name, kernels in signatures.items():
        file, kernel = name.split()
        if wanted(len(kernels)):
            found.setdefault(file, {})[kernel] = kernels
    return found


@pytest.mark.slow
def test_warm_up_reaches_every_kernel_with_one_signature(tmp_path):
    found = signatures(tmp_path)
    several = by_file(found, lambda n: n > 1)
    counts = {
        file: {kernel: len(kinds) for kernel, kinds in kernels.items()}
        for file, kernels in several.items()
    }
    allowed = {
        file: {kernel: number for kernel, (number, _) in kernels.items()}
        for file, kernels in SIGNATURES.items()
    }
    more = {
        kernel: kinds
        for file, kernels in several.items()
        for kernel, kinds in kernels.items()
        if allowed.get(file, {}).get(kernel) != len(kinds)
    }
    assert counts == allowed, f"one type and order of each argument: {more}, {counts}"
    missed = by_file(found, lambda n: n == 0)
    assert {file: set(kernels) for file, kernels in missed.items()} == {
        file: set(kernels) for file, kernels in UNREACHED.items()
    }, "an example in skext/benchmark/_families/examples.py may reach it"
