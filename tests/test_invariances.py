"""What must not change a result, tried on every public estimator and its options.

Each invariance is tried on all of them by discovery. Where a method does not have one,
EXCEPTIONS says why; where a fit warns, a changed result is no surprise.
"""

import inspect
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from instances import ESTIMATORS, variants
from numpy.testing import assert_allclose
from sklearn.base import clone, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skext.utils.estimator_checks import seeded

N_ROWS = 96
# Powers of two leave all digits in place.
LARGE, SMALL, OFFSET = 2.0**27, 2.0**-27, 2.0**27
# What remains of seven digits of an offset, and of stopping rules.
LOOSE = {"rtol": 1e-4, "atol": 1e-5}
CLOSE = {"rtol": 1e-6, "atol": 1e-8}
# What they are given is in the unit of the target.
OF_PREDICTIONS = {"QuantileAggregator"}
INVARIANT = ("predict_proba", "decision_function", "predict", "predict_quantiles")


def make_table(estimator, n_rows=N_ROWS):
    """Numbers of few digits, and a target that suits the estimator."""
    rng = np.random.default_rng(0)
    sizes = (n_rows // 2, n_rows // 3, n_rows - n_rows // 2 - n_rows // 3)
    y = np.repeat([0, 1, 2], sizes)
    X = rng.normal(size=(n_rows, 4)) + np.outer(y, [1.0, 0.7, 0.4, 0.0]) + 6
    X = np.round(X * 2**8) / 2**8
    if estimator is not None:
        if is_regressor(estimator):
            y = np.round((X.sum(axis=1) + rng.normal(size=n_rows)) * 2**8) / 2**8
        elif get_tags(estimator).classifier_tags is not None:
            y = y if get_tags(estimator).classifier_tags.multi_class else y % 2
    order = rng.permutation(n_rows)
    return X[order], y[order]


def takes_weights(estimator):
    method = getattr(estimator, "fit_resample", None) or estimator.fit
    return "sample_weight" in inspect.signature(method).parameters


class Refused(Exception):
    """The options do not go together, or not with the table."""


def answer(estimator, X, y, X_new=None, **weights):
    """Fit a seeded clone; return what it says of rows, and whether it warned."""
    model = seeded(estimator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if hasattr(model, "fit_resample"):
            found = model.fit_resample(X, y, **weights)
            said = {"X": np.asarray(found[0]), "y": np.asarray(found[1])}
        else:
            model.fit(X, y, **weights)
            rows = X if X_new is None else X_new
            said = {
                name: np.asarray(getattr(model, name)(rows))
                for name in INVARIANT
                if hasattr(model, name)
            }
            if hasattr(model, "get_support"):
                said["support"] = model.get_support()[:4]
    return said, [str(w.message) for w in caught]


def compare(found, expected, what, **tolerance):
    said, messages = found
    wanted, before = expected
    assert said.keys() == wanted.keys()
    if len(set(messages) - set(before)) > 0:
        return
    for name, value in wanted.items():
        message = f"{name} differs {what}"
        assert said[name].shape == value.shape, message
        if value.dtype.kind != "f":
            # Ties and rows on a border may fall to either side.
            assert np.mean(said[name] != value) <= 0.02, message
        else:
            assert_allclose(said[name], value, err_msg=message, **tolerance)


def transformed(estimator, forward, back, X, y):
    """What an estimator says of a transformed table, in terms of the given one."""
    said, messages = answer(estimator, forward(X), y)
    if "X" in said:
        said["X"] = back(said["X"])
    return said, messages


def reference(estimator, X, y, **weights):
    try:
        return answer(estimator, X, y, **weights)
    except (ValueError, TypeError) as error:
        raise Refused(str(error)) from error


def same_under(forward, back):
    def check(estimator):
        X, y = make_table(estimator)
        expected = reference(estimator, X, y)
        if type(estimator).__name__ in OF_PREDICTIONS:
            said, messages = answer(estimator, forward(X), forward(y))
            found = {name: back(value) for name, value in said.items()}, messages
        else:
            found = transformed(estimator, forward, back, X, y)
        compare(found, expected, "", **LOOSE)

    return check


UNITS = np.array([1.0, LARGE, SMALL, 2.0**10])


def check_units_of_columns(estimator):
    """Each column has a unit of its own."""
    same_under(lambda X: X * UNITS, lambda X: X / UNITS)(estimator)


def check_one_large_unit(estimator):
    """All columns are in one large unit."""
    same_under(lambda X: X * LARGE, lambda X: X / LARGE)(estimator)


def check_one_small_unit(estimator):
    """All columns are in one small unit."""
    same_under(lambda X: X * SMALL, lambda X: X / SMALL)(estimator)


def check_offset(estimator):
    """Columns lie far from zero."""
    same_under(lambda X: X + OFFSET, lambda X: X - OFFSET)(estimator)


def check_duplicated_column(estimator):
    """A column is there twice."""
    X, y = make_table(estimator)
    twice = lambda X: np.column_stack([X, X[:, 0]])  # noqa: E731
    expected = reference(estimator, X, y)
    found = transformed(estimator, twice, lambda X: X[:, :-1], X, y)
    compare(found, expected, "", **LOOSE)


def check_units_of_the_target(estimator):
    """The target is in another unit, far from zero."""
    if not is_regressor(estimator) or type(estimator).__name__ in OF_PREDICTIONS:
        raise Refused("no numbers to predict, or with all units at once")
    X, y = make_table(estimator)
    expected, before = reference(estimator, X, y)
    for factor, shift in ((LARGE, 0.0), (SMALL, 0.0), (1.0, OFFSET)):
        found, messages = answer(estimator, X, y * factor + shift)
        found = {name: (value - shift) / factor for name, value in found.items()}
        compare((found, messages), (expected, before), f"by {factor}", **LOOSE)


def check_row_order(estimator):
    """Rows come in another order."""
    X, y = make_table(estimator)
    order = np.random.default_rng(1).permutation(len(y))
    expected = reference(estimator, X, y)
    found = answer(estimator, X[order], y[order], X)
    compare(found, expected, "", **LOOSE)


def check_zero_weight(estimator):
    """A row of weight zero is a row left out, whatever it holds."""
    if not takes_weights(estimator):
        raise Refused("takes no weights")
    X, y = make_table(estimator)
    weight = np.random.default_rng(2).integers(1, 4, len(y)).astype(float)
    expected = reference(estimator, X, y, sample_weight=weight)
    broken = np.array([[2.0**20, -(2.0**20), 0, 2.0**20]] * 3)
    wide = np.vstack([X, broken])
    label = np.r_[y, y[:3]]
    weights = np.r_[weight, np.zeros(3)]
    found = answer(estimator, wide, label, X, sample_weight=weights)
    if "X" in found[0]:
        # Given rows are kept, those of weight zero among them, but nothing is made of
        # these.
        near = (np.abs(found[0]["X"]) < 1e5).all(axis=1)
        assert np.count_nonzero(~near) <= len(broken)
        found = {name: value[near] for name, value in found[0].items()}, found[1]
    compare(found, expected, "", **CLOSE)


def check_unit_of_weights(estimator):
    """All weights are multiplied by a constant."""
    if not takes_weights(estimator):
        raise Refused("takes no weights")
    X, y = make_table(estimator)
    weight = np.random.default_rng(2).integers(1, 4, len(y)).astype(float)
    expected = reference(estimator, X, y, sample_weight=weight)
    for factor in (2.0**-12, 2.0**12):
        found = answer(estimator, X, y, sample_weight=weight * factor)
        compare(found, expected, f"by {factor}", **LOOSE)


def check_repetition(estimator):
    """A row of weight two is the row twice."""
    if not takes_weights(estimator) or hasattr(estimator, "fit_resample"):
        raise Refused("takes no weights, or draws with them")
    X, y = make_table(estimator)
    weight = np.random.default_rng(2).integers(1, 4, len(y))
    expected = reference(estimator, X, y, sample_weight=weight.astype(float))
    rows = np.repeat(np.arange(len(y)), weight)
    found = answer(estimator, X[rows], y[rows], X)
    compare(found, expected, "", **LOOSE)


def check_number_of_threads(estimator):
    """More threads give the same digits."""
    if "n_jobs" not in estimator.get_params():
        raise Refused("has no n_jobs")
    X, y = make_table(estimator, 600)
    one = clone(estimator).set_params(n_jobs=1)
    expected = reference(one, X, y)[0]
    found = answer(clone(estimator).set_params(n_jobs=3), X, y)[0]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def check_concurrent_fits(estimator):
    """Two fits at the same time give what one after the other gives."""
    X, y = make_table(estimator)
    expected = reference(estimator, X, y)[0]
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(quiet, estimator, X, y) for _ in range(2)]
        for found in waiting:
            for name, value in found.result().items():
                np.testing.assert_array_equal(value, expected[name], err_msg=name)


def quiet(estimator, X, y):
    """Ask without recording warnings, which is global."""
    model = seeded(estimator)
    if hasattr(model, "fit_resample"):
        return dict(zip("Xy", model.fit_resample(X, y), strict=True))
    model.fit(X, y)
    return {
        name: getattr(model, name)(X)
        for name in ("predict_proba", "predict")
        if hasattr(model, name)
    }


CHECKS = [
    check_units_of_columns,
    check_one_large_unit,
    check_one_small_unit,
    check_offset,
    check_duplicated_column,
    check_units_of_the_target,
    check_row_order,
    check_zero_weight,
    check_unit_of_weights,
    check_repetition,
    check_number_of_threads,
    check_concurrent_fits,
]

SAMPLING = {type(e).__name__ for e in ESTIMATORS if hasattr(e, "fit_resample")}
NETS = {
    "EnsLossClassifier",
    "OrdinalNetClassifier",
    "TabularNetClassifier",
    "TabularNetRegressor",
}
_DISTANCES = "distances between rows, as its page says: scale before"
_DRAWS = "draws, and holds out, by the position of a row"
_TWICE = "a column that is there twice counts twice"
# Check to estimator, all of it or one option, to the reason why it cannot hold.
EXCEPTIONS: dict = {
    "check_units_of_columns": dict.fromkeys(SAMPLING, _DISTANCES),
    "check_duplicated_column": dict.fromkeys(SAMPLING | NETS, _TWICE),
    "check_row_order": dict.fromkeys(SAMPLING | NETS, _DRAWS),
}
EXCEPTIONS["check_repetition"] = dict.fromkeys(
    NETS, "a row of weight two is in one mini-batch, two rows may be in two"
)
for _name in (
    "ConformalQuantileRegressor",
    "PRESTOCV",
    "QuantileStackingRegressor",
    "ResampledClassifier",
):
    EXCEPTIONS["check_row_order"][_name] = _DRAWS
    EXCEPTIONS["check_repetition"][_name] = "splits, or draws, by the position of a row"
EXCEPTIONS["check_repetition"]["MultiQuantileRegressor, 2"] = (
    "scikit-learn's trees count rows before they split"
)

EXCEPTIONS["check_duplicated_column"] |= dict.fromkeys(
    (
        "LinearGaussianNB",
        "ShrinkageLDA",
        "NearestClassMean",
        "GenerativeLogisticRegression",
        # Two squares are less than the square of the sum.
        "ProportionalOdds",
        "ProportionalOddsCV",
    ),
    _TWICE,
)
EXCEPTIONS["check_units_of_columns"] |= dict.fromkeys(
    (
        "LinearGaussianNB(shrinkage='loo')",
        "LinearGaussianNB, 2",
        "NearestClassMean",
        "GenerativeLogisticRegression",
    ),
    _DISTANCES,
)
EXCEPTIONS["check_offset"] = dict.fromkeys(
    (
        "NearestClassMean(feature_transform='l2')",
        "NearestClassMean(metric='cosine')",
        "NearestClassMean, 2",
    ),
    "angles depend on the origin",
)
EXCEPTIONS["check_unit_of_weights"] = dict.fromkeys(
    (
        "ShrinkageLDA",
        "GenerativeLogisticRegression",
        "LinearGaussianNB(shrinkage='loo')",
        "LinearGaussianNB(temperature='loo')",
    ),
    "weights are counts, or scale the penalty, as the page says",
)
for _check in (
    "check_units_of_columns",
    "check_one_large_unit",
    "check_one_small_unit",
):
    for _name in ("PRESTO", "PRESTOCV", "ProportionalOdds", "ProportionalOddsCV"):
        EXCEPTIONS.setdefault(_check, {})[f"{_name}(standardize=False)"] = (
            "asked for: penalties of weights as they are"
        )

_TREES = "scikit-learn's trees see single precision, and nothing below 1e-7"
for _name in ("MultiQuantileRegressor, 2", "QuantileStackingRegressor"):
    for _check in (
        "check_units_of_columns",
        "check_one_small_unit",
        "check_offset",
        "check_duplicated_column",
    ):
        EXCEPTIONS[_check][_name] = _TREES
for _granularity in ("average", "fqra", "median"):
    EXCEPTIONS["check_duplicated_column"][
        f"QuantileAggregator(granularity={_granularity!r})"
    ] = _TWICE
_CONSTANT = "without a constant, and weights that sum to one, zero means something"
EXCEPTIONS["check_offset"]["QuantileAggregator(constraint='free')"] = _CONSTANT
EXCEPTIONS["check_offset"]["LinearQuantileRegressor(fit_intercept=False)"] = _CONSTANT
EXCEPTIONS["check_units_of_the_target"] = dict.fromkeys(
    (
        "LinearQuantileRegressor(fit_intercept=False)",
        "QuantileStackingRegressor(constraint='free')",
    ),
    _CONSTANT,
)
EXCEPTIONS["check_units_of_columns"]["QuantileAggregator"] = (
    "columns are predictions, all in one unit"
)
for _check in (
    "check_units_of_columns",
    "check_one_small_unit",
    "check_one_large_unit",
    "check_duplicated_column",
    "check_unit_of_weights",
):
    EXCEPTIONS[_check]["ResampledClassifier"] = "the penalty of its logistic regression"
_PENALTY = "the penalty is one of the weights in the units of the table"
_BAGS = (
    "CountLikelihoodClassifier",
    "DLLPClassifier",
    "EasyLLPClassifier",
    "MeanMapClassifier",
)
for _check in (
    "check_units_of_columns",
    "check_one_large_unit",
    "check_one_small_unit",
):
    EXCEPTIONS[_check] |= dict.fromkeys(_BAGS, _PENALTY)
for _check in (
    "check_units_of_columns",
    "check_one_large_unit",
    "check_one_small_unit",
    "check_offset",
):
    EXCEPTIONS[_check]["DLLPNetClassifier(standardize=False)"] = "told not to scale"
EXCEPTIONS["check_unit_of_weights"] |= dict.fromkeys(
    _BAGS, "weights times a constant are C times it, as in LogisticRegression"
)
EXCEPTIONS["check_duplicated_column"] |= dict.fromkeys(
    (
        *_BAGS,
        "BagProportionClassifier",
        "BeliefPropagationLLPClassifier",
        "DLLPNetClassifier",
        "SelfLabelingLLPClassifier",
    ),
    _TWICE,
)
for _check in ("check_row_order", "check_repetition"):
    EXCEPTIONS[_check]["DLLPNetClassifier(early_stopping=True)"] = _DRAWS


def exception(check, name):
    reasons = EXCEPTIONS.get(check.__name__, {})
    return reasons.get(name) or reasons.get(name.partition("(")[0].partition(",")[0])


def scaled(estimator):
    """The learner of rows that some estimators take, behind a scaler."""
    if isinstance(getattr(estimator, "estimator", None), LogisticRegression):
        inner = make_pipeline(StandardScaler(), estimator.estimator)
        return clone(estimator).set_params(estimator=inner)
    return estimator


def cases():
    """Every estimator and each of its options; other instances as they are."""
    seen = {}
    for estimator in map(scaled, ESTIMATORS):
        name = type(estimator).__name__
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            yield f"{name}, {seen[name]}", estimator
        else:
            yield from variants(estimator)


CASES = dict(cases())


# Warnings are recorded where they matter.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CASES)
def test_invariance(name, check):
    reason = exception(check, name)
    if reason is not None:
        pytest.skip(reason)
    try:
        check(clone(CASES[name]))
    except Refused as error:
        pytest.skip(str(error)[:200])
