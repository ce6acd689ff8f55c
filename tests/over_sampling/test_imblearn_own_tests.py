"""imbalanced-learn's own tests of its classes, run with ours in their place.

Skipped where imbalanced-learn was installed without its tests.
"""

import importlib.util
from pathlib import Path

import imblearn.combine
import imblearn.over_sampling
import pytest

import skext.over_sampling

HOME = Path(imblearn.over_sampling.__file__).parent
FILES = {
    "SMOTE": HOME / "_smote" / "tests" / "test_smote.py",
}

# Tests that ask for what we do otherwise on purpose, with the reason.
DIFFERENT: dict = {}


def collect(names, path):
    """Their test functions, defined while our classes stand in the place of theirs."""
    patch = pytest.MonkeyPatch()
    for name in names.split():
        patch.setattr(imblearn.over_sampling, name, getattr(skext.over_sampling, name))
    try:
        spec = importlib.util.spec_from_file_location(f"their_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        patch.undo()
    return {
        f"{name}__{path.stem}": thing
        for name, thing in vars(module).items()
        if name.startswith("test_") and name not in DIFFERENT
    }


for _names, _path in FILES.items():
    if _path.is_file():
        globals().update(collect(_names, _path))


def test_their_tests_were_found():
    if not all(path.is_file() for path in FILES.values()):
        pytest.skip("imbalanced-learn was installed without its tests")
    assert sum(name.startswith("test_") for name in globals()) > len(FILES)
