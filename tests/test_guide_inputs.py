"""The table "What goes in" of each page of the guide says what the estimators do."""

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from instances import ESTIMATORS
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags

from skext.utils.estimator_checks import seeded

GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"
PAGES = {
    "cluster": "clustering",
    "combine": "over_sampling",
    "label_proportions": "label_proportions",
    "naive_bayes": "naive_bayes",
    "neural_network": "neural_network",
    "ordinal": "ordinal",
    "over_sampling": "over_sampling",
    "quantile": "quantile",
}
HEADER = [
    "estimators",
    "missing values",
    "categories, text",
    "dates",
    "sparse",
    "weights",
    "groups",
]
# Their parts decide about these.
WRAPPERS = {
    "ConformalQuantileRegressor",
    "MultiQuantileRegressor",
    "QuantileAdapter",
    "QuantileStackingRegressor",
    "ResampledClassifier",
}


def make_table(estimator, n_rows=72):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [n_rows // 2, n_rows // 3, n_rows // 6])
    X = pd.DataFrame(
        rng.normal(size=(n_rows, 4)) + y[:, None] + 4, columns=list("abcd")
    )
    if is_regressor(estimator):
        y = X.sum(axis=1).to_numpy()
    elif get_tags(estimator).classifier_tags is not None:
        y = y if get_tags(estimator).classifier_tags.multi_class else y % 2
    return X, y


def with_gaps(X):
    return X.assign(b=X["b"].mask(np.arange(len(X)) % 9 == 4))


def with_text(X):
    return X.assign(b=np.array(["x", "y", "z"])[np.arange(len(X)) % 3])


def with_dates(X):
    return X.assign(b=pd.date_range("2020", periods=len(X)))


def as_sparse(X):
    return sparse.csr_array(X.to_numpy())


TABLES = {
    "missing values": with_gaps,
    "categories, text": with_text,
    "dates": with_dates,
    "sparse": as_sparse,
}


def takes(estimator, change):
    """Tell whether a table is taken, from fit to prediction."""
    model = seeded(estimator)
    X, y = make_table(estimator)
    X = change(X)
    if "categorical_features" in model.get_params():
        kind = type(model.categorical_features)
        model.set_params(categorical_features=[1] if kind is list else "auto")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(model, "fit_resample"):
                model.fit_resample(X, y)
            else:
                model.fit(X, y)
                if hasattr(model, "predict"):
                    model.predict(X)
    except (TypeError, ValueError):
        return False
    return True


def facts(estimator):
    """What an estimator does, in the words of the tables."""
    fit = getattr(estimator, "fit_resample", None) or estimator.fit
    arguments = inspect.signature(fit).parameters
    found = {
        what: "taken" if takes(estimator, change) else "refused"
        for what, change in TABLES.items()
    }
    if type(estimator).__name__ in WRAPPERS:
        found |= dict.fromkeys(TABLES, "as its parts")
    for what, argument in (("weights", "sample_weight"), ("groups", "groups")):
        found[what] = "taken" if argument in arguments else "no"
    return found


def read_table(page):
    """Read the cells of a page, by the name of the estimator."""
    text = (GUIDE / f"{page}.md").read_text()
    section = re.search(r"^## What goes in\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section, f"{page}.md has no section 'What goes in'"
    lines = re.findall(r"^\|(.+)\|$", section[1], re.M)
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert rows[0] == HEADER
    return {
        name: dict(zip(HEADER[1:], row[1:], strict=True))
        for row in rows[2:]
        for name in re.findall(r"`(\w+)`", row[0])
    }


FIRST = {type(e).__name__: e for e in reversed(ESTIMATORS)}


@pytest.mark.parametrize("name", sorted(FIRST))
def test_inputs_are_as_the_guide_says(name):
    estimator = clone(FIRST[name])
    table = read_table(PAGES[type(estimator).__module__.split(".")[1]])
    assert name in table, f"{name} is missing in the table"
    for what, found in facts(estimator).items():
        said = table[name][what]
        assert said.startswith(found), f"{what}: the guide says {said!r}, not {found!r}"
