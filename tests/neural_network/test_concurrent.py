"""Fits in several threads, over options; batches of one row."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skext.neural_network import (
    EnsLossClassifier,
    HighLossBatchSampler,
    OrdinalNetClassifier,
    TabularNetClassifier,
    TabularNetRegressor,
    TemperatureSampler,
)
from skext.utils._torch.device import torch_threads

torch = pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 3,
    "batch_size": 32,
    "device": "cpu",
}
X, Y = make_classification(150, 6, flip_y=0.1, random_state=0)


class RandomLayer(torch.nn.Module):
    """Draw from the default generator of torch while training."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, n_outputs)

    def forward(self, rows):
        noise = torch.randn_like(rows) if self.training else 0.0
        return self.linear(rows + noise).squeeze(-1)


class RandomLoss(torch.nn.Module):
    """Draw from torch's default generator, in evaluation mode as well."""

    def forward(self, scores, target, sample_weight=None):
        noisy = scores + 0.1 * torch.randn_like(scores)
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        return loss(noisy, target.float())


MODELS = [
    TabularNetClassifier(**QUICK, dropout=0.3, dropout_samples=3),
    TabularNetClassifier(**QUICK, ghost_batch_size=8),
    TabularNetClassifier(**QUICK, weight_transform="arctan", optimizer="sgd"),
    TabularNetClassifier(**QUICK, module="realmlp"),
    TabularNetClassifier(**QUICK, module="tabm", module_params={"n_members": 4}),
    TabularNetClassifier(**QUICK, module="resnet", dropout=0.2),
    TabularNetClassifier(**QUICK, module=RandomLayer),
    TabularNetClassifier(**QUICK, loss=RandomLoss),
    TabularNetClassifier(**QUICK, loss=torch.nn.BCEWithLogitsLoss(), n_threads=1),
    TabularNetClassifier(**QUICK, sampler=HighLossBatchSampler(), dropout=0.2),
    TabularNetClassifier(**QUICK, scoring="roc_auc", class_weight="balanced"),
    EnsLossClassifier(**QUICK, boxcox_lambda=(-1, 1), dropout=0.0),
    EnsLossClassifier(**QUICK, sampler=TemperatureSampler(), module="tabm"),
    OrdinalNetClassifier(**QUICK, loss="gce"),
    TabularNetRegressor(**QUICK, loss="pinball", quantiles=[0.1, 0.9], dropout=0.2),
]


def scores(job):
    number, seed, streams = job
    model = MODELS[number]
    model = type(model)(**{**model.get_params(deep=False), "random_state": seed})
    if streams:
        model.set_params(class_weight=None) if "class_weight" in vars(model) else None
        classes = [[0, 1]] if hasattr(model, "predict_proba") else []
        for _ in range(2):
            model.partial_fit(X, Y, *classes)
    else:
        model.fit(X, Y)
    return getattr(model, "decision_function", model.predict)(X)


@pytest.mark.parametrize("streams", [False, True])
def test_fits_at_the_same_time_over_options(streams):
    jobs = [(number, seed, streams) for number in range(len(MODELS)) for seed in (0, 1)]
    before = torch.random.get_rng_state()
    alone = [scores(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(scores, jobs[::-1]))[::-1]
    for job, one, other in zip(jobs, alone, together, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=repr(MODELS[job[0]]))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_overlapping_settings_of_threads_are_put_back():
    before = torch.get_num_threads()
    first, second = Barrier(2), Barrier(2)

    def one():
        with torch_threads(before + 1):
            first.wait(10)
            second.wait(10)

    def other():
        first.wait(10)
        with torch_threads(before + 2):
            second.wait(10)
        return torch.get_num_threads()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(one)
        assert pool.submit(other).result() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before
    assert torch.get_num_threads() == before


class Normed(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(n_features)
        self.linear = torch.nn.Linear(n_features, n_outputs)

    def forward(self, rows):
        return self.linear(self.norm(rows)).squeeze(-1)


@pytest.mark.parametrize("cls", [TabularNetClassifier, TabularNetRegressor])
@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "batch"},
        {"normalization": "batch", "module": "resnet"},
        {"ghost_batch_size": 8, "normalization": "batch"},
        {"module": Normed},
    ],
)
def test_batches_of_one_row(cls, options):
    model = cls(**{**QUICK, "batch_size": 1, "random_state": 0}, **options)
    with pytest.raises(ValueError, match=r"batch_size=1 makes.*normalization='layer'"):
        model.fit(X[:40], Y[:40])
    # The rest of an epoch is of one row, too.
    model.set_params(batch_size=7, early_stopping=False).fit(X[:36], Y[:36])
    model.set_params(batch_size=2).fit(X[:37], Y[:37])


@pytest.mark.parametrize("options", [{"normalization": "layer"}, {"module": "realmlp"}])
def test_batches_of_one_row_without_batch_normalisation(options):
    quick = {**QUICK, "batch_size": 1, "random_state": 0}
    model = TabularNetClassifier(**quick, **options)
    assert np.isfinite(model.fit(X[:40], Y[:40]).decision_function(X)).all()
