"""Callbacks of skorch inside the loop of a net."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch.callbacks import (  # noqa: E402
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    LRScheduler,
    PrintLog,
    ProgressBar,
)
from torch import nn  # noqa: E402

from skext.neural_network._training.net import make_net  # noqa: E402
from skext.utils._torch.seeds import SeedStreams  # noqa: E402


def module():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0))


def predict(scores):
    return (scores > 0).astype(int)


class Recorder(Callback):
    """Count what happens."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, net, **kwargs):
        self.seen.append("train_begin")

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        self.seen.append(("epoch_begin", len(dataset_train)))

    def on_epoch_end(self, net, **kwargs):
        self.seen.append("epoch_end")

    def on_train_end(self, net, **kwargs):
        self.seen.append("train_end")


class BatchRecorder(Recorder):
    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.seen.append(("begin", training, len(batch[0])))

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.seen.append(("end", training, tuple(kwargs["y_pred"].shape)))

    def on_grad_computed(self, net, named_parameters, **kwargs):
        norms = [param.grad.norm().item() for _, param in named_parameters]
        self.seen.append(("grad", len(norms)))


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(100, 3).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.float32)


def fit(data, *callbacks, **options):
    X, y = data
    options = {"max_epochs": 3, "lr": 0.05, "n_classes": 2, **options}
    net = make_net(
        module, nn.BCEWithLogitsLoss(), seeds=SeedStreams(0), batch_size=32,
        predict_fn=predict, callbacks=list(callbacks), **options,
    )  # fmt: skip
    return net.fit_tensors(X[:70], y[:70], None, X[70:], y[70:])


def callback_of(net, cls):
    return next(callback for _, callback in net.callbacks_ if type(callback) is cls)


def test_order_and_copies(data):
    mine = Recorder()
    net = fit(data, mine, max_epochs=2)
    epoch = [("epoch_begin", 70), "epoch_end"]
    expected = ["train_begin", *epoch, *epoch, "train_end"]
    assert callback_of(net, Recorder).seen == expected
    assert mine.seen == []


def test_batches_are_announced_if_wanted(data):
    plain = fit(data, Recorder())
    # One row that sums up the epoch.
    assert plain.history[:, "batches", :, "train_batch_size"] == [[70]] * 3
    net = fit(data, BatchRecorder(), max_epochs=1)
    seen = callback_of(net, BatchRecorder).seen
    steps = [
        part
        for n in (32, 32, 6)
        for part in (("begin", True, n), ("grad", 4), ("end", True, (n,)))
    ]
    assert seen[2:-2] == [*steps, ("begin", False, 30), ("end", False, (30,))]
    assert net.history[-1, "batches", :3, "train_batch_size"] == [32, 32, 6]


def test_epoch_scoring(data):
    callbacks = [
        EpochScoring("accuracy", lower_is_better=False, name="cached"),
        EpochScoring("accuracy", lower_is_better=False, name="anew", use_caching=False),
        EpochScoring("roc_auc", lower_is_better=False, name="auc"),
        EpochScoring("accuracy", name="on_train", on_train=True, use_caching=False),
    ]
    net = fit(data, *callbacks, score_fn=lambda s, t, w: np.mean(predict(s) == t))
    for row in net.history:
        assert row["cached"] == row["anew"] == pytest.approx(row["valid_score"])
        assert {"auc", "on_train"} <= row.keys()
    assert set(net.history_arrays()) >= {"cached", "anew", "auc", "on_train"}
    # Only the hold-out was announced.
    assert [len(row["batches"]) for row in net.history] == [1, 1, 1]


def test_batch_scoring_on_train(data):
    net = fit(data, BatchScoring("accuracy", name="hits", on_train=True))
    assert len(net.history[:, "hits"]) == 3


def test_early_stopping(data):
    stopper = EarlyStopping(monitor="valid_loss", patience=2, threshold=10.0)
    net = fit(data, stopper, max_epochs=50)
    assert net.n_epochs_ < 50
    assert callback_of(net, EarlyStopping).misses_ == 2
    assert stopper.misses_ == 0


def test_interrupt_of_the_user_is_not_swallowed(data):
    def interrupt(scores, y, sample_weight):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(data, score_fn=interrupt)


def test_scheduler_replaces_ours(data):
    scheduler = LRScheduler(policy="StepLR", step_size=1, gamma=0.5)
    net = fit(data, scheduler, lr_schedule="cosine", lr=0.08)
    np.testing.assert_allclose(net.history_arrays()["lr"], [0.08, 0.04, 0.02])
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.scores(data[0]), net.scores(data[0]))


def test_plateau_scheduler_and_steps_of_batches(data):
    plateau = LRScheduler(policy="ReduceLROnPlateau", monitor="valid_loss", patience=0)
    assert "event_lr" in fit(data, plateau).history[-1]
    cyclic = LRScheduler(policy="ExponentialLR", gamma=0.9, step_every="batch")
    net = fit(data, cyclic, lr=0.1, max_epochs=1)
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(0.1 * 0.9**3)


def test_checkpoint(data, tmp_path):
    net = fit(data, Checkpoint(dirname=tmp_path, monitor="valid_loss_best"))
    assert {path.name for path in tmp_path.iterdir()} >= {"params.pt", "history.json"}
    state = torch.load(tmp_path / "params.pt", weights_only=True)
    for kept, present in zip(
        state.values(), net.module_.state_dict().values(), strict=True
    ):
        assert torch.equal(kept, present)


def test_progress_bar_and_freezer(data, capsys):
    net = fit(data, ProgressBar(), Freezer("0.*"))
    assert "0/4" in capsys.readouterr().err
    assert callback_of(net, ProgressBar).pbar_.n == 4
    start = make_net(module, nn.BCEWithLogitsLoss(), seeds=SeedStreams(0))
    assert torch.equal(net.module_[0].weight, start.module_[0].weight)


def test_epoch_table(data, capsys):
    fit(data, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "lr", "train_loss", "valid_loss", "dur"]
    assert len(lines) == 2 + 3
    fit(data)
    assert capsys.readouterr().out == ""


def test_sink_is_shared(data):
    lines = []
    fit(data, PrintLog(sink=lines.append), verbose=0)
    assert len(lines) == 2 + 3


@pytest.mark.parametrize("bad", ["progress", [1], [nn.ReLU()]])
def test_bad_callbacks(bad):
    with pytest.raises(TypeError, match="callbacks"):
        make_net(module, nn.MSELoss(), seeds=SeedStreams(0), callbacks=bad)
