"""Networks on batches of whole bags."""

import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import softmax, xlogy
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skext.exceptions import MissingDependencyError
from skext.label_proportions import (
    BeliefPropagationLLPClassifier,
    DLLPClassifier,
    DLLPNetClassifier,
    EmbeddingRefiner,
    bag_log_loss,
    bag_target,
    make_bags,
)
from skext.label_proportions._nets import training as nets
from skext.utils._scaling import fit_scaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

SMALL = {"hidden_layer_sizes": (24,), "learning_rate_init": 0.02, "random_state": 0}


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(800, noise=0.15, random_state=0)
    sizes = np.tile([1, 2, 4, 3, 6], 50)
    return X, y, make_bags(X, y, sizes=sizes, random_state=0)


def test_learns_what_no_linear_model_can(moons):
    X, y, bags = moons
    model = DLLPNetClassifier(**SMALL, n_iter_no_change=30)
    model.fit(bags.data, bags.target)
    linear = DLLPClassifier().fit(bags.data, bags.target)
    found = roc_auc_score(y, model.predict_proba(X)[:, 1])
    assert found > 0.93
    assert found > roc_auc_score(y, linear.predict_proba(X)[:, 1]) + 0.01
    assert len(model.history_["train_loss"]) == model.n_iter_
    assert len(model.history_["valid_loss"]) == model.n_iter_
    assert model.n_iter_ > 10


def test_same_bits_again_and_nothing_global(moons):
    X, _, bags = moons
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    options = {**SMALL, "max_epochs": 4}
    one = DLLPNetClassifier(**options).fit(bags.data, bags.target).predict_proba(X)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    other = DLLPNetClassifier(**options).fit(bags.data, bags.target)
    assert_array_equal(other.predict_proba(X), one)
    assert_array_equal(pickle.loads(pickle.dumps(other)).predict_proba(X), one)
    seeded = clone(other).set_params(random_state=1).fit(bags.data, bags.target)
    assert np.abs(seeded.predict_proba(X) - one).max() > 1e-3


