"""The speed cases of the tabular nets.

All run a number of epochs with the same network, batches and optimiser.
"""

import contextlib
import warnings
from functools import partial

import numpy as np
from sklearn.neural_network import MLPClassifier

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.neural_network import TabularNetClassifier

_BATCH = 128
_LR = 1e-2


def _table(n_samples, n_features, width, n_epochs):
    """Two classes that a network can learn, in single precision."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n_samples) > 0).astype(np.int64)
    return {"X": X, "y": y, "width": width, "n_epochs": n_epochs}


def _module(data):
    """Two hidden layers with a fixed start."""
    import torch
    from torch import nn

    width = data["width"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(data["X"].shape[1], width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
            nn.Flatten(0),
        )


@contextlib.contextmanager
def _threads(n_jobs):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n_jobs or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _accuracy(module, data):
    import torch

    with torch.no_grad():
        scores = module(torch.from_numpy(data["X"])).numpy()
    return float(np.mean((scores > 0) == data["y"]))


def _train(data, n_jobs, loss):
    """Train by our loop and return the accuracy on the training rows."""
    # They load torch, which may not be there.
    from skext.neural_network._registry.losses import make_loss
    from skext.neural_network._training.net import make_net  # loads torch
    from skext.utils._torch.seeds import SeedStreams  # loads torch

    with _threads(n_jobs):
        net = make_net(
            _module(data),
            make_loss(loss, n_classes=2),
            seeds=SeedStreams(0),
            optimizer="sgd",
            optimizer_params={"momentum": 0.9},
            lr=_LR,
            batch_size=_BATCH,
            max_epochs=data["n_epochs"],
        )
        net.fit_tensors(data["X"], data["y"])
        return _accuracy(net.module_.eval(), data)


def _train_log_loss(data, n_jobs):
    return _train(data, n_jobs, "log_loss")


def _train_ensloss(data, n_jobs):
    return _train(data, n_jobs, "ensloss")


def _bare_loop(data, n_jobs):
    """Write the loop that everybody writes, without a loader."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    with _threads(n_jobs):
        X, y = torch.from_numpy(data["X"]), torch.from_numpy(data["y"]).float()
        module = _module(data).train()
        optimizer = torch.optim.SGD(module.parameters(), lr=_LR, momentum=0.9)
        generator = torch.Generator().manual_seed(0)
        for _ in range(data["n_epochs"]):
            order = torch.randperm(len(X), generator=generator)
            total = torch.zeros(())
            for rows in order.split(_BATCH):
                optimizer.zero_grad()
                loss = binary_cross_entropy_with_logits(module(X[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach()
            total.item()
        return _accuracy(module.eval(), data)


def _plain_skorch(data, n_jobs):
    """Use skorch as its documentation shows it."""
    import torch
    from skorch import NeuralNet

    with _threads(n_jobs), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NeuralNet(
            _module(data),
            torch.nn.BCEWithLogitsLoss,
            optimizer=torch.optim.SGD,
            optimizer__momentum=0.9,
            lr=_LR,
            batch_size=_BATCH,
            max_epochs=data["n_epochs"],
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )
        net.fit(data["X"], data["y"].astype(np.float32))
        return _accuracy(net.module_.eval(), data)


def _fit_estimator(data, n_jobs):
    model = TabularNetClassifier(
        (data["width"],) * 3,
        normalization=None,
        dropout=0.0,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="constant",
        batch_size=256,
        max_epochs=data["n_epochs"],
        early_stopping=False,
        device="cpu",
        n_threads=n_jobs or 1,
        random_state=0,
    )
    return model.fit(data["X"], data["y"]).score(data["X"], data["y"])


def _fit_mlp(data, n_jobs):
    model = MLPClassifier(
        (data["width"],) * 3,
        alpha=0.0,
        batch_size=256,
        max_iter=data["n_epochs"],
        # Neither side stops early.
        tol=0.0,
        n_iter_no_change=data["n_epochs"] + 1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(data["X"], data["y"]).score(data["X"], data["y"])


def _as_accurate(ours, peer, data):
    # Other orders of the rows end in other networks.
    if ours < peer - 0.05:
        raise AssertionError(f"Our accuracy is {ours:.3f}, the peer's {peer:.3f}.")


_case = partial(SpeedCase, make=_table, check=_as_accurate, needs=("torch", "skorch"))
# Rows, columns, width, epochs.
_EPOCHS = by_size((1000, 20, 64, 20), (10_000, 20, 64, 3))

CASES = (
    _case(
        "tabular-net-epoch",
        "bare torch loop",
        "epochs of the training loop, log-loss, batches of 128",
        ours=_train_log_loss,
        peer=_bare_loop,
        sizes=_EPOCHS,
    ),
    _case(
        "tabular-net-epoch-skorch",
        "skorch.NeuralNet",
        "epochs of the training loop, log-loss, batches of 128",
        ours=_train_log_loss,
        peer=_plain_skorch,
        sizes=_EPOCHS,
    ),
    _case(
        "ensloss-epoch",
        "the same with log-loss",
        "epochs with EnsLoss against epochs with the log-loss",
        ours=_train_ensloss,
        peer=_train_log_loss,
        sizes={**_EPOCHS, "large": (5000, 50, 256, 2)},
    ),
    _case(
        "tabular-net-fit",
        "sklearn.neural_network.MLPClassifier",
        "fit of the estimator, Adam, batches of 256, as many epochs",
        ours=_fit_estimator,
        peer=_fit_mlp,
        sizes=by_size((300, 20, 64, 64), (1400, 20, 256, 64)),
    ),
)
