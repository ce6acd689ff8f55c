"""ResampledClassifier: the correction, weights, and where it is used."""

import numpy as np
import pandas as pd
import pytest
from imblearn import FunctionSampler
from imblearn.over_sampling import SMOTE as PEER
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss, recall_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

from skext.datasets import make_ordinal
from skext.ordinal import ProportionalOdds
from skext.over_sampling import SMOTE
from skext.over_sampling._resampled import ResampledClassifier


def make(weights=(0.8, 0.15, 0.05), n_samples=400, seed=0):
    return make_classification(
        n_samples=n_samples,
        n_features=4,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=0.5,
        random_state=seed,
    )


def repeat_rows(X, y, times=(1, 3, 7)):
    """Repeat the rows of each class so many times."""
    rows = np.repeat(np.arange(len(y)), np.asarray(times)[y])
    return X[rows], y[rows]


REPEAT = FunctionSampler(func=repeat_rows)

# The correction


@pytest.mark.parametrize(
    "model", [GaussianNB(var_smoothing=0), DecisionTreeClassifier(random_state=0)]
)
def test_repeated_rows_are_corrected_exactly(model):
    """Class densities are the same after repetition, so the posterior comes back."""
    X, y = make()
    if isinstance(model, DecisionTreeClassifier):
        # One cell for each value: the same splits with and without repetition.
        X = np.random.default_rng(0).integers(2, size=(len(y), 1)) + 0.0
    expected = model.fit(X, y).predict_proba(X)
    corrected = ResampledClassifier(model, REPEAT).fit(X, y)
    assert_allclose(corrected.predict_proba(X), expected, rtol=1e-10)
    assert_array_equal(corrected.predict(X), model.predict(X))
    raw = corrected.estimator_.predict_proba(X)
    assert np.abs(raw - expected).max() > 0.1


def test_formula():
    X, y = make()
    model = ResampledClassifier(LogisticRegression(), SMOTE(random_state=0)).fit(X, y)
    before = np.bincount(y) / len(y)
    assert_allclose(model.class_prior_, before)
    assert_allclose(model.resampled_prior_, [1 / 3] * 3)
    expected = model.estimator_.predict_proba(X) * before * 3
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-10)
    assert_array_equal(model.predict(X), expected.argmax(axis=1))


