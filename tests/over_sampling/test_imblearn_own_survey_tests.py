"""imbalanced-learn's own tests of the samplers that look at all rows, run with ours."""

import importlib.util
from pathlib import Path

import imblearn.combine
import imblearn.over_sampling
import pytest

from skext.combine import SMOTEENN, SMOTETomek
from skext.over_sampling import SMOTE
from skext.over_sampling._drop_in.adasyn import ADASYN
from skext.over_sampling._drop_in.borderline import BorderlineSMOTE
from skext.over_sampling._drop_in.kmeans import KMeansSMOTE
from skext.over_sampling._drop_in.svm import SVMSMOTE

OURS = {
    imblearn.over_sampling: [SMOTE, BorderlineSMOTE, SVMSMOTE, KMeansSMOTE, ADASYN],
    imblearn.combine: [SMOTEENN, SMOTETomek],
}
HOME = Path(imblearn.over_sampling.__file__).parents[1]
FILES = [
    HOME / "over_sampling" / "_smote" / "tests" / "test_borderline_smote.py",
    HOME / "over_sampling" / "_smote" / "tests" / "test_svm_smote.py",
    HOME / "over_sampling" / "_smote" / "tests" / "test_kmeans_smote.py",
    HOME / "over_sampling" / "tests" / "test_adasyn.py",
    HOME / "combine" / "tests" / "test_smote_enn.py",
    HOME / "combine" / "tests" / "test_smote_tomek.py",
]
# Tests that ask for what we do otherwise on purpose, with the reason.
DIFFERENT: dict = {}
# Tests whose result is right, but comes with a warning of ours.
WARNED = {
    "test_borderline_smote_no_in_danger_samples": "no row in danger",
    "test_borderline_smote_kind": "no row in danger",
}


def collect(path):
    """Their test functions, defined while our classes stand in the place of theirs."""
    patch = pytest.MonkeyPatch()
    for module, classes in OURS.items():
        for cls in classes:
            patch.setattr(module, cls.__name__, cls)
    try:
        spec = importlib.util.spec_from_file_location(f"their_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        patch.undo()
    found = {}
    for name, thing in vars(module).items():
        if name == "data":
            found[name] = thing
        elif name.startswith("test_") and name not in DIFFERENT:
            if name in WARNED:
                thing = pytest.mark.filterwarnings(f"ignore:.*{WARNED[name]}")(thing)
            found[f"{name}__{path.stem}"] = thing
    return found


for _path in FILES:
    if _path.is_file():
        # Two files have a fixture "data", with the same numbers.
        globals().update(collect(_path))


def test_their_tests_were_found():
    if not all(path.is_file() for path in FILES):
        pytest.skip("imbalanced-learn was installed without its tests")
    theirs = [name for name in globals() if "__test_" in name]
    assert len(theirs) >= 21
