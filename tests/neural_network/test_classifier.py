import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.neural_network import EnsLossClassifier, TabularNetClassifier
from skext.neural_network._registry.names import losses_for

torch = pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 15,
    "batch_size": 32,
    "learning_rate_init": 0.02,
    "device": "cpu",
    "random_state": 0,
}
# Steps that see all rows alike.
EXACT = {
    **QUICK,
    "batch_size": None,
    "normalization": None,
    "early_stopping": False,
    "spectrum": "expected",
}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def binary():
    return make_classification(200, 8, flip_y=0.1, class_sep=1.5, random_state=0)


@pytest.mark.parametrize("loss", sorted(losses_for("classes")))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_loss_learns(loss, n_classes, iris):
    X, y = iris
    X, y = X[y < n_classes], y[y < n_classes]
    model = TabularNetClassifier(**QUICK, loss=loss).fit(X, y)
    assert model.score(X, y) > 0.85
    proba = model.predict_proba(X)
    assert (model.classes_[proba.argmax(1)] == model.predict(X)).all()
    np.testing.assert_allclose(np.log(proba), model.predict_log_proba(X), atol=1e-9)
    scores = model.decision_function(X)
    best = (scores > 0) if n_classes == 2 else scores.argmax(1)
    assert (best == model.predict(X)).all()


@pytest.mark.parametrize("module", ["mlp", "resnet", "realmlp", "tabm"])
@pytest.mark.parametrize("loss", ["log_loss", "ensloss"])
def test_every_module_learns(module, loss, iris):
    X, y = iris
    options = {**QUICK, "hidden_layer_sizes": (16, 16), "max_epochs": 40}
    options |= {"module": module, "early_stopping": False}
    model = TabularNetClassifier(**options, loss=loss).fit(X, y)
    assert model.score(X, y) > 0.85
    assert (model.predict_proba(X).argmax(1) == model.predict(X)).all()


@pytest.mark.parametrize("calibration", ["auto", "symlog", "temperature", None])
@pytest.mark.parametrize("module", ["mlp", "tabm"])
def test_prediction_is_the_most_probable_class(calibration, module, iris):
    X, y = iris
    model = EnsLossClassifier(**QUICK, calibration=calibration, module=module)
    model.fit(X, y)
    assert hasattr(model, "predict_proba") == (calibration is not None)
    assert hasattr(model, "calibration_scale_") == (calibration is not None)
    if calibration is not None:
        proba = model.predict_proba(X)
        assert (proba.argmax(1) == model.predict(X)).all()
        assert log_loss(y, proba) < 0.6


def test_members_are_linked_before_they_are_averaged(binary):
    X, y = binary
    model = EnsLossClassifier(**QUICK, module="tabm").fit(X, y)
    rows = torch.from_numpy((X - model.scaler_mean_) / model.scaler_scale_).float()
    with torch.no_grad():
        members = model.module_.eval()(rows).double().numpy()
    linked = (np.sign(members) * np.log1p(np.abs(members))).mean(axis=1)
    np.testing.assert_allclose(model.decision_function(X), linked, atol=1e-6)
    odds = model.calibration_scale_ * linked
    np.testing.assert_allclose(
        model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-odds)), atol=1e-6
    )


@pytest.mark.parametrize("loss", ["ensloss", "log_hinge", "log_loss"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_weights_are_repetitions_in_full_batches(loss, n_classes, class_weight):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, n_classes, 60)
    weight = rng.integers(0, 4, 60)
    model = EnsLossClassifier(**EXACT, loss=loss, class_weight=class_weight)
    weighted = clone(model).fit(X, y, sample_weight=weight).decision_function(X)
    repeated = clone(model).fit(X.repeat(weight, 0), y.repeat(weight))
    np.testing.assert_array_equal(repeated.decision_function(X), weighted)
    assert np.ptp(weighted) > 0.1


def test_a_last_batch_of_one_row():
    X, y = make_classification(129, 5, random_state=0)
    options = {**QUICK, "batch_size": 128, "early_stopping": False}
    model = EnsLossClassifier(**options, normalization="batch").fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()


def test_a_class_of_one_row(iris):
    X, y = iris
    rows = np.r_[0:40, 50:90, 149]
    with pytest.warns(UserWarning, match="a single row"):
        model = EnsLossClassifier(**QUICK).fit(X[rows], y[rows])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (150, 3)


def test_few_rows_are_not_held_out(iris):
    X, y = iris
    with pytest.warns(UserWarning, match="10 rows are too few to hold some out"):
        model = EnsLossClassifier(**QUICK).fit(X[45:55], y[45:55])
    assert model.calibration_scale_ == 1.0
    assert model.best_epoch_ is None
    assert model.n_iter_ == QUICK["max_epochs"]


@pytest.mark.parametrize("weight", [None, [1.0] * 30 + [0.0] * 30])
def test_one_class(weight, iris):
    X, y = iris
    y = np.zeros(60) if weight is None else (np.arange(60) >= 30)
    with pytest.raises(ValueError, match="class"):
        EnsLossClassifier(**QUICK).fit(X[:60], y, sample_weight=weight)


def test_fifty_classes_with_names():
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(50, 10)) * 4
    codes = np.arange(50).repeat(8)
    X = centers[codes] + rng.normal(size=(400, 10)) * 0.3
    labels = np.array([f"class {i}" for i in range(50)])[codes]
    model = EnsLossClassifier(**{**QUICK, "max_epochs": 30}).fit(X, labels)
    assert model.score(X, labels) > 0.9
    assert model.predict_proba(X).shape == (400, 50)


