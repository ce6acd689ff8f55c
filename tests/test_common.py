"""Checks that no public estimator can escape."""

import os
import subprocess
import sys

import pytest
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_imblearn_checks,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from skext.utils.discovery import all_estimators
from skext.utils.estimator_checks import parametrize_with_skext_checks

ESTIMATORS = [cls() for _, cls in all_estimators()]
# Some of imbalanced-learn's checks compare two runs, which only a seed makes equal.
SAMPLERS = [
    cls(random_state=0) for _, cls in all_estimators() if hasattr(cls, "fit_resample")
]

# Estimator name to check name to the reason why the check cannot pass. Every entry
# must be explained by the method itself.
EXPECTED_FAILURES: dict = {}


def expected_failures(estimator):
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


@parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=expected_failures, xfail_strict=True
)
def test_scikit_learn(estimator, check):
    check(estimator)


# imbalanced-learn hands pytest a generator, which pytest is about to refuse.
_imblearn = parametrize_with_imblearn_checks(SAMPLERS)
_imblearn = pytest.mark.parametrize(
    _imblearn.args[0], list(_imblearn.args[1]), **_imblearn.kwargs
)


@_imblearn
def test_imbalanced_learn(estimator, check):
    check(estimator)


@parametrize_with_skext_checks(ESTIMATORS)
def test_skext(estimator, check):
    check(type(estimator).__name__, estimator)


def test_array_api_check_does_not_skip_itself():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


def test_without_the_array_api_switch():
    """The same estimators as most users run them."""
    code = (
        "import warnings\n"
        "warnings.simplefilter('error')\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from skext.utils.discovery import all_estimators\n"
        "for name, cls in all_estimators():\n"
        "    with warnings.catch_warnings():\n"
        "        warnings.simplefilter('ignore')\n"
        "        check_estimator(cls())\n"
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
