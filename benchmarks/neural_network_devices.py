"""CPU against GPU, and one fit at a time against all folds together.

    python benchmarks/neural_network_devices.py                   # CPU, GPU if any
    python benchmarks/neural_network_devices.py --quick --devices cpu

Two questions, each for a small and a wide network:

* How long does an epoch of `TabularNetClassifier` and `EnsLossClassifier` take on each
  device, and on a GPU with a CUDA graph?
* How long do the networks of K folds of a cross-validation take one after the other,
  and how long side by side, as batched products on one device?

Wall time, the shortest of ``--repeats`` runs after a warm-up, on as many threads as
``--threads`` says: wall time on a busy machine says little, so run it on an idle one.
"""

import argparse
import functools
import platform
import time

import numpy as np
import pandas as pd
import torch
from side_by_side import fit_folds
from sklearn.model_selection import KFold

from skext.neural_network import EnsLossClassifier, TabularNetClassifier
from skext.neural_network._registry.losses import make_loss
from skext.neural_network._registry.modules import build_module
from skext.neural_network._training.net import make_net
from skext.utils._torch.seeds import SeedStreams

# Rows, columns, width, layers, batch.
SIZES = {
    "small": (10_000, 20, 64, 2, 128),
    "wide": (10_000, 50, 256, 3, 256),
}
QUICK = {"small": (1000, 20, 16, 2, 128)}


def table(n_samples, n_features):
    """Two classes, in single precision."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] + rng.normal(size=n_samples) > 0).astype(int)


def seconds(function, device, repeats):
    """Shortest wall time; the first run warms up."""
    found = []
    for _ in range(repeats + 1):
        _wait(device)
        began = time.perf_counter()
        function()
        _wait(device)
        found.append(time.perf_counter() - began)
    return min(found[1:])


def _wait(device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def epochs(name, size, device, arguments):
    """Time the estimators and return rows of the table."""
    n_samples, n_features, width, depth, batch_size = size
    X, y = table(n_samples, n_features)
    options = {
        "hidden_layer_sizes": (width,) * depth,
        "normalization": "batch",
        "dropout": 0.0,
        "batch_size": batch_size,
        "early_stopping": False,
        "device": device,
        "random_state": 0,
    }
    graphs = (False, True) if device.startswith("cuda") else (False,)
    for make in (TabularNetClassifier, EnsLossClassifier):
        for graph in graphs:
            times = []
            for n_epochs in (1, 1 + arguments.epochs):
                model = make(max_epochs=n_epochs, cuda_graph=graph, **options)
                times.append(
                    seconds(
                        functools.partial(model.fit, X, y), device, arguments.repeats
                    )
                )
            # What a fit costs besides its epochs cancels.
            epoch = (times[1] - times[0]) / arguments.epochs
            what = make.__name__ + (", CUDA graph" if graph else "")
            yield {"size": name, "device": device, "what": what, "ms": 1e3 * epoch}


def folds(name, size, device, arguments):
    """Time the networks of all folds, in turn and together."""
    n_samples, n_features, width, depth, batch_size = size
    X, y = table(n_samples, n_features)
    rows = [train for train, _ in KFold(arguments.folds).split(X)]
    module = functools.partial(
        build_module,
        "mlp",
        n_features=n_features,
        n_outputs=1,
        hidden_layer_sizes=(width,) * depth,
        activation="relu",
        normalization="batch",
        dropout=0.0,
    )
    criterion = make_loss("log_loss", n_classes=2)
    seeds = [SeedStreams(k) for k in range(len(rows))]
    options = {
        "batch_size": batch_size,
        "max_epochs": arguments.epochs,
        "device": device,
    }

    def in_turn():
        for part, streams in zip(rows, seeds, strict=True):
            net = make_net(module, criterion, seeds=streams, **options)
            net.fit_tensors(X[part], y[part])

    def together():
        fit_folds(module, criterion, X, y, rows, seeds=seeds, **options)

    times = [
        seconds(function, device, arguments.repeats) / arguments.epochs
        for function in (in_turn, together)
    ]
    for what, value in zip(("in turn", "together"), times, strict=True):
        text = f"{arguments.folds} folds {what}"
        yield {"size": name, "device": device, "what": text, "ms": 1e3 * value}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser.add_argument("--devices", nargs="+", default=available)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one tiny network")
    parser.add_argument("--csv", help="file for the times")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.epochs, arguments.repeats, arguments.folds = 2, 1, 3
    torch.set_num_threads(arguments.threads)
    found = []
    for device in arguments.devices:
        shown = platform.processor() or platform.machine()
        if device.startswith("cuda"):
            shown = torch.cuda.get_device_name(device)
        print(
            f"{device}: {shown}, {arguments.threads} threads, torch", torch.__version__
        )
        for name, size in (QUICK if arguments.quick else SIZES).items():
            found += epochs(name, size, device, arguments)
            found += folds(name, size, device, arguments)
    frame = pd.DataFrame(found)
    if arguments.csv:
        frame.to_csv(arguments.csv, index=False)
    wide = frame.pivot_table(
        index=["size", "what"], columns="device", values="ms", sort=False
    )
    print("\nmilliseconds for an epoch")
    print(wide.to_string(float_format="{:.1f}".format))


if __name__ == "__main__":
    main()
