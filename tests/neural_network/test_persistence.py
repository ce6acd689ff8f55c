import io
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skext.neural_network import (
    EnsLossClassifier,
    OrdinalNetClassifier,
    TabularNetClassifier,
    TabularNetRegressor,
)
from skext.neural_network._core.persistence import from_json, read_archive, to_json

torch = pytest.importorskip("torch")

SMALL = {"max_epochs": 4, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_classification(
        120, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0
    )


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True], "b": ("x", (1,))},
        {0: 1.0, "one": 2.0},
        [np.float64(0.25), np.int64(3), np.bool_(True)],
        {"~dict": 1},
    ],
)
def test_values_survive_json(value):
    import json

    assert from_json(json.loads(json.dumps(to_json(value)))) == value


@pytest.mark.parametrize("labels", [["b", "a"], [1, 2], [0.5, 1.5], [True, False]])
@pytest.mark.parametrize("kind", [None, object])
def test_arrays_survive_json(labels, kind):
    array = np.array(labels, dtype=kind)
    found = from_json(to_json(array))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "model",
    [
        TabularNetClassifier((8,), **SMALL),
        EnsLossClassifier((8,), calibration=None, class_weight={0: 2.0}, **SMALL),
        TabularNetClassifier((8, 8), module="tabm", loss="log_hinge", **SMALL),
        TabularNetClassifier((8,), module="realmlp", **SMALL),
        TabularNetClassifier((8, 8), module="resnet", dropout=0.1, **SMALL),
        TabularNetClassifier((8,), weight_transform="arctan", **SMALL),
        OrdinalNetClassifier((8,), class_order=[2, 0, 1], decision="median", **SMALL),
        TabularNetRegressor((8,), loss="huber", **SMALL),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.module}-{model.loss}",
)
def test_files_hold_the_whole_model(model, data, tmp_path):
    X, y = data
    model.fit(X, y)
    model.save(tmp_path / "net")
    again = type(model).load(tmp_path / "net", device="cpu")
    assert again.get_params() == model.get_params()
    # Folding a weight transform moves the last digit.
    rtol = 1e-5 if model.weight_transform else 0
    for name in ("decision_function", "predict_proba", "predict"):
        if hasattr(model, name):
            a, b = getattr(model, name)(X), getattr(again, name)(X)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    assert again.n_iter_ == model.n_iter_
    np.testing.assert_array_equal(again.history_["lr"], model.history_["lr"])
    if hasattr(model, "partial_fit"):
        again.partial_fit(X, y)


def test_string_labels_and_names_survive(data, tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=list("abcde"))
    labels = pandas.Series(np.array(["no", "yes", "maybe"])[y])
    model = TabularNetClassifier((8,), **SMALL).fit(frame, labels)
    model.save(tmp_path / "net")
    again = TabularNetClassifier.load(tmp_path / "net")
    assert again.predict(frame).tolist() == model.predict(frame).tolist()
    assert again.feature_names_in_.tolist() == list("abcde")


def test_nothing_of_a_file_is_executed(data, tmp_path):
    X, y = data
    path = tmp_path / "net"
    TabularNetClassifier((8,), **SMALL).fit(X, y).save(path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert "model.json" in contents
    assert not any(b"numpy.core" in part for part in contents.values())
    evil = io.BytesIO()
    np.save(evil, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    name = next(name for name in contents if name.startswith("weights/"))
    with zipfile.ZipFile(path, "w") as archive:
        for key, value in contents.items():
            archive.writestr(key, evil.getvalue() if key == name else value)
    with pytest.raises(ValueError, match="allow_pickle"):
        TabularNetClassifier.load(path)


def test_wrong_files_are_named(data, tmp_path):
    X, y = data
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(ValueError, match="not a file made by save"):
        read_archive(tmp_path / "text")
    EnsLossClassifier((8,), **SMALL).fit(X, y).save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"use EnsLossClassifier\.load"):
        TabularNetClassifier.load(tmp_path / "net")


class Wide(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, X):
        return self.layer(X)


def test_a_module_of_the_user_has_to_be_named_again(data, tmp_path):
    X, y = data
    model = TabularNetClassifier(module=Wide, **SMALL).fit(X, y)
    model.save(tmp_path / "net")
    with pytest.raises(ValueError, match="module"):
        TabularNetClassifier.load(tmp_path / "net")
    again = TabularNetClassifier.load(tmp_path / "net", module=Wide, device="cpu")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_killed_stream_goes_on_from_its_pickle(data, tmp_path):
    X, y = data
    options = {**SMALL, "dropout": 0.2, "batch_size": 16}

    def stream(model, parts):
        for part in parts:
            rows = slice(30 * part, 30 * part + 30)
            model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        return model

    whole = stream(EnsLossClassifier((8,), **options), range(4))
    half = stream(EnsLossClassifier((8,), **options), range(2))
    code = (
        "import pickle, sys, numpy as np\n"
        "model, X, y = pickle.load(open(sys.argv[1], 'rb'))\n"
        "for part in (2, 3):\n"
        "    rows = slice(30 * part, 30 * part + 30)\n"
        "    model.partial_fit(X[rows], y[rows])\n"
        "np.save(sys.argv[2], model.decision_function(X))\n"
    )
    files = [str(tmp_path / "half.pickle"), str(tmp_path / "scores.npy")]
    with open(files[0], "wb") as file:
        pickle.dump((half, X, y), file)
    subprocess.run([sys.executable, "-c", code, *files], check=True)
    np.testing.assert_array_equal(np.load(files[1]), whole.decision_function(X))


def test_pickles_are_of_the_size_of_the_weights(data):
    X, y = data
    model = TabularNetClassifier((64, 64), **SMALL).fit(
        np.tile(X, (40, 1)), np.tile(y, 40)
    )
    n_weights = sum(p.numel() for p in model.module_.parameters())
    # Weights and two moments of the optimiser, in single precision.
    assert len(pickle.dumps(model)) < 3.5 * 4 * n_weights + 40_000
