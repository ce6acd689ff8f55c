import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.label_proportions import (
    BagKFold,
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    bag_count_log_loss,
    bag_target,
    make_bag_scorer,
    make_bags,
)

ESTIMATORS = [
    BeliefPropagationLLPClassifier(LogisticRegression(), max_iter=500),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), max_iter=500, pseudo_labels="count"
    ),
    DLLPClassifier(),
    CountLikelihoodClassifier(),
    CountLikelihoodClassifier(LogisticRegression(), max_iter=3),
    EasyLLPClassifier(),
    EasyLLPClassifier(loss="squared"),
    MeanMapClassifier(),
    MeanMapClassifier(laplacian=True),
    SelfLabelingLLPClassifier(max_iter=100),
    BagProportionClassifier(),
]
NAMES = [repr(e).replace("\n", "") for e in ESTIMATORS]
every = pytest.mark.parametrize("estimator", ESTIMATORS, ids=NAMES)


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(600, centers=2, cluster_std=1.3, random_state=0)
    return X, y, make_bags(X, y, bag_size=15, random_state=0)


@every
def test_learns_from_bags_only(estimator, blobs):
    X, y, bags = blobs
    model = clone(estimator).fit(bags.data, bags.target)
    proba = model.predict_proba(X)
    assert proba.shape == (600, 2)
    assert_allclose(proba.sum(axis=1), 1)
    assert roc_auc_score(y, proba[:, 1]) > 0.9
    assert_array_equal(model.classes_, [0, 1])
    assert model.bag_counts_.sum() == y.sum()
    loss = bag_count_log_loss(bags.target, model.predict_proba(bags.data))
    assert model.score(bags.data, bags.target) == -loss
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), proba)


@every
def test_order_of_rows_and_names_of_bags_do_not_matter(estimator, blobs):
    X, _, bags = blobs
    model = clone(estimator).fit(bags.data, bags.target)
    shuffled = np.random.default_rng(0).permutation(600)
    names = np.array([f"county {b:03d}" for b in bags.target["bag"]])
    counts = bags.target["proportion"] * bags.target["size"]
    target = bag_target(names[shuffled], counts=counts[shuffled])
    other = clone(estimator).fit(pd.DataFrame(bags.data[shuffled]), target)
    found = other.predict_proba(pd.DataFrame(X))
    assert_allclose(found, model.predict_proba(X), atol=2e-3)


@every
def test_shares_with_bags_are_the_same_target(estimator, blobs):
    X, _, bags = blobs
    one = clone(estimator).fit(bags.data, bags.target)
    shares, names = bags.target["proportion"], bags.target["bag"]
    other = clone(estimator).fit(bags.data, shares, bags=names)
    assert_array_equal(other.predict_proba(X), one.predict_proba(X))
    assert other.score(bags.data, shares, bags=names) == one.score(
        bags.data, bags.target
    )


@every
def test_searches_and_pipelines(estimator, blobs):
    _, _, bags = blobs
    model = make_pipeline(StandardScaler(), clone(estimator))
    scores = cross_val_score(
        model,
        bags.data,
        bags.target,
        cv=BagKFold(3),
        scoring=make_bag_scorer("bag_count_log_loss"),
    )
    assert np.isfinite(scores).all()
    default = cross_val_score(model, bags.data, bags.target, cv=BagKFold(3))
    assert_allclose(scores, default, rtol=1e-12)
    with pytest.raises(ValueError, match="use BagKFold"):
        cross_val_score(model, bags.data, bags.target, cv=5, error_score="raise")


@pytest.mark.parametrize(
    "scoring",
    [
        "bag_count_log_loss",
        "bag_log_loss",
        "bag_mean_absolute_error",
        "bag_root_mean_squared_error",
    ],
)
def test_grid_by_the_scores_of_bags(scoring, blobs):
    _, _, bags = blobs
    search = GridSearchCV(
        DLLPClassifier(),
        {"C": [1e-4, 1.0]},
        cv=BagKFold(3),
        scoring=make_bag_scorer(scoring),
    )
    search.fit(bags.data, bags.target)
    assert search.best_params_ == {"C": 1.0}


