"""Networks trained side by side are those trained alone."""

import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from side_by_side import fit_folds  # noqa: E402

from skext.neural_network._registry.losses import make_loss  # noqa: E402
from skext.neural_network._registry.modules import build_module  # noqa: E402
from skext.neural_network._training.net import make_net  # noqa: E402
from skext.utils._torch.seeds import SeedStreams  # noqa: E402

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("loss", ["log_loss", "log_hinge"])
def test_equals_separate_fits(device, normalization, loss):
    rng = np.random.RandomState(0)
    X = rng.randn(60, 4).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    folds = [np.setdiff1d(np.arange(60), np.arange(20) + 20 * k) for k in range(3)]
    module = functools.partial(
        build_module, "mlp", n_features=4, n_outputs=1, hidden_layer_sizes=(8,),
        activation="relu", normalization=normalization, dropout=0.0,
    )  # fmt: skip
    seeds = [SeedStreams(k) for k in range(3)]
    options = {"lr_schedule": "cosine", "batch_size": 16, "max_epochs": 3}
    # Adam would blow the rounding of gradients that are nearly zero up to steps.
    options |= {"weight_decay": 0.1, "device": device, "optimizer": "sgd", "lr": 0.1}
    criterion = make_loss(loss, n_classes=2)
    together = fit_folds(module, criterion, X, y, folds, seeds=seeds, **options)
    for k, rows in enumerate(folds):
        alone = make_net(module, criterion, seeds=seeds[k], **options)
        alone.fit_tensors(X[rows], y[rows])
        with torch.no_grad():
            scores = together.modules[k](torch.from_numpy(X).to(device)).cpu()
        np.testing.assert_allclose(scores, alone.scores(X), atol=2e-5)
        losses = alone.history_arrays()["train_loss"]
        np.testing.assert_allclose(together.losses[:, k], losses, atol=1e-5)