def test_bad_tables(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"NaN.*SimpleImputer"):
        EnsLossClassifier(**QUICK).fit(np.where(X > 7, np.nan, X), y)
    with pytest.raises(TypeError, match="[Ss]parse"):
        EnsLossClassifier(**QUICK).fit(csr_matrix(X), y)
    with pytest.raises(ValueError, match="Unknown label type"):
        EnsLossClassifier(**QUICK).fit(X, np.linspace(0, 1, 150))
    with pytest.warns(DataConversionWarning):
        EnsLossClassifier(**QUICK).fit(X, y[:, None])


def test_two_threads_give_what_one_gives(binary):
    X, y = binary
    model = EnsLossClassifier(**QUICK, dropout=0.2)

    def scores(seed):
        return clone(model).set_params(random_state=seed).fit(X, y).decision_function(X)

    alone = [scores(seed) for seed in (0, 1)]
    before = torch.random.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(scores, (0, 1)))
    np.testing.assert_array_equal(together, alone)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_grid_over_losses_and_widths_in_processes(binary):
    X, y = binary
    steps = make_pipeline(StandardScaler(), TabularNetClassifier(**QUICK))
    grid = {
        "tabularnetclassifier__loss": ["log_loss", "ensloss"],
        "tabularnetclassifier__hidden_layer_sizes": [(8,), (8, 8)],
    }
    found = GridSearchCV(steps, grid, cv=2, n_jobs=2).fit(X, y)
    alone = GridSearchCV(steps, grid, cv=2).fit(X, y)
    scores = "mean_test_score"
    np.testing.assert_array_equal(found.cv_results_[scores], alone.cv_results_[scores])


def test_calibration_and_stacking_of_scikit_learn(binary):
    X, y = binary
    model = EnsLossClassifier(**QUICK, calibration=None)
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8
    estimators = [("net", EnsLossClassifier(**QUICK)), ("raw", model)]
    stack = StackingClassifier(estimators, LogisticRegression(), cv=2).fit(X, y)
    assert stack.score(X, y) > 0.8


def test_weights_are_routed(binary):
    X, y = binary
    with config_context(enable_metadata_routing=True):
        model = EnsLossClassifier(**QUICK).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        params = {"sample_weight": np.ones(len(y))}
        found = cross_validate(model, X, y, cv=2, params=params)
    assert found["test_score"].min() > 0.6


def test_stream(binary):
    X, y = binary
    model = EnsLossClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    for _ in range(20):
        model.partial_fit(X, y, classes=[0, 1])
    assert model.n_iter_ == 20
    assert model.score(X, y) > 0.85
    with pytest.raises(ValueError, match="not those of the first call"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"\[2\]"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="class_weight"):
        clone(model).set_params(class_weight="balanced").partial_fit(X, y, [0, 1])


def test_training_goes_on_after_a_fit(binary):
    X, y = binary
    model = EnsLossClassifier(**{**QUICK, "max_epochs": 2}).fit(X, y)
    before = model.decision_function(X)
    model.partial_fit(X, y)
    assert np.abs(model.decision_function(X) - before).max() > 1e-3


def test_warm_start_keeps_the_weights(binary):
    X, y = binary
    options = {**QUICK, "max_epochs": 3, "early_stopping": False, "warm_start": True}
    model = TabularNetClassifier(**options)
    losses = [model.fit(X, y).history_["train_loss"][-1] for _ in range(4)]
    assert losses[-1] < losses[0] - 0.02
    cold = TabularNetClassifier(**{**options, "warm_start": False})
    losses = [cold.fit(X, y).history_["train_loss"][-1] for _ in range(2)]
    assert losses[0] == losses[1]


def test_history_and_best_epoch(binary):
    X, y = binary
    options = {**QUICK, "max_epochs": 60, "n_iter_no_change": 5}
    model = EnsLossClassifier(**options, scoring="accuracy").fit(X, y)
    history = model.history_
    assert {"train_loss", "train_score", "valid_score", "lr"} <= set(history)
    assert all(len(values) == model.n_iter_ for values in history.values())
    best = history["valid_score"].max()
    assert history["valid_score"][model.best_epoch_ - 1] == best
    assert model.n_iter_ < 60