def test_metadata_routing(blobs):
    _, _, bags = blobs
    shares, names = bags.target["proportion"], bags.target["bag"]
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(DLLPClassifier(), {"C": [1e-4, 1.0]}, cv=BagKFold(3)).fit(
            bags.data, shares, bags=names, groups=names
        )
    assert search.best_params_ == {"C": 1.0}


@every
def test_plain_labels_are_bags_of_one(estimator):
    X, y = make_classification(200, 4, random_state=0)
    labels = np.array(["no", "yes"])[y]
    model = clone(estimator).fit(X, labels)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(X)) == {"no", "yes"}
    if isinstance(estimator, EasyLLPClassifier) and estimator.loss == "squared":
        return
    if isinstance(estimator, MeanMapClassifier) and estimator.laplacian:
        return
    expected = LogisticRegression(tol=1e-8, max_iter=1000).fit(X, labels)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=2e-3)


# The shares that EasyLLP starts from are those of weighted rows, not of bags.
@pytest.mark.parametrize(
    "cls", [DLLPClassifier, CountLikelihoodClassifier, MeanMapClassifier]
)
def test_weights_are_repetitions_of_bags(cls, blobs):
    X, _, bags = blobs
    weight = np.random.default_rng(0).integers(0, 3, size=40)[bags.target["bag"]]
    rows = np.concatenate([np.flatnonzero(weight > t) for t in range(2)])
    copies = np.concatenate([np.full((weight > t).sum(), t) for t in range(2)])
    names = bags.target["bag"][rows] + 1000 * copies
    repeated = bag_target(names, proportions=bags.target["proportion"][rows])
    one = cls(tol=1e-9).fit(bags.data, bags.target, sample_weight=weight)
    other = cls(tol=1e-9).fit(bags.data[rows], repeated)
    assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-5)


@every
def test_sparse_rows(estimator, blobs):
    X, _, bags = blobs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dense = clone(estimator).fit(bags.data, bags.target)
        # Scaling without centring moves no neighbour.
        thin = clone(estimator).fit(sparse.csr_array(bags.data), bags.target)
    assert_allclose(
        thin.predict_proba(sparse.csr_array(X)), dense.predict_proba(X), atol=1e-4
    )


@every
def test_three_classes(estimator):
    X, y = make_blobs(450, centers=3, random_state=1)
    bags = make_bags(X, y, bag_size=9, random_state=0)
    model = clone(estimator).fit(bags.data, bags.target)
    proba = model.predict_proba(X)
    assert proba.shape == (450, 3)
    assert_allclose(proba.sum(axis=1), 1)
    assert (model.predict(X) == y).mean() > 0.7
    assert np.isfinite(model.score(bags.data, bags.target))


