"""The package as others install it: read-only, and with no home directory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skext

SOURCE = Path(skext.__file__).parent


@pytest.fixture
def read_only(tmp_path):
    """Environment with a copy of the package to which nothing can be written.

    Permissions do not bind the root user. A file where a folder would have to be made
    stops everybody.
    """
    copy = tmp_path / "lib" / "skext"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for folder in folders:
        (folder / "__pycache__").touch()
    for path in copy.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (tmp_path / "nothing").touch()
    hidden = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "SCIKIT_LEARN_DATA")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    nowhere = str(tmp_path / "nothing" / "home")
    yield {**environment, "PYTHONPATH": str(copy.parent), "HOME": nowhere}
    for folder in folders:
        folder.chmod(0o755)


def run(environment, tmp_path, *argv):
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *argv],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )


FIT = """
import warnings
import numpy as np
warnings.simplefilter("error")
import skext
assert skext.__file__ == {file!r}, skext.__file__
from skext.utils._numba import jit
from skext.naive_bayes import LinearGaussianNB
from skext.naive_bayes._moments import kernels as _kernels
from skext.over_sampling import SMOTE
kernels = [k for k in vars(_kernels).values() if hasattr(k, "py_func")]
assert kernels
assert {{type(k._cache).__name__ for k in kernels}} == {{"NullCache"}}
rng = np.random.default_rng(0)
X, y = rng.normal(size=(120, 4)), np.repeat([0, 1], [90, 30])
LinearGaussianNB().fit(X, y).predict(X)
SMOTE().fit_resample(X, y)
"""


def test_imports_and_fits(read_only, tmp_path):
    file = str(tmp_path / "lib" / "skext" / "__init__.py")
    found = run(read_only, tmp_path, "-c", FIT.format(file=file))
    assert found.returncode == 0, found.stderr
    assert not list((tmp_path / "lib").rglob("*.nb?"))


def test_benchmark_runs(read_only, tmp_path):
    call = "-m skext bench run offline --lite -t iris -m dummy gaussian-nb"
    call += " --progress none -o out"
    found = run(read_only, tmp_path, *call.split())
    assert found.returncode == 0, found.stderr
    assert "2 jobs ok" in found.stdout
    assert (tmp_path / "work" / "out" / "report.html").stat().st_size > 10_000


def test_without_a_home_there_is_still_a_cache_if_the_package_can_be_written(tmp_path):
    shutil.copytree(
        SOURCE, tmp_path / "skext", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "nothing").touch()
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "HOME": str(tmp_path / "nothing" / "home"),
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    code = (
        "import numpy as np\n"
        "from skext.naive_bayes import LinearGaussianNB\n"
        "LinearGaussianNB().fit(np.eye(6), [0, 1] * 3).predict(np.eye(6))\n"
    )
    found = run(environment, tmp_path, "-c", code)
    assert found.returncode == 0, found.stderr
    assert list((tmp_path / "skext").rglob("*.nbi"))
