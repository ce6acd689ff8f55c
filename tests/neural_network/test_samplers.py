"""Samplers alone, and inside the loop of a net."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from skext.neural_network._registry.losses import make_loss  # noqa: E402
from skext.neural_network._samplers import (  # noqa: E402
    HighLossBatchSampler,
    TemperatureSampler,
)
from skext.neural_network._training.net import make_net  # noqa: E402
from skext.utils._torch.seeds import SeedStreams  # noqa: E402


def linear():
    return nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))


def build(sampler=None, **options):
    options = {"seeds": SeedStreams(0), "batch_size": 10, "max_epochs": 5, **options}
    criterion = make_loss("log_loss", n_classes=2)
    return make_net(linear, criterion, sampler=sampler, **options)


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(100, 2).astype(np.float32)
    return X, (X[:, 0] > 0.8).astype(int)


# ---- temperature ------------------------------------------------------------------


@pytest.mark.parametrize("tau", [1.0, 2.0, 5.0, np.inf])
def test_frequencies(tau):
    """Chi-squared test of 100 epochs at a level of 1e-4."""
    counts = np.array([70, 25, 5])
    codes = np.repeat(np.arange(3), counts)
    sampler = TemperatureSampler(tau, tau)
    sampler.start(codes)
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sampler.order(0.0, rng) for _ in range(100)])
    shares = counts ** (1 / tau) / (counts ** (1 / tau)).sum()
    seen = np.bincount(codes[drawn], minlength=3)
    assert stats.chisquare(seen, shares * len(drawn)).pvalue > 1e-4
    # Inside a group no row is ahead of another by more than one visit.
    visits = np.bincount(drawn, minlength=100)
    for group in range(3):
        assert np.ptp(visits[codes == group]) <= 1


def test_weights_have_the_gradient_of_the_draws():
    codes = np.repeat([0, 1], [90, 10])
    gradients = np.random.RandomState(0).randn(100, 3) + codes[:, None]
    sampler = TemperatureSampler(3.0, 3.0, weighting=True)
    sampler.start(codes)
    assert sampler.order(0.0, np.random.default_rng(0)) is None
    weighted = (sampler.weights(0.0)[:, None] * gradients).mean(0)
    shares = sampler.probabilities([90, 10])
    expected = shares @ [gradients[codes == group].mean(0) for group in range(2)]
    np.testing.assert_allclose(weighted, expected)
    drawing = TemperatureSampler(3.0, 3.0)
    drawing.start(codes)
    rng = np.random.default_rng(0)
    drawn = [gradients[drawing.order(0.0, rng)].mean(0) for _ in range(2000)]
    error = np.std(drawn, axis=0) / np.sqrt(2000)
    assert (np.abs(np.mean(drawn, axis=0) - expected) < 4.5 * error).all()


@pytest.mark.parametrize("schedule", ["step", "linear", "cosine"])
def test_cooldown(schedule):
    sampler = TemperatureSampler(5.0, 1.0, schedule=schedule, switch=0.6)
    temperatures = [sampler.temperature(time) for time in np.linspace(0, 1, 11)]
    assert temperatures[0] == 5.0
    assert temperatures[6:] == [1.0] * 5
    assert (np.diff(temperatures) <= 0).all()
    assert temperatures[3] == pytest.approx({"step": 5.0}.get(schedule, 1 / 0.6))


def test_probabilities_of_extremes():
    sampler = TemperatureSampler(np.inf)
    np.testing.assert_array_equal(sampler.probabilities([7, 0, 1]), [0.5, 0.0, 0.5])
    huge = TemperatureSampler(1.0).probabilities([1e300, 1e299])
    np.testing.assert_allclose(huge, [1 / 1.1, 0.1 / 1.1])
    np.testing.assert_allclose(TemperatureSampler().score_shift([90, 10]), 0, atol=1e-9)


def test_prior_correction():
    """Two Gaussians at 9 to 1: the corrected scores are the log odds of Bayes."""
    rng = np.random.RandomState(0)
    y = (rng.rand(20_000) < 0.1).astype(int)
    X = (rng.randn(20_000, 2) + 1.5 * y[:, None] * [1, 0]).astype(np.float32)
    sampler = TemperatureSampler(np.inf, np.inf)
    net = build(sampler, batch_size=200, max_epochs=6, lr=0.03, lr_schedule="cosine")
    net.fit_tensors(X, y)
    shift = sampler.score_shift(np.bincount(y))
    odds = 1.5 * X[:, 0] - 1.5**2 / 2 + np.log(0.1 / 0.9)
    bias = (net.scores(X) + shift[1] - shift[0] - odds).mean()
    assert abs(bias) < 0.1


def test_groups_and_weights_in_the_net(data):
    X, y = data
    groups = np.arange(100) % 2
    groups[:90] = 0
    net = build(TemperatureSampler(np.inf, np.inf, by=groups))
    net.fit_tensors(X, y, np.full(100, 2.0), groups=groups)
    assert net.sampler_ is not net.sampler
    assert not hasattr(net.sampler, "_codes")
    np.testing.assert_array_equal(net.sampler_._codes, groups)
    natural = build(TemperatureSampler(1.0, weighting=True)).fit_tensors(X, y)
    plain = build().fit_tensors(X, y, np.ones(100))
    np.testing.assert_allclose(natural.scores(X), plain.scores(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tau": 0.5}, "tau=0.5"),
        ({"tau_final": 0.0}, "tau_final=0.0"),
        ({"tau": float("nan")}, "tau=nan"),
        ({"switch": 2.0}, "switch=2.0"),
        ({"schedule": "never"}, "schedule='never'"),
    ],
)
def test_bad_temperature(params, message):
    with pytest.raises(ValueError, match=message):
        TemperatureSampler(**params).start(np.zeros(3, int))


# ---- batches of high loss ---------------------------------------------------------


def test_delta_of_one_is_ordinary_training(data):
    X, y = data
    plain = build().fit_tensors(X, y)
    same = build(HighLossBatchSampler(delta=1.0)).fit_tensors(X, y)
    for ours, theirs in zip(
        same.module_.parameters(), plain.module_.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("refresh", "warmup"), [(1, 1), (2, 2), (1, 0)])
def test_rows_visited(data, refresh, warmup):
    X, y = data
    sampler = HighLossBatchSampler(0.25, refresh=refresh, warmup=warmup)
    net = build(sampler).fit_tensors(X, y)
    expected = [100] * warmup + [30] * (5 - warmup)
    assert net.history_arrays()["n_rows"].tolist() == expected


def test_batches_of_high_loss_are_taken(data):
    X, y = data
    net = build(HighLossBatchSampler(0.5, warmup=0), max_epochs=1, lr=0.0)
    taken = []
    forward = net.criterion_.forward

    def spy(scores, target, sample_weight=None):
        loss = forward(scores, target, sample_weight)
        if net.criterion_.reduction == "mean":
            taken.append(loss.item())
        return loss

    net.criterion_.forward = spy
    net.fit_tensors(X, y)
    order = torch.randperm(100, generator=SeedStreams(0).generator("shuffle", 0))
    rows = torch.from_numpy(net.scores(X))[order].split(10)
    targets = torch.from_numpy(y)[order].split(10)
    losses = [forward(*pair).item() for pair in zip(rows, targets, strict=True)]
    np.testing.assert_allclose(sorted(taken), sorted(losses)[5:], rtol=1e-5)


def test_loss_without_rows_is_an_error(data):
    class Bare(nn.Module):
        def forward(self, scores, target):
            return (scores - target).square().mean()

    net = make_net(
        linear, Bare(), seeds=SeedStreams(0), sampler=HighLossBatchSampler(warmup=0)
    )
    with pytest.raises(ValueError, match="Bare has no attribute 'reduction'"):
        net.fit_tensors(*data)


@pytest.mark.parametrize(
    "params", [{"delta": 0.0}, {"delta": 1.5}, {"refresh": 0}, {"warmup": -1}]
)
def test_bad_high_loss_sampler(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        HighLossBatchSampler(**params).start(np.zeros(3, int))


def test_parameters_as_scikit_learn_has_them():
    sampler = TemperatureSampler(7.0, switch=0.25)
    assert repr(clone(sampler)) == repr(sampler)
    assert clone(sampler).set_params(tau=3.0).tau == 3.0
    assert sampler.tau == 7.0
    with pytest.raises(ValueError, match="no parameter 'temperature'"):
        sampler.set_params(temperature=1.0)
