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
    (tmp_path / "temporary").mkdir()
    hidden = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "SCIKIT_LEARN_DATA")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    nowhere = str(tmp_path / "nothing" / "home")
    yield {
        **environment,
        "PYTHONPATH": str(copy.parent),
        "HOME": nowhere,
        "TMPDIR": str(tmp_path / "temporary"),
    }
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
from skext.naive_bayes import LinearGaussianNB
from skext.naive_bayes._moments import kernels as _kernels
from skext.over_sampling import SMOTE
rng = np.random.default_rng(0)
X, y = rng.normal(size=(120, 4)), np.repeat([0, 1], [90, 30])
LinearGaussianNB().fit(X, y).predict(X)
SMOTE().fit_resample(X, y)
kernels = [k for k in vars(_kernels).values() if hasattr(k, "py_func")]
print(sorted({{type(k._cache).__name__ for k in kernels}}))
print(sum(len(k.stats.cache_hits) for k in kernels))
"""


def fit(environment, tmp_path):
    """Class of the cache, and the number of kernels that were read from it."""
    file = str(tmp_path / "lib" / "skext" / "__init__.py")
    found = run(environment, tmp_path, "-c", FIT.format(file=file))
    assert found.returncode == 0, found.stderr
    assert not list((tmp_path / "lib").rglob("*.nb?"))
    classes, hits = found.stdout.splitlines()
    return classes, int(hits)


def test_kernels_go_to_a_temporary_folder_of_the_user(read_only, tmp_path):
    assert fit(read_only, tmp_path) == ("['KernelCache']", 0)
    (folder,) = (tmp_path / "temporary").glob("skext-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.rglob("*.nbi"))
    classes, hits = fit(read_only, tmp_path)
    assert classes == "['KernelCache']"
    assert hits > 0


def test_without_a_safe_folder_there_is_no_cache(read_only, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "temporary" / f"skext-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    # The package has no folder either that kernels could have been put into.
    assert fit(read_only, tmp_path) == ("['NullCache']", 0)
    assert not list((tmp_path / "elsewhere").iterdir())


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


def test_kernels_of_an_installation_that_became_read_only_are_used(tmp_path):
    """As in a container: root has compiled, and somebody else runs."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE, tmp_path / "skext", ignore=ignored)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "home"),
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    code = (
        "import sys, tempfile\n"
        "import numpy as np\n"
        "real = tempfile.TemporaryFile\n"
        "def refuse(*args, dir=None, **options):\n"
        # Permissions do not bind the root user, who may run the tests.
        "    if 'read-only' in sys.argv and '__pycache__' in str(dir):\n"
        "        raise PermissionError(dir)\n"
        "    return real(*args, dir=dir, **options)\n"
        "tempfile.TemporaryFile = refuse\n"
        "from skext.naive_bayes import LinearGaussianNB\n"
        "from skext.naive_bayes._moments import kernels\n"
        "LinearGaussianNB().fit(np.eye(6), [0, 1] * 3).predict(np.eye(6))\n"
        "found = [k for k in vars(kernels).values() if hasattr(k, 'py_func')]\n"
        "print(sum(len(k.stats.cache_hits) for k in found))\n"
        "print(sum(len(k.stats.cache_misses) for k in found))\n"
    )
    first = run(environment, tmp_path, "-c", code)
    assert first.returncode == 0, first.stderr
    then = run(environment, tmp_path, "-c", code, "read-only")
    assert then.returncode == 0, then.stderr
    hits, misses = map(int, then.stdout.split())
    assert hits > 0
    assert misses == 0
    assert not list((tmp_path / "home").rglob("*.nbi"))
