"""Checks that no public estimator can escape."""

import os
import re
import subprocess
import sys

import pytest
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_imblearn_checks,
)
from instances import ESTIMATORS, SAMPLERS
from sklearn.utils.estimator_checks import parametrize_with_checks

from skext.utils.estimator_checks import parametrize_with_skext_checks

# Estimator name to check name to the reason why the check cannot pass. Every entry
# must be explained by the method itself.
_ONE_COLUMN = "gives a single column, which leaves no numbers"
_REGRESSION = "gives classes to a sampler for regression"
_DRAWN = (
    "random over-sampling draws rows, so that a row of weight two is not drawn as two "
    "rows are"
)
_BATCHES = (
    "a row of weight two is in one mini-batch, two rows may be in two, as for "
    "scikit-learn's SGDClassifier; it passes for full batches"
)
_OF_NETS = {"check_sample_weight_equivalence_on_dense_data": _BATCHES}
EXPECTED_FAILURES: dict = {
    "EnsLossClassifier": _OF_NETS,
    "MLSMOTE": {"check_target_type": "wants sets of labels refused, its purpose"},
    "OrdinalNetClassifier": _OF_NETS,
    "ResampledClassifier": {
        "check_sample_weight_equivalence_on_dense_data": _DRAWN,
        "check_sample_weight_equivalence_on_sparse_data": _DRAWN,
    },
    "SMOGN": {
        "check_target_type": _REGRESSION,
        "check_samplers_multiclass_ova": _REGRESSION,
    },
    "SMOTENC": {
        "check_samplers_string": _ONE_COLUMN,
        "check_samplers_nan": _ONE_COLUMN,
    },
    "SMOTER": {
        "check_target_type": _REGRESSION,
        "check_samplers_multiclass_ova": _REGRESSION,
    },
    "TabularNetClassifier": _OF_NETS,
    "TabularNetRegressor": _OF_NETS,
}


def expected_failures(estimator):
    if getattr(estimator, "batch_size", 1) is None:
        return {}
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


def of_scikit_learn(estimator):
    """Leave out what only imbalanced-learn's suite holds."""
    return {
        name: reason
        for name, reason in expected_failures(estimator).items()
        if not name.startswith(("check_samplers", "check_target_type"))
    }


def without_addresses(mark):
    """Keep addresses of functions out of the names, on which all workers must agree."""
    names = mark.kwargs["ids"]

    def name(thing):
        return re.sub(r"at0x[0-9a-f]+", "", names(thing))

    return pytest.mark.parametrize(*mark.args, ids=name)


# Tables of a few rows leave too few of them for calibration, which is said.
@pytest.mark.filterwarnings("ignore:.*rows are too few to calibrate")
@pytest.mark.filterwarnings("ignore:.*rows are too few to hold some out")
@pytest.mark.filterwarnings("ignore:.* of the classes have a single row")
@pytest.mark.filterwarnings("ignore:cv=. is more than the")
@pytest.mark.filterwarnings("ignore:sample_weight is used to fit")
@without_addresses(
    parametrize_with_checks(
        ESTIMATORS, expected_failed_checks=of_scikit_learn, xfail_strict=True
    )
)
def test_scikit_learn(estimator, check):
    check(estimator)


# imbalanced-learn hands pytest a generator, which pytest is about to refuse.
_imblearn = parametrize_with_imblearn_checks(
    SAMPLERS, expected_failed_checks=expected_failures
)
_imblearn = pytest.mark.parametrize(
    _imblearn.args[0], list(_imblearn.args[1]), **_imblearn.kwargs
)


# SMOTEN says so of every sparse matrix, as imbalanced-learn's does.
@pytest.mark.filterwarnings("ignore:.*is not really efficient")
@_imblearn
def test_imbalanced_learn(estimator, check):
    check(estimator)


@parametrize_with_skext_checks(ESTIMATORS)
def test_skext(estimator, check):
    check(type(estimator).__name__, estimator)


def test_array_api_check_does_not_skip_itself():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


def test_without_the_array_api_switch():
    """What knows the switch, as most users run it: the suite turns it on."""
    code = (
        "import sys, warnings\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from sklearn.utils import get_tags\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from test_common import ESTIMATORS, of_scikit_learn\n"
        "for estimator in ESTIMATORS:\n"
        "    if not get_tags(estimator).array_api_support: continue\n"
        "    with warnings.catch_warnings():\n"
        "        warnings.simplefilter('ignore')\n"
        "        failed = of_scikit_learn(estimator)\n"
        "        check_estimator(estimator, expected_failed_checks=failed)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr


def test_every_public_class_that_fits_is_checked():
    """Nothing with fit hides behind a class that discovery does not know."""
    import inspect

    from skext.utils.discovery import public_objects

    fitting = {
        name
        for _, name, thing in public_objects()
        if inspect.isclass(thing) and hasattr(thing, "fit")
    }
    assert fitting == {type(estimator).__name__ for estimator in ESTIMATORS}
    assert len(ESTIMATORS) >= 2
