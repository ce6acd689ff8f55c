"""Checks of imbalanced-learn that its suite does not run, for SMOTENC and SMOTEN."""

import pytest
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)

from skext.over_sampling._mixed.nominal import SMOTEN, SMOTENC

INSTANCES = [SMOTENC(categorical_features=[0], random_state=0), SMOTEN(random_state=0)]


@pytest.mark.parametrize("estimator", INSTANCES, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_parameters_and_names(estimator, check):
    check(type(estimator).__name__, estimator)