@pytest.mark.parametrize("sampler", [RandomOverSampler(), RandomUnderSampler()])
def test_log_loss_returns_to_that_of_the_unsampled_fit(sampler):
    """Under a model that holds, so that only the noise of sampling is left."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 3))
    p = 1 / (1 + np.exp(4 - X @ [1.0, -1.0, 0.5]))
    y = (rng.uniform(size=len(X)) < p).astype(int)
    assert 0.03 < y.mean() < 0.06
    (X, X_test), (y, y_test) = np.split(X, 2), np.split(y, 2)
    plain = LogisticRegression(C=np.inf).fit(X, y)
    model = ResampledClassifier(
        LogisticRegression(C=np.inf), sampler, random_state=0
    ).fit(X, y)
    expected = log_loss(y_test, plain.predict_proba(X_test))
    found = log_loss(y_test, model.predict_proba(X_test))
    raw = log_loss(y_test, model.estimator_.predict_proba(X_test))
    assert abs(found - expected) < 0.01 * expected
    assert raw > 2 * expected


def test_raw_predictions_favour_rare_classes():
    X, y = make((0.9, 0.1), n_samples=1000)
    sampler = RandomOverSampler(random_state=0)
    model = ResampledClassifier(LogisticRegression(), sampler).fit(X, y)
    raw = ResampledClassifier(LogisticRegression(), sampler, predict_with="raw")
    raw.fit(X, y)
    pipeline = make_sampling_pipeline(sampler, LogisticRegression()).fit(X, y)
    assert_array_equal(raw.predict(X), pipeline.predict(X))
    assert_array_equal(raw.predict_proba(X), model.predict_proba(X))
    assert recall_score(y, raw.predict(X)) > recall_score(y, model.predict(X)) + 0.2


def test_models_without_logarithms():
    X, y = make()
    model = ResampledClassifier(
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
        SMOTE(random_state=0),
    ).fit(X, y)
    assert not hasattr(model.estimator_, "predict_log_proba")
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_certain_models_stay_certain():
    X, y = make()
    model = ResampledClassifier(
        KNeighborsClassifier(n_neighbors=1), RandomOverSampler(random_state=0)
    ).fit(X, y)
    assert_array_equal(model.predict_proba(X), np.eye(3)[y])


def test_a_class_that_resampling_removes():
    X, y = make()
    drop = FunctionSampler(func=lambda X, y: (X[y != 1], y[y != 1]))
    model = ResampledClassifier(GaussianNB(), drop).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (len(X), 3)
    assert_array_equal(proba[:, 1], 0)
    assert_allclose(proba.sum(axis=1), 1)
    assert model.resampled_prior_[1] == 0


def test_a_class_that_the_sampler_invents():
    X, y = make()
    sampler = FunctionSampler(func=lambda X, y: (X, y + 1))
    with pytest.raises(ValueError, match=r"made classes.*\[3"):
        ResampledClassifier(GaussianNB(), sampler).fit(X, y)


# Weights


def test_shares_are_by_weight():
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
    sampler = RandomOverSampler(random_state=0)
    model = ResampledClassifier(GaussianNB(), sampler).fit(X, y, weight)
    rows = model.sampler_.sample_indices_
    shares = np.bincount(y, weight) / weight.sum()
    after = np.bincount(y[rows], weight[rows]) / weight[rows].sum()
    assert_allclose(model.class_prior_, shares)
    assert_allclose(model.resampled_prior_, after)
    expected = GaussianNB().fit(X[rows], y[rows], weight[rows]).predict_proba(X)
    expected *= shares / after
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-10)


def test_weights_are_corrected_exactly():
    """Repetition keeps the weighted densities, so the posterior comes back."""
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))

    class Repeat(RandomOverSampler):
        def _fit_resample(self, X, y):
            self.sample_indices_ = np.repeat(np.arange(len(y)), np.array([1, 3, 7])[y])
            return X[self.sample_indices_], y[self.sample_indices_]

    model = GaussianNB(var_smoothing=0)
    expected = model.fit(X, y, weight).predict_proba(X)
    found = ResampledClassifier(model, Repeat()).fit(X, y, weight).predict_proba(X)
    assert_allclose(found, expected, rtol=1e-9)


def test_samplers_that_take_weights():
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
    model = ResampledClassifier(GaussianNB(), SMOTE(random_state=0)).fit(X, y, weight)
    sampler = SMOTE(random_state=0)
    _, y_new = sampler.fit_resample(X, y, sample_weight=weight)
    after = np.bincount(y_new, sampler.sample_weight_) / sampler.sample_weight_.sum()
    assert_allclose(model.resampled_prior_, after)


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, sparse.csr_array, list])
def test_rows_of_weight_zero_are_left_out(kind):
    X, y = make()
    weight = np.where(np.arange(len(y)) % 3 == 0, 0.0, 1.0)
    part = weight > 0
    model = ResampledClassifier(LogisticRegression(), random_state=0)
    expected = model.fit(kind(X[part]), y[part], weight[part]).predict_proba(X[part])
    found = model.fit(kind(X), y, weight).predict_proba(X[part])
    assert_array_equal(found, expected)


def test_weights_that_nobody_can_use():
    X, y = make()
    weight = np.full(len(y), 2.0)
    with pytest.raises(ValueError, match="sampler=SMOTE.*sample_indices_"):
        ResampledClassifier(GaussianNB(), PEER(random_state=0)).fit(X, y, weight)
    with pytest.raises(ValueError, match="estimator=KNeighborsClassifier.*not take"):
        ResampledClassifier(KNeighborsClassifier(), random_state=0).fit(X, y, weight)


# Input, seeds, use


def test_parts_must_have_what_is_needed():
    X, y = make()
    for estimator in (LinearSVC(), SGDClassifier(loss="hinge")):
        with pytest.raises(ValueError, match="'estimator'.*'predict_proba'"):
            ResampledClassifier(estimator).fit(X, y)
    with pytest.raises(ValueError, match="'sampler'.*fit_resample"):
        ResampledClassifier(sampler=StandardScaler()).fit(X, y)
    with pytest.raises(ValueError, match="'predict_with'"):
        ResampledClassifier(predict_with="both").fit(X, y)


def test_given_objects_are_not_fitted_and_seeds_are_kept():
    X, y = make()
    forest, sampler = RandomForestClassifier(n_estimators=3), SMOTE(random_state=5)
    model = ResampledClassifier(forest, sampler, random_state=0).fit(X, y)
    assert model.sampler_.random_state == 5
    assert isinstance(model.estimator_.random_state, int)
    assert forest.random_state is None
    assert not hasattr(forest, "estimators_")
    assert not hasattr(sampler, "sample_indices_")
    again = ResampledClassifier(forest, sampler, random_state=0).fit(X, y)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_seeds_reach_nested_parts():
    X, y = make()
    nested = make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3))
    model = ResampledClassifier(nested, random_state=np.random.default_rng(0))
    model.fit(X, y)
    assert isinstance(model.estimator_[1].random_state, int)
    assert isinstance(model.sampler_.random_state, int)


def test_labels_keep_their_meaning():
    X, y = make()
    names = np.array(["rare", "common", "between"])[y]
    sampler = RandomOverSampler(sampling_strategy={"between": 100}, random_state=0)
    model = ResampledClassifier(GaussianNB(), sampler).fit(X, names)
    assert model.classes_.tolist() == ["between", "common", "rare"]
    assert set(model.predict(X)) <= set(names)
    assert model.resampled_prior_[0] * (len(y) + 100 - (y == 2).sum()) == (
        pytest.approx(100)
    )


def test_missing_values_and_sparse_tables_as_far_as_the_parts_go():
    X, y = make()
    X[3, 1] = np.nan
    trees = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    model = ResampledClassifier(trees, SMOTE(random_state=0))
    assert get_tags(model).input_tags.allow_nan
    assert not get_tags(model).input_tags.sparse
    assert np.isfinite(model.fit(X, y).predict_proba(X)).all()
    model = ResampledClassifier()
    assert not get_tags(model).input_tags.allow_nan
    assert get_tags(model).input_tags.sparse


def test_cleaning_samplers():
    X, y = make()
    model = ResampledClassifier(GaussianNB(), EditedNearestNeighbours()).fit(X, y)
    assert_allclose(model.resampled_prior_ @ np.ones(3), 1)
    assert model.resampled_prior_[0] != model.class_prior_[0]


def test_grids_and_pipelines():
    X, y = make((0.9, 0.1), n_samples=300)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = ResampledClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()), SMOTE(random_state=0)
    )
    grid = {
        "sampler__k_neighbors": [3, 5],
        "predict_with": ["raw", "corrected"],
        "estimator__logisticregression__C": [0.1, 1.0],
    }
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=3, n_jobs=2)
    search.fit(frame, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert list(search.best_estimator_.feature_names_in_) == list("abcd")
    plain = cross_val_score(
        make_sampling_pipeline(SMOTE(random_state=0), LogisticRegression()),
        X,
        y,
        scoring="neg_log_loss",
    ).mean()
    corrected = cross_val_score(model, X, y, scoring="neg_log_loss").mean()
    assert corrected > plain


def test_weights_by_metadata_routing():
    X, y = make((0.9, 0.1), n_samples=300)
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
    with config_context(enable_metadata_routing=True):
        model = ResampledClassifier(GaussianNB(), random_state=0)
        model.set_fit_request(sample_weight=True)
        outer = Pipeline([("pass", "passthrough"), ("model", model)])
        found = outer.fit(X, y, sample_weight=weight).predict_proba(X)
    assert_array_equal(found, model.fit(X, y, weight).predict_proba(X))


@pytest.mark.filterwarnings("error")
def test_the_order_of_categories_reaches_the_classifier():
    data = make_ordinal(400, n_classes=3, design="proportional", random_state=0)
    names = np.array(["low", "mid", "high"])
    kind = pd.CategoricalDtype(names, ordered=True)
    y = pd.Series(names[data.target], dtype=kind)
    model = ResampledClassifier(ProportionalOdds(), random_state=0)
    by_name = clone(model).fit(data.data, y)
    by_code = clone(model).fit(data.data, data.target)
    places = [by_name.classes_.tolist().index(name) for name in names]
    found = by_name.predict_proba(data.data)[:, places]
    # Other rows are drawn, since the classes are sorted by name.
    assert abs(found - by_code.predict_proba(data.data)).mean() < 0.02