@every
def test_bags_of_one_class_only(estimator):
    X = np.random.default_rng(0).normal(size=(12, 2))
    for count in (0, 4):
        target = bag_target(np.arange(12) // 4, counts=[count] * 3)
        model = clone(estimator).fit(X, target)
        assert_array_equal(model.classes_, [0, 1])
        assert (model.predict(X) == (count > 0)).all()


@every
def test_one_bag(estimator):
    X = np.random.default_rng(0).normal(size=(12, 2))
    target = bag_target(np.zeros(12, int), counts=[3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = clone(estimator).fit(X, target)
    assert np.isfinite(model.predict_proba(X)).all()


@every
def test_unlabelled_rows_and_unknown_bags(estimator, blobs):
    X, y, bags = blobs
    names = bags.target["bag"].copy()
    names[names >= 30] = -1
    counts = {b: int(y[bags.order][names == b].sum()) for b in range(30)}
    counts[29] = np.nan
    target = bag_target(names, counts=counts, unknown="ignore")
    model = clone(estimator).fit(bags.data, target)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.8
    nothing = bag_target(np.full(5, -1), counts={})
    with pytest.raises(ValueError, match="rows in bags"):
        clone(estimator).fit(X[:5], nothing)


def test_disaggregate(blobs):
    _, _, bags = blobs
    model = CountLikelihoodClassifier().fit(bags.data, bags.target)
    proba = model.disaggregate(bags.data, bags.target)
    sums = np.bincount(bags.target["bag"], proba[:, 1])
    assert_allclose(sums, model.bag_counts_, atol=1e-9)
    alone = model.predict_proba(bags.data)[:, 1]
    assert roc_auc_score(bags.y_true, proba[:, 1]) >= roc_auc_score(bags.y_true, alone)


def test_belief_propagation_finds_clusters_and_the_control_does_not():
    X, y = make_classification(
        3000,
        10,
        n_informative=5,
        n_clusters_per_class=2,
        class_sep=1.5,
        random_state=0,
    )
    bags = make_bags(X, y, bag_size=50, random_state=0)
    model = BeliefPropagationLLPClassifier(LogisticRegression())
    model.fit(bags.data, bags.target)
    assert roc_auc_score(bags.y_true, model.pseudo_label_proba_[:, 1]) > 0.9
    flat = bags.target.copy()
    flat["proportion"] = 0.5
    model.fit(bags.data, flat)
    assert 0.3 < roc_auc_score(bags.y_true, model.pseudo_label_proba_[:, 1]) < 0.7


def test_rare_positives_do_not_vanish():
    rng = np.random.default_rng(0)
    y = (rng.random(4096) < 0.03).astype(int)
    X = rng.normal(size=(4096, 3)) + 1.5 * y[:, None]
    bags = make_bags(X, y, bag_size=512, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = BeliefPropagationLLPClassifier(LogisticRegression())
        model.fit(bags.data, bags.target)
    mass = np.bincount(bags.target["bag"], model.pseudo_label_proba_[:, 1])
    assert_allclose(mass, model.bag_counts_, atol=1e-6)
    assert roc_auc_score(bags.y_true, model.pseudo_label_proba_[:, 1]) > 0.6
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.7


def test_attributes_of_belief_propagation(blobs):
    X, _, bags = blobs
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(), similarity_strength=1.0, max_iter=500, n_jobs=2
    )
    model.fit(bags.data, bags.target)
    assert model.similarity_strength_ == 1
    assert 1 <= model.n_rounds_ <= 3
    assert model.converged_
    assert 1 < model.n_iter_ <= 500
    assert 0 < model.bp_residual_ < 1e-3
    assert np.isfinite(model.bethe_log_partition_)
    assert model.length_scale_ > 0
    assert 1500 <= model.n_edges_ <= 3000
    mass = np.bincount(bags.target["bag"], model.pseudo_label_proba_[:, 1])
    assert_allclose(mass, model.bag_counts_, atol=1e-8)
    one = clone(model).set_params(n_jobs=1).fit(bags.data, bags.target)
    assert_array_equal(one.pseudo_label_proba_, model.pseudo_label_proba_)
    assert_array_equal(one.predict_proba(X), model.predict_proba(X))


class Embedding:
    """A refiner: the probabilities themselves, and the rows."""

    def fit(self, X, proba, bags=None, counts=None):
        self.shape = X.shape, proba.shape, bags.shape, counts.shape
        self.model = LogisticRegression().fit(X, proba > 0.5)
        return self

    def transform(self, X):
        return self.model.decision_function(X)[:, None]


@pytest.mark.parametrize("feedback", [None, "unary", "embedding"])
def test_rounds(feedback, blobs):
    X, y, bags = blobs
    refiner = None if feedback == "unary" else Embedding()
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(),
        n_rounds=3,
        max_iter=500,
        feedback=feedback,
        refiner=refiner,
        similarity_strength=1.0,
        similarity_strength_feedback=0.5,
    ).fit(bags.data, bags.target)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.95
    if refiner is not None:
        assert model.refiner_.shape == ((600, 2), (600,), (600,), (40,))


def test_graph_of_ones_own(blobs):
    _, _, bags = blobs
    transformer = KNeighborsTransformer(mode="connectivity", n_neighbors=5)
    one = BeliefPropagationLLPClassifier(
        LogisticRegression(), connectivity=transformer, similarity_strength=0.3
    ).fit(bags.data, bags.target)
    graph = clone(transformer).fit_transform(bags.data)
    other = clone(one).set_params(connectivity=graph).fit(bags.data, bags.target)
    assert_array_equal(one.pseudo_label_proba_, other.pseudo_label_proba_)
    with pytest.raises(ValueError, match="connectivity has the shape"):
        clone(one).set_params(connectivity=graph[:5]).fit(bags.data, bags.target)


def test_learner_without_weights(blobs):
    _, _, bags = blobs

    class Plain(RidgeClassifier):
        def fit(self, X, y):
            return super().fit(X, y)

    model = BeliefPropagationLLPClassifier(Plain(), max_iter=500)
    with pytest.warns(UserWarning, match="takes no sample_weight"):
        model.fit(bags.data, bags.target)
    assert not hasattr(model, "predict_proba")
    assert (model.predict(bags.data) == bags.y_true).mean() > 0.9


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"n_rounds": "some"}, "n_rounds"),
        ({"similarity_strength": "none"}, "similarity_strength"),
        ({"start": "compare"}, "start"),
        ({"feedback": "embedding"}, "needs a refiner"),
        ({"damping": 1.0}, "damping"),
        ({"kernel": "box"}, "kernel"),
    ],
)
def test_bad_parameters(params, match, blobs):
    _, _, bags = blobs
    with pytest.raises(ValueError, match=match):
        BeliefPropagationLLPClassifier(**params).fit(bags.data, bags.target)


