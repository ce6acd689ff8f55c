"""imbalanced-learn's own tests of SMOTENC and SMOTEN, run with ours in their place.

Skipped where imbalanced-learn was installed without its tests.
"""

import importlib.util
from pathlib import Path

import imblearn.over_sampling
import numpy as np
import pytest

from skext.over_sampling._mixed.nominal import SMOTEN, SMOTENC

HOME = Path(imblearn.over_sampling.__file__).parent / "_smote" / "tests"
FILES = {SMOTENC: HOME / "test_smote_nc.py", SMOTEN: HOME / "test_smoten.py"}

# Tests that ask for what we do otherwise on purpose, with the reason.
DIFFERENT = {
    "test_smote_nc_categorical_features_auto_error": (
        "its second half wants an error for string columns under 'auto', which are "
        "nominal for us; the first half is in test_nominal.py"
    ),
    "test_smoten_resampling": (
        "wants a tie of three red rows to three blue ones to go to the first in sorted "
        "order; ours go to either, which test_nominal.py tests on the same data"
    ),
}


@pytest.fixture(autouse=True)
def guard_random_state():
    """Their tests draw from the global state; put it back instead of failing."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)


def collect(cls, path):
    """Their test functions, defined while our class stands in the place of theirs."""
    patch = pytest.MonkeyPatch()
    patch.setattr(imblearn.over_sampling, cls.__name__, cls)
    try:
        spec = importlib.util.spec_from_file_location(f"their_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        patch.undo()
    found = {
        f"{name}__{path.stem}": thing
        for name, thing in vars(module).items()
        if name.startswith("test_") and name not in DIFFERENT
    }
    if hasattr(module, "data"):
        found["data"] = module.data
    return found


for _cls, _path in FILES.items():
    if _path.is_file():
        globals().update(collect(_cls, _path))


def test_their_tests_were_found():
    if not all(path.is_file() for path in FILES.values()):
        pytest.skip("imbalanced-learn was installed without its tests")
    assert sum("__test_smote" in name for name in globals()) > 15
