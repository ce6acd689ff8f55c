import numpy as np
import pytest

from skext.neural_network import OrdinalNetClassifier

torch = pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 30,
    "batch_size": 32,
    "learning_rate_init": 0.02,
    "device": "cpu",
    "random_state": 0,
}
LABELS = np.array(["low", "middle", "high", "top"])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    place = np.digitize(X[:, 0] + 0.4 * rng.normal(size=400), [-1, 0, 1])
    return X, place


def test_order_of_strings_is_that_given(data):
    X, place = data
    numbers = OrdinalNetClassifier(**QUICK).fit(X, place)
    names = OrdinalNetClassifier(**QUICK, class_order=LABELS).fit(X, LABELS[place])
    assert names.classes_.tolist() == sorted(LABELS)
    assert names.ordered_classes_.tolist() == LABELS.tolist()
    columns = np.searchsorted(names.classes_, LABELS)
    # The hold-out is drawn class by class, so that only the order of draws differs.
    assert names.score(X, LABELS[place]) == pytest.approx(
        numbers.score(X, place), abs=0.05
    )
    proba = names.predict_proba(X)
    assert (names.classes_[proba.argmax(1)] == names.predict(X)).all()
    far = proba[place == 0][:, columns].mean(0)
    assert far[0] > far[1] > far[2]


def test_order_of_a_categorical(data):
    pandas = pytest.importorskip("pandas")
    X, place = data
    y = pandas.Categorical(LABELS[place], categories=LABELS, ordered=True)
    model = OrdinalNetClassifier(**{**QUICK, "max_epochs": 2}).fit(X, y)
    assert model.ordered_classes_.tolist() == LABELS.tolist()


def test_strings_without_an_order_are_said(data):
    X, place = data
    with pytest.warns(UserWarning, match=r"class_order=\[\.\.\.\]"):
        OrdinalNetClassifier(**{**QUICK, "max_epochs": 2}).fit(X, LABELS[place])


@pytest.mark.parametrize("decision", ["argmax", "median", "mean"])
def test_decisions_against_their_definition(decision, data):
    X, place = data
    model = OrdinalNetClassifier(**QUICK, class_order=LABELS, decision=decision)
    model.fit(X, LABELS[place])
    columns = np.searchsorted(model.classes_, LABELS)
    proba = model.predict_proba(X)[:, columns]
    places = np.arange(4)
    if decision == "argmax":
        expected = proba.argmax(1)
    elif decision == "median":
        error = np.abs(places[:, None] - places) @ proba.T
        expected = error.argmin(0)
    else:
        expected = np.abs(places - (proba @ places)[:, None]).argmin(1)
    assert (model.predict(X) == LABELS[expected]).all()


def test_soft_labels_make_smaller_errors_than_their_absence(data):
    X, place = data
    model = OrdinalNetClassifier(**QUICK, decision="median").fit(X[:200], place[:200])
    error = np.abs(model.predict(X[200:]) - place[200:]).mean()
    assert error < 0.35


def test_sharp_soft_labels_are_the_log_loss(data):
    X, place = data
    options = {**QUICK, "early_stopping": False, "max_epochs": 5}
    soft = OrdinalNetClassifier(**options, loss_params={"alpha": 60.0}).fit(X, place)
    hard = OrdinalNetClassifier(**options, loss="log_loss").fit(X, place)
    np.testing.assert_allclose(
        soft.predict_proba(X), hard.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_two_classes(data):
    X, place = data
    y = np.minimum(place, 1)
    model = OrdinalNetClassifier(**QUICK).fit(X, y)
    scores = model.decision_function(X)
    assert scores.shape == (400,)
    assert ((scores > 0) == model.predict(X)).all()
    assert model.predict_proba(X).shape == (400, 2)


def test_decisions_need_probabilities(data):
    X, place = data
    with pytest.raises(ValueError, match="decision='median' needs probabilities"):
        OrdinalNetClassifier(**QUICK, decision="median", calibration=None).fit(X, place)


def test_a_stream_keeps_the_order(data):
    X, place = data
    model = OrdinalNetClassifier(**QUICK, class_order=LABELS)
    for _ in range(20):
        model.partial_fit(X, LABELS[place], classes=LABELS)
    assert model.ordered_classes_.tolist() == LABELS.tolist()
    assert model.score(X, LABELS[place]) > 0.6
