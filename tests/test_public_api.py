"""What importing does, and what the source may not contain."""

import ast
import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import skext

SOURCE = Path(skext.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = [f"skext.{name}" for name in skext.__all__ if name != "__version__"]
OPTIONAL = ("torch", "skorch", "matplotlib", "openml", "dask", "rich", "jinja2", "ray")


def run(code):
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_importing_skext_loads_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import skext\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = {name for name in run(code) if name not in sys.stdlib_module_names}
    assert loaded == {"skext"}


def test_importing_skext_costs_next_to_nothing():
    """At most 60 ms of CPU time above the bare interpreter."""
    resource = pytest.importorskip("resource")

    def cost(code):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    bare = min(cost("pass") for _ in range(5))
    assert min(cost("import skext") for _ in range(5)) - bare < 0.06


def test_sub_modules_load_no_optional_package():
    # scikit-learn itself imports some of them where they are installed.
    code = (
        "import importlib, sys\n"
        "import imblearn.over_sampling, numba, sklearn.model_selection\n"
        "before = set(sys.modules)\n"
        f"for name in {MODULES}: importlib.import_module(name)\n"
        f"print(*[name for name in {OPTIONAL} if name in set(sys.modules) - before])"
    )
    assert run(code) == []


def test_importing_changes_no_global_setting():
    code = (
        "import random, sys, threading, warnings\n"
        "import numpy as np, numba, sklearn, imblearn, joblib, scipy.sparse\n"
        "import sklearn.utils.estimator_checks\n"
        "def state(): return [str(np.random.get_state()), random.getstate(),\n"
        "    numba.config.THREADING_LAYER, numba.get_num_threads(),\n"
        "    list(warnings.filters), np.geterr(), sklearn.get_config(),\n"
        "    threading.active_count()]\n"
        "before = state()\n"
        f"import importlib\nfor name in {MODULES}: importlib.import_module(name)\n"
        "print([i for i, (a, b) in enumerate(zip(before, state())) if a != b])"
    )
    assert run(code) == ["[]"]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_exists(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in module.__all__:
        assert hasattr(module, public)
    # The linter keeps the order.
    assert len(set(module.__all__)) == len(module.__all__)


def test_top_level():
    assert set(skext.__all__) <= set(dir(skext))
    assert skext.__version__ == metadata.version("skext")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        skext.nonsense  # noqa: B018


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_source_obeys_the_house_rules(path):
    text = path.read_text()
    tree = ast.parse(text)
    private = path.name == "_sklearn.py"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            if node.module.startswith("sklearn") and not private:
                names = [*node.module.split("."), *(a.name for a in node.names)]
                assert not any(n.startswith("_") for n in names), names
        if isinstance(node, ast.keyword) and node.arg == "parallel":
            pytest.fail("parallel=... for numba; use run_chunks")
        if isinstance(node, ast.Name | ast.Attribute):
            assert getattr(node, "id", getattr(node, "attr", "")) != "prange"


def test_optional_packages_are_imported_inside_functions():
    """Private modules of the nets are themselves imported inside functions."""
    nets = SOURCE / "neural_network", SOURCE / "utils" / "_torch"
    for path in FILES:
        in_nets = any(path.is_relative_to(net) for net in nets)
        allowed = ("torch", "skorch") if in_nets and path.name != "__init__.py" else ()
        for node in ast.parse(path.read_text()).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                package = name.partition(".")[0]
                if package in allowed:
                    continue
                assert package not in (*OPTIONAL, "pandas", "pyarrow", "polars"), path


def test_package_is_typed():
    assert (SOURCE / "py.typed").is_file()