def test_fractional_counts_need_a_finite_strength(blobs):
    X, _, bags = blobs
    noisy = bags.target.copy()
    noisy["proportion"] = np.clip(noisy["proportion"] + 0.01, 0, 1)
    for estimator in (
        BeliefPropagationLLPClassifier(LogisticRegression()),
        CountLikelihoodClassifier(),
    ):
        with pytest.raises(ValueError, match="no whole counts"):
            estimator.fit(bags.data, noisy)
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(), bag_strength=1.0, max_iter=500
    )
    model.fit(bags.data, noisy)
    assert np.isfinite(model.predict_proba(X)).all()


def test_labels_outside_of_classes():
    with pytest.raises(ValueError, match="must have all labels of y"):
        DLLPClassifier(classes=[0, 1]).fit(np.zeros((3, 1)), [0, 1, 2])
    with pytest.raises(ValueError, match="Unknown label type"):
        DLLPClassifier().fit(np.zeros((3, 1)), [0.1, 0.5, 0.7])


def test_reference_params_are_parameters():
    params = BeliefPropagationLLPClassifier.reference_params()
    params["refiner"].set_params(hidden_layer_sizes=(16, 8), max_epochs=3)
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(), random_state=0, **params
    )
    X, y = make_blobs(100, centers=2, random_state=0)
    bags = make_bags(X, y, bag_size=10, random_state=0)
    model.fit(bags.data, bags.target)
    assert model.n_iter_ == 100


@pytest.mark.parametrize("n_unknown", [0, 4])
@pytest.mark.parametrize(
    "estimator",
    [
        CountLikelihoodClassifier(LogisticRegression(), cv=3),
        BeliefPropagationLLPClassifier(
            LogisticRegression(), n_rounds=2, feedback="unary", cv=3
        ),
    ],
)
def test_parts_of_bags_by_splitter_and_iterable(estimator, n_unknown, blobs):
    _, _, bags = blobs
    target = bags.target.copy()
    target["proportion"][target["bag"] < n_unknown] = np.nan
    splitter = BagKFold(3, shuffle=True, random_state=0)
    splits = list(splitter.split(bags.data, target))
    one, other = (
        clone(estimator)
        .set_params(cv=cv)
        .fit(bags.data, target)
        .predict_proba(bags.data)
        for cv in (splitter, splits)
    )
    assert_array_equal(one, other)
    cut = [(test, train) for train, test in splits]
    with pytest.raises(ValueError, match="each bag once and as a whole"):
        clone(estimator).set_params(cv=cut).fit(bags.data, target)


def test_parts_of_an_estimator_have_its_seed(blobs):
    _, _, bags = blobs
    forest = RandomForestClassifier(5)
    for part in (forest, make_pipeline(StandardScaler(), forest)):
        one, other, third = (
            BeliefPropagationLLPClassifier(
                part, pseudo_labels="count", random_state=seed
            )
            .fit(bags.data, bags.target)
            .predict_proba(bags.data)
            for seed in (0, 0, 1)
        )
        assert_array_equal(one, other)
        assert not np.array_equal(one, third)
