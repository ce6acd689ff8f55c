"""Where something runs: machine, versions, threads, caches, device and commit."""

import contextlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import joblib
from sklearn.datasets import get_data_home

from skext import __version__

# What limits the threads of the libraries below us.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_PACKAGE = Path(__file__).resolve().parents[1]


def library_versions() -> dict:
    """Versions of the packages that can change a result."""
    names = ["scikit-learn", "numpy", "scipy", "numba", "imbalanced-learn", "pandas"]
    names += ["joblib", "torch", "skorch", "dask", "ray"]
    found = {"python": ".".join(map(str, sys.version_info[:3])), "skext": __version__}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def environment() -> dict:
    """Where a run happens: machine, versions, threads, git."""
    return {
        "host": {
            "cpu": cpu_model(),
            "cores": joblib.cpu_count(),
            "memory": _memory_bytes(),
            "platform": platform.platform(),
        },
        "versions": library_versions(),
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
        "git": _git(),
    }


def cpu_model() -> str:
    """Name of the processor."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def caches() -> dict:
    """Where compiled kernels and data lie."""
    kernels = list(_PACKAGE.glob("**/*.nbi"))
    return {
        "package": _PACKAGE,
        "compiled kernels": f"{len(kernels)} below the package folder",
        "data home": get_data_home(),
    }


def device() -> str:
    """Name what networks would run on."""
    try:
        import torch
    except ImportError:
        return "cpu (torch is not installed)"
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"cpu (torch {torch.__version__} sees no GPU)"


def _memory_bytes():
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _git():
    """Commit of the code that runs, if it runs from a checkout."""
    folder = _PACKAGE.parent
    if not (folder / ".git").exists():
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        call = ["git", "-C", str(folder)]
        commit = subprocess.run(
            [*call, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10
        )
        dirty = subprocess.run(
            [*call, "status", "--porcelain"], capture_output=True, text=True, timeout=10
        )
        if commit.returncode == 0:
            changed = bool(dirty.stdout.strip())
            return {"commit": commit.stdout.strip(), "dirty": changed}
    return None