@pytest.mark.parametrize(
    "scoring", ["roc_auc", "neg_log_loss", "balanced_accuracy", None, "f1_macro"]
)
def test_scores_of_the_hold_out(scoring, binary):
    X, y = binary
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = EnsLossClassifier(**QUICK, scoring=scoring).fit(X, y, weight)
    assert model.score(X, y) > 0.8
    assert ("valid_score" in model.history_) == (scoring is not None)


def test_redrawn_parameter_of_the_losses(binary):
    X, y = binary
    fixed = EnsLossClassifier(**QUICK).fit(X, y).decision_function(X)
    model = EnsLossClassifier(**QUICK, boxcox_lambda=(-1, 1), lambda_period=3)
    assert np.abs(model.fit(X, y).decision_function(X) - fixed).max() > 1e-3
    with pytest.raises(ValueError, match="low, high"):
        model.set_params(boxcox_lambda=(1, -1)).fit(X, y)


def test_class_weights_are_weights_of_rows(binary):
    X, y = binary
    weight = np.where(y == 1, 5.0, 1.0)
    by_class = TabularNetClassifier(**QUICK, class_weight={1: 5.0}).fit(X, y)
    by_row = TabularNetClassifier(**QUICK).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_callbacks_are_copied(binary):
    skorch = pytest.importorskip("skorch")
    X, y = binary

    class Count(skorch.callbacks.Callback):
        seen = 0

        def on_epoch_end(self, net, **kwargs):
            self.seen += 1
            net.history.record("seen", self.seen)

    count = Count()
    options = {**QUICK, "early_stopping": False, "callbacks": [count]}
    model = TabularNetClassifier(**options).fit(X, y)
    assert count.seen == 0
    assert model.history_["seen"].tolist() == list(range(1, 16))


def test_classifier_beats_chance_on_digits():
    X, y = load_digits(return_X_y=True)
    options = {**QUICK, "hidden_layer_sizes": (64,), "max_epochs": 10}
    model = TabularNetClassifier(**options).fit(X[:800], y[:800])
    assert model.score(X[800:], y[800:]) > 0.88


def test_verbose_prints_a_table(binary, capsys):
    X, y = binary
    EnsLossClassifier(**{**QUICK, "max_epochs": 2}).fit(X, y)
    assert capsys.readouterr().out == ""
    EnsLossClassifier(**{**QUICK, "max_epochs": 2}, verbose=1).fit(X, y)
    assert "train_loss" in capsys.readouterr().out


def test_samplers_and_options_of_layers(binary):
    from skext.neural_network import HighLossBatchSampler, TemperatureSampler

    X, y = binary
    for options in (
        {"sampler": TemperatureSampler()},
        {"sampler": TemperatureSampler(by=X[:, 0] > 0)},
        {"sampler": HighLossBatchSampler()},
        {"dropout": 0.2, "dropout_samples": 4},
        {"ghost_batch_size": 8},
        {"weight_transform": "arctan"},
        {"optimizer": "sgd", "scale_lr_with_batch": "sqrt"},
    ):
        model = TabularNetClassifier(**{**QUICK, **options}).fit(X, y)
        assert model.score(X, y) > 0.8, options
    with pytest.raises(ValueError, match=r"sampler\.by has shape"):
        model.set_params(sampler=TemperatureSampler(by=[0, 1])).fit(X, y)


def test_without_torch_the_extra_is_named():
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'skorch'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from skext.neural_network import EnsLossClassifier, TemperatureSampler\n"
        "import skext.neural_network as nets\n"
        "from skext.utils.discovery import all_estimators\n"
        "assert 'EnsLossClassifier' in dict(all_estimators())\n"
        "calls = (lambda: EnsLossClassifier().fit([[0], [1]], [0, 1]),\n"
        "         lambda: nets.EnsLoss)\n"
        "for call in calls:\n"
        "    try:\n"
        "        call()\n"
        "    except ImportError as exc:\n"
        "        assert 'skext[deep]' in str(exc), exc\n"
        "    else:\n"
        "        raise AssertionError\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_quiet(binary):
    X, y = binary
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EnsLossClassifier(**QUICK).fit(X, y).predict_proba(X)


@pytest.mark.gpu
def test_gpu(binary):
    import pickle

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    X, y = binary
    model = EnsLossClassifier(**{**QUICK, "device": "cuda"}).fit(X, y)
    again = pickle.loads(pickle.dumps(model)).to("cpu")
    assert again.device_ == "cpu"
    np.testing.assert_allclose(
        again.decision_function(X), model.decision_function(X), rtol=1e-3, atol=1e-4
    )
