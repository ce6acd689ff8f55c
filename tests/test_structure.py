"""The rooms of the package: three floors, no circles, small folders and files.

*Ground* knows no family of methods. *Families* know the ground, and no other family but
those in ``BUILT_ON``. The *benchmark* knows families in ``_families`` only, one folder
each; its engine, its statistics and its report know none.
"""

import ast
import io
import tokenize
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import skext

SOURCE = Path(skext.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in FILES})

GROUND = {"base", "exceptions", "utils", "_neighbors", "metrics", "datasets"}
FAMILIES = {
    *("cluster", "combine", "label_proportions", "model_selection", "naive_bayes"),
    *("neural_network", "ordinal", "over_sampling", "quantile"),
}
# Why a family may know another one.
BUILT_ON = {
    ("combine", "over_sampling"): "it over-samples first, then cleans",
}
MAX_CODE_LINES = 350
MAX_FILES = 25


def module_of(path):
    parts = ("skext", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def relative(path):
    return str(path.relative_to(SOURCE))


def imported(node):
    """Modules of skext that an import statement asks for."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        full = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [name if name in MODULES else node.module for name in full]
    else:
        return []
    return [name for name in names if name in MODULES]


@cache
def arrows():
    """Imports of skext from one of its modules to another, those in functions too."""
    found = defaultdict(set)
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            found[module].update(name for name in imported(node) if name != module)
    return dict(found)


def circles(graph):
    """Groups of nodes that can be reached from each other (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            start = stack.index(node)
            group = sorted(stack[start:])
            del stack[start:]
            if len(group) > 1:
                found.append(group)

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_circles_are_found():
    graph = {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": [], "e": ["a", "d"]}
    assert circles(graph) == [["b", "c"]]


def test_no_circle_between_files():
    assert circles(arrows()) == []


def test_no_circle_between_folders():
    """A folder's ``__init__`` only hands names on: its arrows do not count."""
    root = {"skext", "skext.base", "skext.exceptions"}
    folders = defaultdict(set)
    for module, targets in arrows().items():
        path = MODULES[module]
        if path.name == "__init__.py":
            continue
        here = module_of(path.parent / "__init__.py")
        for target in targets - root:
            there = module_of(MODULES[target].parent / "__init__.py")
            if there != here:
                folders[here].add(there)
    assert circles(dict(folders)) == []


def floor_of(module):
    """Floor and name of the room: ("family", "ordinal"), ("engine", "_report")..."""
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else ""
    if name in GROUND or module == "skext":
        return "ground", name
    if name in FAMILIES:
        return "family", name
    if name == "benchmark":
        room = parts[2] if len(parts) > 2 else ""
        if room in ("_engine", "_analysis", "_report", "_speed"):
            return "engine", room
        return "benchmark", room
    assert module == "skext.__main__", f"{module} is on no floor"
    return "benchmark", name


def allowed(module, target):
    floor, name = floor_of(module)
    other, other_name = floor_of(target)
    if other == "ground":
        return True
    if floor == "ground":
        return False
    if floor == "family":
        own = (other, other_name) == (floor, name)
        return own or (other == "family" and (name, other_name) in BUILT_ON)
    if floor == "engine":
        # What compares methods is a family that knows no method.
        return other == "engine" or other_name == "model_selection"
    return True


def test_no_arrow_upwards():
    upwards = [
        f"{module} -> {target}"
        for module, targets in arrows().items()
        for target in sorted(targets)
        if not allowed(module, target)
    ]
    assert upwards == []


def test_every_exception_is_used():
    used = {
        (floor_of(module)[1], floor_of(target)[1])
        for module, targets in arrows().items()
        for target in targets
    }
    assert set(BUILT_ON) <= used


def deferred(tree):
    """Import statements inside functions, but in the ``__getattr__`` of a module."""
    lazy = {
        node
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name == "__getattr__"
        for node in ast.walk(function)
    }
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    inside = {node for function in functions for node in ast.walk(function)}
    return [node for node in inside - lazy if imported(node)]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_inside_functions_have_a_reason(path):
    text = path.read_text()
    lines = ["", *text.splitlines()]
    for node in deferred(ast.parse(text)):
        above = lines[node.lineno - 1].strip()
        beside = any("#" in line for line in lines[node.lineno : node.end_lineno + 1])
        where = f"{relative(path)}:{node.lineno}"
        assert above.startswith("#") or beside, (
            f"{where} imports skext inside a function. Import it at the top of the "
            "file, or say in a comment beside it why that cannot be."
        )


def code_lines(text):
    """Count the lines that hold code: no docstring, comment or empty line."""
    documented = set()
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            documented.update(range(first.lineno, first.end_lineno + 1))
    skipped = {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT),
        *(tokenize.DEDENT, tokenize.ENDMARKER),
    }
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def test_lines_of_code_are_counted():
    text = '"""Doc\n\nmore."""\n\nx = 1  # why\n# alone\ny = (\n    2,\n)\n'
    assert code_lines(text) == 4


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_are_short(path):
    assert code_lines(path.read_text()) <= MAX_CODE_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_folders_are_small_and_say_what_they_are_for(folder):
    assert len(list(folder.glob("*.py"))) <= MAX_FILES
    tree = ast.parse((folder / "__init__.py").read_text())
    first = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    assert first.endswith(".")
