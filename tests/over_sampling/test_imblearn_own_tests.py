"""imbalanced-learn's own tests of samplers of numbers, run with ours."""

import pytest
from imblearn_own import HOME, SKIPPED, collect

FILES = [
    "over_sampling/_smote/tests/test_smote.py",
    "over_sampling/_smote/tests/test_borderline_smote.py",
    "over_sampling/_smote/tests/test_svm_smote.py",
    "over_sampling/_smote/tests/test_kmeans_smote.py",
    "over_sampling/tests/test_adasyn.py",
]
WARNED = {
    "test_borderline_smote_no_in_danger_samples": "no row in danger",
    "test_borderline_smote_kind": "no row in danger",
}
FOUND = {file: collect(file, warned=WARNED) for file in FILES}
for _tests in FOUND.values():
    globals().update(_tests)


@pytest.mark.skipif(not (HOME / FILES[0]).is_file(), reason=SKIPPED)
def test_their_tests_were_found():
    assert all(FOUND.values())
    assert sum("__test_" in name for name in globals()) >= 16
