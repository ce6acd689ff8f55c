"""Losses for wrong labels and ordered classes, reweighting, losses by name."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import rel_entr, softmax

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from skext.neural_network import (  # noqa: E402
    EnsLoss,
    LDRLoss,
    LogLoss,
    LossReweighting,
    SoftOrdinalLoss,
    SquaredErrorLoss,
)
from skext.neural_network._losses.base import TabularLoss  # noqa: E402
from skext.neural_network._losses.ldr import adaptive_lambda  # noqa: E402
from skext.neural_network._losses.reweighting import scale_losses  # noqa: E402
from skext.neural_network._losses.soft_ordinal import make_soft_targets  # noqa: E402
from skext.neural_network._registry.losses import make_loss  # noqa: E402
from skext.neural_network._registry.names import LOSSES, losses_for  # noqa: E402


def batch(n=20, n_classes=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(n, n_classes, generator=draw, dtype=torch.float64)
    return scores, torch.randint(0, n_classes, (n,), generator=draw)


def gaps_of(scores, target, margin):
    scores, y = scores.numpy(), target.numpy()
    gaps = scores - scores[np.arange(len(y)), y][:, None] + margin
    gaps[np.arange(len(y)), y] = 0.0
    return gaps


def penalised(gaps, lam):
    """Largest value over the simplex, by a numerical solver in softmax coordinates."""
    k = len(gaps)

    def value(v):
        p = softmax(v)
        slope = gaps - lam * np.log(k * p)
        value = p @ gaps - lam * rel_entr(p, np.full(k, 1.0 / k)).sum()
        return -value, -p * (slope - p @ slope)

    options = {"gtol": 1e-10}
    return -minimize(value, np.zeros(k), jac=True, method="BFGS", options=options).fun


@pytest.mark.parametrize("lam", [0.3, 1.0, 5.0])
def test_ldr_is_a_maximum_over_the_simplex(lam):
    scores, target = batch(8)
    found = LDRLoss(lam, normalize=None, reduction="none")(scores, target)
    for value, gaps in zip(found, gaps_of(scores, target, 0.1), strict=True):
        assert float(value) == pytest.approx(penalised(gaps, lam), abs=1e-6)


def test_ldr_limits():
    scores, target = batch()
    options = {"normalize": None, "margin": 0.0}
    entropy = LogLoss()(scores, target) - np.log(4)
    torch.testing.assert_close(LDRLoss(1.0, **options)(scores, target), entropy)
    gaps = gaps_of(scores, target, 0.0)
    low, high = (float(LDRLoss(v, **options)(scores, target)) for v in (1e-4, 1e6))
    assert low == pytest.approx(gaps.max(axis=1).mean(), abs=2e-4)
    assert high == pytest.approx(gaps.mean(), abs=1e-4)
    for adaptive in (False, True):
        loss = LDRLoss(2.0, adaptive, normalize=None)
        shifted = loss(scores + 7.0, target)
        torch.testing.assert_close(shifted, loss(scores, target))


def test_ldr_of_two_classes_is_a_scaled_logistic_loss():
    scores, target = batch(n_classes=2)
    f = scores[:, 1] - scores[:, 0]
    for lam, c in ((0.5, 0.0), (2.0, 0.3)):
        s = f * (2.0 * target - 1.0)
        wanted = lam * (torch.log1p(torch.exp((c - s) / lam)) - np.log(2.0))
        loss = LDRLoss(lam, margin=c, normalize=None, reduction="none")
        torch.testing.assert_close(loss(scores, target), wanted)
        torch.testing.assert_close(loss(f, target), wanted)


@pytest.mark.parametrize("alpha", [1.2, 2.0, 5.0])
@pytest.mark.parametrize("lam", [0.1, 1.0, 10.0])
def test_adaptive_strength(alpha, lam):
    scores, target = batch(30, seed=1)
    gaps = gaps_of(scores, target, 0.1)
    # Close to alpha = 1 and for small lambda the sequence needs more than the default.
    strength = adaptive_lambda(torch.tensor(gaps), lam, alpha, 400).numpy()
    assert (strength >= lam * (1 - 1 / alpha) - 1e-12).all()
    assert (strength <= lam).all()
    log_k = np.log(4)
    p = softmax(gaps / strength[:, None], axis=1)
    kl = rel_entr(p, 0.25).sum(axis=1)
    np.testing.assert_allclose(strength, lam * (1 - kl / (alpha * log_k)), rtol=1e-6)
    # Not only a fixed point: the best of all strengths.
    loss = LDRLoss(lam, True, alpha, normalize=None, n_fixed_point=400)
    loss.reduction = "none"
    found = loss(scores, target).numpy()

    def value(x, row):
        top = row.max() / x
        mean = x * (top + np.log(np.mean(np.exp(row / x - top))))
        return mean - alpha * log_k / (2 * lam) * (x - lam) ** 2

    grid = np.linspace(lam * (1 - 1 / alpha) + 1e-9, lam, 2001)
    for row, best in zip(gaps, found, strict=True):
        assert max(value(x, row) for x in grid[::20]) <= best + 1e-9
        start = max(grid[::20], key=lambda x: value(x, row))
        width = grid[20] - grid[0]
        local = minimize_scalar(
            lambda x, row=row: -value(x, row),
            bounds=(max(start - width, grid[0]), min(start + width, lam)),
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert -local.fun == pytest.approx(best, abs=1e-7)


def test_adaptive_sequence_descends():
    gaps = torch.tensor(gaps_of(*batch(30, seed=2), 0.1))
    steps = [adaptive_lambda(gaps, 1.0, 2.0, n) for n in range(1, 12)]
    for before, after in itertools.pairwise(steps):
        assert (after <= before + 1e-15).all()
    # The default is close: the value depends on the error in second order only.
    exact = LDRLoss(1.0, True, normalize=None, n_fixed_point=400)
    close = LDRLoss(1.0, True, normalize=None)
    a, b = (loss(*batch(30, seed=2)) for loss in (exact, close))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-3)


def test_normalised_scores():
    scores, target = batch()
    loss = LDRLoss()
    torch.testing.assert_close(loss(100 * scores, target), loss(scores, target))
    torch.testing.assert_close(
        loss.link_scores(scores).abs().mean(1), torch.ones(20, dtype=torch.float64)
    )
    for normalize in ("l1", "softplus"):
        loss = LDRLoss(normalize=normalize)
        order = loss.link_scores(scores).argsort(1)
        assert torch.equal(order, scores.argsort(1))
        zero = torch.zeros(3, 4, requires_grad=True)
        value = loss(zero, target[:3])
        value.backward()
        assert torch.isfinite(zero.grad).all()
        with pytest.raises(ValueError, match="normalize=.* must be None"):
            loss(scores[:, 0], target.clamp_max(1))
    assert LDRLoss(4.0, normalize=None).link_scale == 0.25
    plain = LDRLoss(4.0, normalize=None)
    assert torch.equal(plain.link_scores(scores), scores)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lam": 0.0}, "lam=.* must be positive"),
        ({"alpha": 1.0}, "alpha=.* must be finite and above 1"),
        ({"margin": -1.0}, "margin=.* must be finite"),
        ({"normalize": "l2"}, "normalize=.* is unknown; choose one of"),
        ({"n_fixed_point": 0}, "n_fixed_point=.* must be at least 1"),
    ],
)
def test_ldr_errors(params, message):
    with pytest.raises(ValueError, match=message):
        LDRLoss(**params)


def test_soft_targets():
    first = make_soft_targets(3)[0]
    np.testing.assert_allclose(first, [0.6652, 0.2447, 0.0900], atol=5e-5)
    for distance in ("absolute", "squared", "squared_log"):
        q = make_soft_targets(6, 0.7, distance)
        np.testing.assert_allclose(q.sum(axis=1), 1.0)
        assert (q.argmax(axis=1) == np.arange(6)).all()
        if distance != "squared_log":
            np.testing.assert_allclose(q, q[::-1, ::-1])
        np.testing.assert_allclose(make_soft_targets(6, 0.0, distance), 1 / 6)
        np.testing.assert_allclose(
            make_soft_targets(6, 1e4, distance), np.eye(6), atol=1e-99
        )
    gaps = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    np.testing.assert_allclose(make_soft_targets(3, 1.0, gaps), make_soft_targets(3))
    spread = make_soft_targets(3, 1.0, positions=[0.0, 1.0, 10.0])
    assert spread[1, 0] > spread[1, 2]


def test_soft_ordinal_loss():
    scores, target = batch()
    loss = SoftOrdinalLoss(4, reduction="none")
    q = torch.tensor(make_soft_targets(4))[target]
    wanted = -(q * scores.log_softmax(1)).sum(1)
    torch.testing.assert_close(loss(scores, target), wanted, rtol=1e-6, atol=1e-6)
    entropy = -(q * q.log()).sum(1)
    assert (loss(scores, target) >= entropy - 1e-6).all()
    torch.testing.assert_close(loss(q.log(), target), entropy, rtol=1e-6, atol=1e-6)
    sharp = SoftOrdinalLoss(4, alpha=100.0)(scores, target)
    torch.testing.assert_close(sharp, LogLoss()(scores, target))
    assert loss(scores.float(), target).dtype == torch.float32
    assert not loss.state_dict()


def test_soft_ordinal_probabilities_can_be_sharpened():
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=20)
    for alpha in (1.0, 2.0):
        loss = SoftOrdinalLoss(5, alpha)
        smoothed = p @ make_soft_targets(5, alpha)
        np.testing.assert_allclose(loss.sharpen(smoothed), p, atol=1e-5)
    # Well conditioned for as many classes as one meets.
    assert np.linalg.cond(make_soft_targets(20, 1.0)) < 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_classes": 1}, "n_classes=.* must be at least 2"),
        ({"alpha": -1.0}, "alpha=.* must be finite and not negative"),
        ({"distance": "cubic"}, "distance=.* is unknown; choose one of"),
        ({"distance": np.ones((2, 2))}, r"distance has shape"),
        ({"positions": [3, 2, 1]}, "positions=.* must be 3 increasing numbers"),
        (
            {"positions": [0, 2, 3], "distance": "squared_log"},
            "positions=.* must be positive for 'squared_log'",
        ),
    ],
)
def test_soft_ordinal_errors(params, message):
    with pytest.raises(ValueError, match=message):
        SoftOrdinalLoss(**{"n_classes": 3, **params})


def weights_of(losses, **params):
    """Weights of rows, as the gradient of the loss in the losses of the rows."""

    class Passed(TabularLoss):
        def _row_losses(self, layout, target):
            return layout.scores

    losses = torch.tensor(losses, dtype=torch.float64, requires_grad=True)
    weight = params.pop("sample_weight", None)
    loss = LossReweighting(Passed(), **params)
    value = loss(losses, torch.zeros(len(losses)), weight)
    (gradient,) = torch.autograd.grad(value, losses)
    return gradient.numpy(), float(value.detach())


def test_weights_of_losses():
    losses = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    h = losses / 2 - 1
    for strategy, a in (
        ("lin_upper", np.minimum(h + 1, 1)),
        ("quadratic", 1 - h**2),
        ("extremes", np.abs(h)),
        ("uniform", 0 * h),
    ):
        for temperature in (0.4, 1.0):
            found, value = weights_of(
                losses, strategy=strategy, temperature=temperature
            )
            wanted = softmax(a / temperature)
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
            assert value == pytest.approx(wanted @ losses)
            ranked, _ = weights_of(
                np.exp(losses), strategy=strategy, temperature=temperature, scale="rank"
            )
            np.testing.assert_allclose(ranked, wanted, rtol=1e-12)
    # Flat above the middle of the range, increasing below.
    found, _ = weights_of(np.linspace(0, 1, 11))
    assert (np.diff(found[:6]) > 0).all()
    np.testing.assert_allclose(found[5:], found[5], rtol=1e-9)


def test_weights_of_losses_at_the_ends():
    losses = np.random.default_rng(0).exponential(size=30)
    for scale in ("minmax", "rank"):
        uniform = np.full(30, 1 / 30)
        found, _ = weights_of(losses, temperature=1e9, scale=scale)
        np.testing.assert_allclose(found, uniform, rtol=1e-6)
        found, _ = weights_of(np.full(30, 2.0), scale=scale)
        np.testing.assert_allclose(found, uniform)
        found, _ = weights_of([5.0], scale=scale)
        np.testing.assert_allclose(found, [1.0])
        found, _ = weights_of(losses, temperature=1e-4, scale=scale)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", ["minmax", "rank"])
def test_weights_of_the_user_multiply(scale):
    losses = np.array([0.3, 0.1, 50.0, 0.2, 0.5])
    weight = torch.tensor([1.0, 2.0, 0.0, 1.0, 3.0])
    found, _ = weights_of(losses, sample_weight=weight, scale=scale)
    keep = np.array([0, 1, 3, 4])
    plain, _ = weights_of(losses[keep], scale=scale)
    wanted = plain * weight.numpy()[keep]
    np.testing.assert_allclose(found[keep], wanted / wanted.sum(), rtol=1e-12)
    assert found[2] == 0
    found, value = weights_of(losses, sample_weight=torch.zeros(5), scale=scale)
    assert value == 0.0
    np.testing.assert_array_equal(found, 0.0)


def test_ranks_share_ties():
    losses = torch.tensor([1.0, 3.0, 3.0, 9.0])
    scaled = scale_losses(losses, torch.ones(4, dtype=torch.bool), "rank")
    torch.testing.assert_close(scaled, torch.tensor([-1.0, 0.0, 0.0, 1.0]))


def test_reweighting_modes():
    scores, target = batch(seed=3)
    plain, wrapped = LogLoss(), LossReweighting(LogLoss(), warmup=0.3)
    assert plain.reduction == "mean"
    weighted = wrapped(scores, target)
    assert weighted > plain(scores, target)
    wrapped.progress = 0.1
    torch.testing.assert_close(wrapped(scores, target), plain(scores, target))
    wrapped.progress = 0.3
    assert torch.equal(wrapped(scores, target), weighted)
    for reduction, wanted in (("sum", 20 * weighted), ("none", None)):
        wrapped.reduction = reduction
        found = wrapped(scores, target)
        wanted = weighted if wanted is None else wanted
        torch.testing.assert_close(
            found.mean() if reduction == "none" else found, wanted
        )
    wrapped.reduction = "mean"
    wrapped.eval()
    torch.testing.assert_close(wrapped(scores, target), plain(scores, target))
    wrapped.reduction = plain.reduction = "none"
    torch.testing.assert_close(wrapped(scores, target), plain(scores, target))


def test_reweighting_of_members_and_other_losses():
    scores, target = batch(12, seed=4)
    scores = torch.stack([scores, 0.5 * scores], 1)
    wrapped = make_loss(LossReweighting(LogLoss()), n_classes=4)
    alone = LossReweighting(LogLoss())
    wanted = (alone(scores[:, 0], target) + alone(scores[:, 1], target)) / 2
    torch.testing.assert_close(wrapped(scores, target), wanted)
    torchs = LossReweighting(nn.CrossEntropyLoss())
    torch.testing.assert_close(
        torchs(scores[:, 0], target), alone(scores[:, 0], target)
    )
    ens = LossReweighting(EnsLoss(spectrum="expected"))
    assert ens.link == "symlog"
    assert torch.isfinite(ens(scores[:, 0], target))
    ldr = LossReweighting(LDRLoss())
    torch.testing.assert_close(
        ldr.link_scores(scores[:, 0]), LDRLoss().link_scores(scores[:, 0])
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"base_loss": "log_loss"}, "base_loss=.* must be a module with the attribute"),
        ({"strategy": "hard"}, "strategy=.* is unknown; choose one of"),
        ({"scale": "quantile"}, "scale=.* is unknown; choose one of"),
        ({"temperature": 0.0}, "temperature=.* must be positive"),
        ({"warmup": 2.0}, "warmup=.* must be between 0 and 1"),
    ],
)
def test_reweighting_errors(params, message):
    with pytest.raises(ValueError, match=message):
        LossReweighting(**{"base_loss": LogLoss(), **params})


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("members", [None, 2])
def test_losses_by_name(name, n_classes, members):
    number = name in losses_for("numbers")
    loss = make_loss(name, n_classes=None if number else n_classes)
    shape = (16,) if members is None else (16, members)
    if not number and n_classes > 2:
        shape = (*shape, n_classes)
    scores = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    scores.requires_grad_()
    target = torch.arange(16) % n_classes
    before = scores.detach().clone()
    for weight in (None, torch.linspace(0, 1, 16)):
        noise = {"generator": None} if name == "ensloss" else {}
        if noise:
            noise = {"noise": torch.randn(loss.noise_shape(shape))}
        value = loss(scores, target, weight, **noise)
        assert value.shape == ()
        (gradient,) = torch.autograd.grad(value, scores)
        assert torch.isfinite(gradient).all()
        assert (gradient != 0).any()
    assert torch.equal(before, scores.detach())
    assert loss.link in ("logit", "symlog", "identity")
    assert (loss.link == "identity") == number
    twin = pickle.loads(pickle.dumps(copy.deepcopy(loss)))
    assert type(twin) is type(loss)


def test_names_and_problems():
    with pytest.raises(ValueError, match=r"loss='huber' is no loss for classification"):
        make_loss("huber", n_classes=2)
    with pytest.raises(ValueError, match=r"loss='log_loss' is no loss for regression"):
        make_loss("log_loss")
    with pytest.raises(ValueError, match=r"has \['p'\], which 'gce' does not"):
        make_loss("gce", n_classes=2, params={"p": 1})
    with pytest.raises(ValueError, match="cannot be used with the finished loss"):
        make_loss(LogLoss(), n_classes=2, params={"label_smoothing": 0.1})
    assert make_loss("hinge", n_classes=3, multiclass="ovr").multiclass == "ovr"
    assert make_loss("aldr", n_classes=3).adaptive
    assert make_loss("ldr", n_classes=2).normalize is None
    assert make_loss("ldr", n_classes=2, n_outputs=2).normalize == "l1"
    assert make_loss("gce", n_classes=3, params={"q": 0.2}).q == 0.2
    mine = LogLoss()
    assert make_loss(mine, n_classes=3).n_outputs == 3
    assert mine.n_outputs is None
    assert make_loss(SquaredErrorLoss).n_outputs == 1


def test_criteria_of_torch_get_weights_and_members():
    scores, target = batch(16)
    scores, weight = scores.float(), torch.linspace(0, 1, 16)
    members = torch.stack([scores, -scores], 1)
    theirs = make_loss(nn.CrossEntropyLoss(label_smoothing=0.1), n_classes=4)
    ours = make_loss("log_loss", n_classes=4, params={"label_smoothing": 0.1})
    for f in (scores, members):
        for w in (None, weight):
            torch.testing.assert_close(theirs(f, target, w), ours(f, target, w))
    theirs = make_loss(nn.BCEWithLogitsLoss(), n_classes=2)
    ours, f, binary = make_loss("log_loss", n_classes=2), scores[:, 0], target % 2
    torch.testing.assert_close(theirs(f, binary, weight), ours(f, binary, weight))
    theirs = make_loss(nn.SmoothL1Loss)
    ours = make_loss("huber")
    torch.testing.assert_close(theirs(f, f + 1, weight), ours(f, f + 1, weight))
    # Class weights of the module keep their meaning without weights of rows.
    module = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]))
    adopted = make_loss(module, n_classes=4)
    torch.testing.assert_close(adopted(scores, target), module(scores, target))


@pytest.mark.parametrize("name", ["log_hinge", "log_loss", "gce", "aldr", "reweighted"])
def test_one_graph_when_compiled(name):
    scores, target = batch(12)
    weight = torch.linspace(0, 1, 12)
    loss = (
        LossReweighting(LogLoss(), scale="rank")
        if name == "reweighted"
        else make_loss(name, n_classes=4)
    )
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    torch.testing.assert_close(
        compiled(scores, target, weight), loss(scores, target, weight)
    )


def test_representations():
    assert repr(LogLoss()) == "LogLoss()"
    assert repr(LDRLoss(2.0, True)) == "LDRLoss(lam=2.0, adaptive=True)"
    assert repr(SoftOrdinalLoss(4, 2.0)) == "SoftOrdinalLoss(n_classes=4, alpha=2.0)"
    assert "warmup=0.2" in repr(LossReweighting(LogLoss(), warmup=0.2))
