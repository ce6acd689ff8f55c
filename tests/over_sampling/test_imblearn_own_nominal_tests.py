"""imbalanced-learn's own tests of SMOTENC and SMOTEN, run with ours in their place."""

import numpy as np
import pytest
from imblearn_own import HOME, SKIPPED, collect

FILES = [
    "over_sampling/_smote/tests/test_smote_nc.py",
    "over_sampling/_smote/tests/test_smoten.py",
]
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


FOUND = {file: collect(file, DIFFERENT) for file in FILES}
for _tests in FOUND.values():
    globals().update(_tests)


@pytest.mark.skipif(not (HOME / FILES[0]).is_file(), reason=SKIPPED)
def test_their_tests_were_found():
    assert all(FOUND.values())
    assert sum("__test_smote" in name for name in globals()) > 15
