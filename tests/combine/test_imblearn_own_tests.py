"""imbalanced-learn's own tests of cleaning after SMOTE, run with ours."""

import pytest
from imblearn_own import HOME, SKIPPED, collect

FILES = ["combine/tests/test_smote_enn.py", "combine/tests/test_smote_tomek.py"]
FOUND = {file: collect(file) for file in FILES}
for _tests in FOUND.values():
    globals().update(_tests)


@pytest.mark.skipif(not (HOME / FILES[0]).is_file(), reason=SKIPPED)
def test_their_tests_were_found():
    assert all(FOUND.values())
    assert sum("__test_" in name for name in globals()) >= 9