def test_without_hidden_layers_it_is_the_linear_classifier():
    X, y = make_blobs(300, centers=2, cluster_std=3.0, random_state=0)
    bags = make_bags(X, y, bag_size=5, random_state=0)
    net = DLLPNetClassifier(
        (),
        weight_decay=0.0,
        max_epochs=500,
        learning_rate_init=0.2,
        early_stopping=False,
        dtype="float64",
        random_state=0,
    ).fit(bags.data, bags.target)
    linear = DLLPClassifier(C=np.inf).fit(bags.data, bags.target)
    assert_allclose(net.predict_proba(X), linear.predict_proba(X), atol=2e-3)
    assert net.history_["train_loss"][-1] == pytest.approx(
        bag_log_loss(bags.target, linear.predict_proba(bags.data)), abs=1e-4
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_loss_of_an_epoch_is_that_of_bags(n_classes):
    """Whatever the batches, and with weights: a learning rate of next to nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    codes = np.repeat(np.arange(5), [1, 2, 30, 7, 20])
    y = rng.integers(0, n_classes, 60)
    shares = np.array(
        [np.bincount(y[codes == b], minlength=n_classes) for b in range(5)], float
    )
    shares /= np.bincount(codes)[:, np.newaxis]
    target = bag_target(codes, proportions=shares if n_classes > 2 else shares[:, 1])
    weight = rng.random(60)
    for batch_size in (8, 1000):
        model = DLLPNetClassifier(
            (4,),
            learning_rate_init=1e-12,
            weight_decay=0.0,
            max_epochs=1,
            batch_size=batch_size,
            early_stopping=False,
            dtype="float64",
            random_state=0,
        ).fit(X, target, sample_weight=weight)
        p = model.predict_proba(X)
        mean = np.array([p[codes == b].mean(axis=0) for b in range(5)])
        loss = -xlogy(shares, mean).sum(axis=1)
        expected = np.average(loss, weights=np.bincount(codes, weight))
        assert model.history_["train_loss"][0] == pytest.approx(expected, rel=1e-9)


def test_batches_hold_whole_bags():
    sizes = np.array([3, 5, 2, 9, 1, 4])
    codes = np.repeat(np.arange(6), sizes)
    rng = np.random.default_rng(0).permutation(24)
    X = sparse.csr_array(np.column_stack([codes, np.arange(24)])[rng].astype(float))
    scaler = fit_scaler(X, np.ones(24), False)
    data = nets.BagRows(
        X,
        codes[rng],
        np.arange(6.0)[:, np.newaxis],
        codes[rng][:, np.newaxis],
        scaler,
        "float64",
        np.random.RandomState(0),
    )
    for kept, shuffle in ((None, False), (None, True), (np.array([1, 3, 5]), True)):
        part = data if kept is None else data.keep(kept)
        seen = []
        for inputs, known in nets.BagLoader(part, 8, shuffle=shuffle):
            names = known["bags"][:, 0].numpy().astype(int)
            bag = inputs["bag"].numpy()
            assert_array_equal(names[bag], inputs["x"][:, 0].numpy())
            assert_array_equal(known["rows"][:, 0].numpy(), names[bag])
            assert_array_equal(np.bincount(bag), sizes[names])
            assert len(bag) <= 8 or len(names) == 1
            seen += names.tolist()
        assert sorted(seen) == (list(range(6)) if kept is None else kept.tolist())


def test_mean_of_certain_rows_does_not_underflow():
    scores = torch.tensor([[200.0], [180.0], [-300.0]])
    log_proba = nets.log_probabilities(scores)
    found = nets.mean_log_proba(log_proba, torch.tensor([0, 0, 1]), 2)
    assert_allclose(found.numpy()[0], [-180 - np.log(2), 0], rtol=1e-5, atol=1e-5)
    assert_allclose(found.numpy()[1], [0, -300], rtol=1e-5, atol=1e-5)


def test_several_classes_and_sparse_rows():
    X, y = make_blobs(300, centers=3, random_state=1)
    bags = make_bags(X, y, bag_size=6, random_state=0)
    options = {**SMALL, "dtype": "float64", "max_epochs": 40}
    model = DLLPNetClassifier(**options).fit(bags.data, bags.target)
    assert (model.predict(X) == y).mean() > 0.95
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    thin = clone(model).fit(sparse.csr_array(bags.data), bags.target)
    assert_allclose(
        thin.predict_proba(sparse.csr_array(X)), model.predict_proba(X), atol=1e-6
    )


def test_one_bag_and_bags_of_one_class():
    X = np.random.default_rng(0).normal(size=(12, 2))
    one = DLLPNetClassifier(**SMALL).fit(X, bag_target(np.zeros(12, int), counts=[3]))
    assert "valid_loss" not in one.history_
    assert_allclose(one.predict_proba(X)[:, 1].mean(), 0.25, atol=0.02)
    for count in (0, 4):
        target = bag_target(np.arange(12) // 4, counts=[count] * 3)
        model = DLLPNetClassifier(**SMALL).fit(X, target)
        assert (model.predict(X) == (count > 0)).all()
        assert model.coefs_ == []


@pytest.mark.parametrize("sizes", [(0,), (2.5,), (8, -1)])
def test_bad_layers(sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        DLLPNetClassifier(sizes).fit(np.zeros((4, 1)), [0, 1, 0, 1])


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    for estimator in (DLLPNetClassifier(), EmbeddingRefiner()):
        with pytest.raises(MissingDependencyError, match=r"skext\[deep\]"):
            estimator.fit(X, y)


def test_refiner_pulls_classes_apart(moons):
    _, _, bags = moons
    refiner = EmbeddingRefiner(
        (16, 8), random_state=0, learning_rate_init=0.02, n_iter_no_change=30
    )
    counts = np.bincount(bags.target["bag"], bags.y_true)
    soft = 0.2 + 0.6 * bags.y_true
    refiner.fit(bags.data, soft, bags=bags.target["bag"], counts=counts)
    Z = refiner.transform(bags.data)
    assert Z.shape == (800, 16)
    assert Z.min() >= 0
    assert list(refiner.get_feature_names_out()[:2]) == [
        "embeddingrefiner0",
        "embeddingrefiner1",
    ]
    linear = LogisticRegression(max_iter=5000)
    before = linear.fit(bags.data, bags.y_true).score(bags.data, bags.y_true)
    after = linear.fit(Z, bags.y_true).score(Z, bags.y_true)
    assert after > before + 0.02


@pytest.mark.parametrize("aggregate_weight", [0.0, 0.5])
def test_loss_of_the_refiner(aggregate_weight):
    """The loss of the authors, by hand, before anything is learned."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(5, 3)))
    bag = torch.tensor([0, 0, 1, 1, 1])
    from skext.label_proportions._nets import refiner as _refiner

    module = _refiner._make_module((3, 4), 6, 2, np.random.RandomState(0), "float64")
    p = rng.random(5)
    values = {
        "rows": torch.from_numpy(np.column_stack([1 - p, p])),
        "bags": torch.tensor([[0.5, 0.5], [torch.nan, torch.nan]]).double(),
    }
    found = _refiner._make_loss(aggregate_weight)(module(x, bag), values, bag).detach()

    def layer(linear, h):
        return h @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()

    def cross(share, score):
        return -share * np.log(1 / (1 + np.exp(-score))) - (1 - share) * np.log(
            1 / (1 + np.exp(score))
        )

    z = np.maximum(layer(module.trunk.layers[0], x.numpy()), 0)
    rows = cross(p, layer(module.head.layers[0], z)[:, 0]).mean()
    hidden = np.maximum(layer(module.bag_head.layers[0], z[:2].mean(axis=0)), 0)
    bags = cross(0.5, layer(module.bag_head.layers[1], hidden)[0])
    assert float(found) == pytest.approx(rows + aggregate_weight * bags, rel=1e-10)


def test_refiner_of_belief_propagation(moons):
    X, y, bags = moons
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(),
        n_rounds=2,
        max_iter=500,
        refiner="torch",
        random_state=0,
    )
    model.fit(bags.data, bags.target)
    assert model.refiner_.random_state == 0
    assert model.refiner_.coefs_[-1].shape[1] == 128
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.9
    again = clone(model).fit(bags.data, bags.target)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_refiner_takes_probabilities_of_all_classes():
    X, y = make_blobs(90, centers=3, random_state=0)
    proba = softmax(5 * np.eye(3)[y], axis=1)
    bags = np.where(np.arange(90) < 60, np.arange(90) // 6, -1)
    counts = [np.bincount(y[bags == b], minlength=3) for b in range(10)]
    options = {"hidden_layer_sizes": (8, 4), "random_state": 0, "max_epochs": 3}
    one = EmbeddingRefiner(**options).fit(X, proba, bags=bags, counts=counts)
    two = EmbeddingRefiner(**options).fit(X, proba)
    assert np.abs(one.transform(X) - two.transform(X)).max() > 1e-6
    with pytest.raises(ValueError, match="counts has the shape"):
        EmbeddingRefiner(**options).fit(X, proba, bags=bags, counts=counts[:3])
    with pytest.raises(ValueError, match="at least two layers"):
        EmbeddingRefiner((8,)).fit(X, y)
    with pytest.raises(ValueError, match="between 0 and 1"):
        EmbeddingRefiner().fit(X, 2 * proba)


def test_classes_stay_on_both_sides_of_a_holdout():
    from skext.label_proportions._nets.training import hold_out

    rng = np.random.default_rng(0)
    for _ in range(200):
        n_bags, n_classes = rng.integers(2, 12), rng.integers(2, 4)
        shares = rng.dirichlet(np.ones(n_classes), size=n_bags)
        shares[rng.random(shares.shape) < 0.6] = 0.0
        shares[rng.random(n_bags) < 0.1] = np.nan
        order = rng.permutation(n_bags)
        n_valid = int(rng.integers(1, n_bags))
        held = hold_out(order, n_valid, shares)
        assert held.sum() == n_valid
        has = shares > 0
        first = np.isin(np.arange(n_bags), order[:n_valid])
        if has[first].any(axis=0).all() and has[~first].any(axis=0).all():
            # Nothing was wrong, and nothing is changed.
            assert_array_equal(held, first)
        rare = has.sum(axis=0) == 1
        if n_valid < n_bags - n_classes:
            assert has[~held].any(axis=0)[rare].all()


def test_the_only_positive_bag_is_trained_on():
    X = np.random.default_rng(0).normal(size=(200, 2))
    bags = np.arange(200) // 10
    X[:10] += 4
    counts = np.zeros(20)
    counts[0] = 10
    for seed in range(10):
        model = DLLPNetClassifier(
            (8,), max_epochs=60, learning_rate_init=0.02, random_state=seed
        ).fit(X, bag_target(bags, counts=counts))
        assert model.predict_proba(X[:10])[:, 1].mean() > 0.2


def test_codes_of_rare_categories_keep_their_size():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X[:, 2] = 0
    X[0, 2] = 1
    bags = make_bags(X, (X[:, 0] > 0).astype(int), bag_size=5, random_state=0)
    model = DLLPNetClassifier((4,), max_epochs=2, random_state=0)
    for table in (bags.data, sparse.csr_array(bags.data)):
        model.fit(table, bags.target)
        scaler = model._models[0].layers.scaler
        assert scaler.scale[2] == 1


def test_a_net_that_diverges_says_so():
    X = np.random.default_rng(0).normal(size=(60, 2))
    bags = make_bags(X, (X[:, 0] > 0).astype(int), bag_size=5, random_state=0)
    model = DLLPNetClassifier((8,), max_epochs=5, standardize=False, random_state=0)
    with pytest.raises(ValueError, match="too large for float32"):
        model.fit(bags.data * 1e200, bags.target)
    with pytest.raises(ValueError, match="beyond all bounds.*scale the features"):
        model.set_params(learning_rate_init=1e30).fit(bags.data, bags.target)
