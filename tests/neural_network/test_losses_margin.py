"""Margin losses and cross-entropies against formulas, peers and repetition."""

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from skext.neural_network import (  # noqa: E402
    AbsoluteErrorLoss,
    ExponentialLoss,
    GeneralizedCrossEntropy,
    HingeLoss,
    HuberLoss,
    LDRLoss,
    LogHingeLoss,
    LogLoss,
    PinballLoss,
    SoftOrdinalLoss,
    SquaredErrorLoss,
)
from skext.neural_network._losses.margin import log_hinge, log_hinge_tangent  # noqa: E402

BINARY = {
    "log_hinge": LogHingeLoss(),
    "log2": LogHingeLoss(tail="log2"),
    "hinge": HingeLoss(),
    "exponential": ExponentialLoss(),
    "bounded": ExponentialLoss(max_slope=3.0),
    "log_loss": LogLoss(),
    "smooth": LogLoss(0.2),
    "gce": GeneralizedCrossEntropy(),
    "ldr": LDRLoss(1.0, normalize=None),
    "aldr": LDRLoss(1.0, True, normalize=None, n_fixed_point=99),
    "soft_ordinal": SoftOrdinalLoss(2),
}
SEVERAL = {
    "log_hinge": LogHingeLoss(),
    "log_hinge_ovr": LogHingeLoss("ovr"),
    "hinge": HingeLoss(),
    "hinge_ovr": HingeLoss("ovr"),
    "exponential": ExponentialLoss(),
    "log_loss": LogLoss(),
    "smooth": LogLoss(0.2),
    "gce": GeneralizedCrossEntropy(),
    "ldr": LDRLoss(),
    "ldr_softplus": LDRLoss(normalize="softplus"),
    "aldr": LDRLoss(1.0, True, n_fixed_point=99),
    "soft_ordinal": SoftOrdinalLoss(4),
}
NUMBERS = {
    "squared": SquaredErrorLoss(),
    "absolute": AbsoluteErrorLoss(),
    "huber": HuberLoss(0.7),
    "pinball": PinballLoss(0.8),
}
EVERY = (
    [pytest.param(loss, 2, id=f"{name}-2") for name, loss in BINARY.items()]
    + [pytest.param(loss, 4, id=f"{name}-4") for name, loss in SEVERAL.items()]
    + [pytest.param(loss, None, id=name) for name, loss in NUMBERS.items()]
)


@pytest.fixture(autouse=True)
def reset():
    """Leave shared criteria as they were."""
    losses = [*BINARY.values(), *SEVERAL.values(), *NUMBERS.values()]
    yield
    for loss in losses:
        loss.reduction, loss.ensemble_dim, loss.n_outputs = "mean", None, None


def batch(n_classes, n=30, members=None, seed=0):
    draw = torch.Generator().manual_seed(seed)
    shape = (n,) if members is None else (n, members)
    if n_classes is None:
        target = torch.randn(n, generator=draw, dtype=torch.float64)
    else:
        target = torch.randint(0, n_classes, (n,), generator=draw)
    if n_classes is not None and n_classes > 2:
        shape = (*shape, n_classes)
    scores = 2.0 * torch.randn(shape, generator=draw, dtype=torch.float64)
    return scores, target


@pytest.mark.parametrize(("loss", "n_classes"), EVERY)
def test_weights_are_repetition(loss, n_classes):
    scores, target = batch(n_classes)
    weight = torch.tensor(np.random.default_rng(0).integers(0, 4, 30))
    again = scores.repeat_interleave(weight, 0), target.repeat_interleave(weight)
    for reduction in ("mean", "sum"):
        loss.reduction = reduction
        scores.requires_grad_()
        weighted, repeated = loss(scores, target, weight), loss(*again)
        torch.testing.assert_close(weighted, repeated, rtol=1e-12, atol=1e-12)
        # Gradients of rows as well, which the chain rule through the repetition sums.
        copied = scores.detach().clone().requires_grad_()
        (a,) = torch.autograd.grad(weighted, scores)
        (b,) = torch.autograd.grad(
            loss(copied.repeat_interleave(weight, 0), again[1]), copied
        )
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)
    assert loss(scores, target, torch.zeros(30)).item() == 0.0


@pytest.mark.parametrize(("loss", "n_classes"), EVERY)
def test_reductions_and_members(loss, n_classes):
    scores, target = batch(n_classes, members=3)
    weight = torch.rand(30, generator=torch.Generator().manual_seed(1)).double()

    def value(f, w, reduction, members):
        loss.reduction, loss.ensemble_dim = reduction, 1 if members else None
        return loss(f, target, w)

    for w in (None, weight):
        rows = value(scores, w, "none", True)
        assert rows.shape == (30, 3)
        for j in range(3):
            alone = value(scores[:, j], w, "none", False)
            torch.testing.assert_close(rows[:, j], alone, rtol=1e-12, atol=1e-12)
        total = value(scores, w, "sum", True)
        torch.testing.assert_close(total, rows.sum() / 3)
        mean = value(scores, w, "mean", True)
        torch.testing.assert_close(mean, total / (30 if w is None else w.sum()))
    # With known outputs the number of axes tells whether there are members.
    loss.ensemble_dim, loss.reduction = None, "mean"
    loss.n_outputs = n_classes if n_classes is not None and n_classes > 2 else 1
    torch.testing.assert_close(loss(scores, target), value(scores, None, "mean", True))
    loss.ensemble_dim = 1
    torch.testing.assert_close(
        loss(scores[:, 0], target), value(scores[:, 0], None, "mean", False)
    )


@pytest.mark.parametrize(("loss", "n_classes"), EVERY)
def test_gradcheck(loss, n_classes):
    scores, target = batch(n_classes, n=8)
    assert torch.autograd.gradcheck(
        lambda f: loss(f, target), scores.requires_grad_(), eps=1e-7
    )


@pytest.mark.parametrize(("loss", "n_classes"), EVERY)
def test_precision_and_devices(loss, n_classes):
    scores, target = batch(n_classes)
    double = loss(scores, target)
    assert double.dtype == torch.float64
    single = loss(scores.float(), target)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)
    half = loss(scores.bfloat16(), target)
    assert half.dtype == torch.float32
    wanted = loss(scores.bfloat16().float(), target)
    assert torch.equal(half, wanted)


def test_values_at_margins():
    s = torch.tensor([-2.0, 0.0, 0.5, 1.0, math.e, 50.0], dtype=torch.float64)
    ones = torch.ones(6)

    def value(loss):
        loss.reduction = "none"
        return loss(s, ones)

    beyond = s.clamp_min(1.0)
    wanted = torch.where(s <= 1, 1 - s, -torch.log(beyond))
    torch.testing.assert_close(value(LogHingeLoss()), wanted)
    wanted = torch.where(s <= 1, 1 - s, 1 / (1 + torch.log(beyond)) - 1)
    torch.testing.assert_close(value(LogHingeLoss(tail="log2")), wanted)
    torch.testing.assert_close(value(LogHingeLoss(tail=None)), 1 - s)
    torch.testing.assert_close(value(HingeLoss()), (1 - s).clamp_min(0))
    torch.testing.assert_close(value(ExponentialLoss()), torch.exp(-s))
    wanted = torch.where(s > -math.log(3.0), torch.exp(-s), 3 - 3 * (s + math.log(3.0)))
    torch.testing.assert_close(value(ExponentialLoss(max_slope=3.0)), wanted)
    for loss in (LogHingeLoss(), HingeLoss(), ExponentialLoss(), LogLoss()):
        # Class 0 is the mirror image.
        loss.reduction = "none"
        torch.testing.assert_close(loss(-s, 0 * ones), loss(s, ones))


@pytest.mark.parametrize("tail", ["log", "log2", None])
def test_log_hinge_is_smooth_convex_and_decreasing(tail):
    s = torch.linspace(-3, 20, 4001, dtype=torch.float64, requires_grad=True)
    value = log_hinge(s, tail)
    (slope,) = torch.autograd.grad(value.sum(), s)
    assert (slope < 0).all()
    assert (slope.diff() >= -1e-15).all()
    found, intercept = log_hinge_tangent(s.detach(), tail)
    torch.testing.assert_close(-found, slope, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(
        intercept - found * s.detach(), value.detach(), rtol=1e-13, atol=1e-13
    )
    at_one = torch.tensor([1 - 1e-9, 1 + 1e-9], dtype=torch.float64)
    torch.testing.assert_close(*log_hinge_tangent(at_one, tail)[0], rtol=0, atol=1e-8)


def test_pairwise_and_ovr_sums():
    scores, target = batch(4, n=12)
    for cls, phi in (
        (HingeLoss, lambda s: max(1 - s, 0.0)),
        (ExponentialLoss, lambda s: math.exp(-s)),
        (LogHingeLoss, lambda s: 1 - s if s <= 1 else -math.log(s)),
    ):
        pairwise = cls(reduction="none")(scores, target)
        against_rest = cls("ovr", reduction="none")(scores, target)
        for i, (row, y) in enumerate(
            zip(scores.tolist(), target.tolist(), strict=True)
        ):
            wanted = sum(phi(row[y] - row[c]) for c in range(4) if c != y)
            assert float(pairwise[i]) == pytest.approx(wanted, rel=1e-12)
            wanted = sum(phi(row[c] if c == y else -row[c]) for c in range(4))
            assert float(against_rest[i]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("smooth", [0.0, 0.15])
def test_log_loss_is_that_of_torch(n_classes, smooth):
    scores, target = batch(n_classes, n=40, seed=3)
    found = LogLoss(smooth)(scores, target)
    if n_classes == 2:
        soft = target.double() * (1 - smooth) + smooth / 2
        wanted = functional.binary_cross_entropy_with_logits(scores, soft)
    else:
        wanted = functional.cross_entropy(scores, target, label_smoothing=smooth)
    torch.testing.assert_close(found, wanted)
    huge = LogLoss()(torch.tensor([-1e4, 1e4]), torch.tensor([1, 1]))
    assert float(huge) == 5e3


def test_generalized_cross_entropy_limits():
    for n_classes in (2, 4):
        scores, target = batch(n_classes)
        gce = {q: GeneralizedCrossEntropy(q)(scores, target) for q in (0, 1e-9, 0.7, 1)}
        torch.testing.assert_close(gce[0], LogLoss()(scores, target))
        torch.testing.assert_close(gce[1e-9], gce[0], rtol=1e-7, atol=0.0)
        columns = scores if n_classes > 2 else torch.stack([0 * scores, scores], 1)
        p = columns.softmax(1).gather(1, target[:, None])
        torch.testing.assert_close(gce[1], (1 - p).mean())
        torch.testing.assert_close(gce[0.7], ((1 - p**0.7) / 0.7).mean())


@pytest.mark.parametrize(
    ("loss", "tolerance"),
    [
        (GeneralizedCrossEntropy(0.5, reduction="sum"), 1e-4),
        (ExponentialLoss(reduction="sum"), 1e-4),
        (LogLoss(reduction="sum"), 1e-4),
        (LDRLoss(2.0, margin=0.0, normalize=None, reduction="sum"), 1e-4),
    ],
    ids=["gce", "exponential", "log_loss", "ldr"],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_link_scale_recovers_probabilities(loss, tolerance, n_classes):
    """Scores that are optimal for given probabilities give them back."""
    p = torch.tensor([[0.3, 0.7], [0.2, 0.5]][n_classes - 2], dtype=torch.float64)
    p = p if n_classes == 2 else torch.cat([p, 1 - p.sum()[None]])
    size = 1 if n_classes == 2 else n_classes
    f = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    step = torch.optim.LBFGS([f], lr=1, max_iter=300, line_search_fn="strong_wolfe")
    step.param_groups[0].update(tolerance_grad=1e-10, tolerance_change=1e-14)

    def closure():
        step.zero_grad()
        scores = f.expand(n_classes, -1)
        scores = scores.squeeze(-1) if n_classes == 2 else scores
        value = loss(scores, torch.arange(n_classes), p)
        value.backward()
        return value

    step.step(closure)
    logits = f.detach() * loss.link_scale
    logits = torch.cat([0 * logits, logits]) if n_classes == 2 else logits
    torch.testing.assert_close(logits.softmax(0), p, rtol=0, atol=tolerance)


def test_pairwise_log_hinge_orders_classes_by_probability():
    rng = np.random.default_rng(0)
    for _ in range(5):
        p = torch.tensor(rng.dirichlet(np.ones(4)))
        f = torch.zeros(4, dtype=torch.float64, requires_grad=True)
        step = torch.optim.LBFGS([f], max_iter=200, line_search_fn="strong_wolfe")

        def closure(f=f, p=p, step=step):
            step.zero_grad()
            value = LogHingeLoss()(f.expand(4, -1), torch.arange(4), p)
            value.backward()
            return value

        step.step(closure)
        assert torch.equal(f.detach().argsort(), p.argsort())


def test_regression_formulas():
    scores, target = batch(None)
    r = target - scores
    for loss, wanted in (
        (SquaredErrorLoss(), functional.mse_loss(scores, target)),
        (AbsoluteErrorLoss(), functional.l1_loss(scores, target)),
        (HuberLoss(0.7), functional.huber_loss(scores, target, delta=0.7)),
        (PinballLoss(0.8), torch.where(r > 0, 0.8 * r, -0.2 * r).mean()),
    ):
        torch.testing.assert_close(loss(scores, target), wanted)
        torch.testing.assert_close(loss(scores[:, None], target[:, None]), wanted)
        assert loss.link == "identity"


def test_pinball_is_minimal_at_the_quantile():
    y = torch.tensor(np.random.default_rng(0).normal(size=99))
    grid = torch.linspace(-3, 3, 1201, dtype=torch.float64)
    # Levels whose minimum is a single observation.
    for level in (0.1, 0.5, 0.9):
        values = [float(PinballLoss(level)(g.expand(99), y)) for g in grid]
        best = float(grid[int(np.argmin(values))])
        assert best == pytest.approx(
            np.quantile(y.numpy(), level, method="inverted_cdf"), abs=0.005
        )


def test_several_outputs_are_averaged():
    draw = torch.Generator().manual_seed(0)
    scores, target = torch.randn(2, 10, 3, generator=draw)
    found = SquaredErrorLoss()(scores, target)
    torch.testing.assert_close(found, functional.mse_loss(scores, target))
    members = torch.stack([scores, target], 1)
    found = SquaredErrorLoss(ensemble_dim=1)(members, target)
    torch.testing.assert_close(found, 0.5 * functional.mse_loss(scores, target))
    with pytest.raises(ValueError, match="a column for each of the 3"):
        SquaredErrorLoss()(scores, target[:, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogLoss(1.5), "label_smoothing=1.5 must be between 0 and 1"),
        (lambda: GeneralizedCrossEntropy(-0.1), "q=.* must be between 0 and 1"),
        (lambda: ExponentialLoss(max_slope=0.5), "max_slope=.* must be at least 1"),
        (lambda: HuberLoss(0.0), "delta=.* must be positive"),
        (lambda: PinballLoss(1.0), "quantile=.* must be between 0 and 1"),
        (lambda: HingeLoss("crammer"), "multiclass=.* is unknown; choose one of"),
        (lambda: LogHingeLoss(tail="x"), "tail=.* is unknown; choose one of"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_two_columns_are_one_score():
    scores, target = batch(2)
    columns = torch.stack([torch.zeros_like(scores), scores], 1)
    for name, loss in BINARY.items():
        if name in ("ldr", "aldr", "smooth"):
            continue
        torch.testing.assert_close(loss(columns, target), loss(scores, target))
    for smooth, lam in itertools.product((0.0, 0.2), (0.5, 2.0)):
        loss = LogLoss(smooth)
        torch.testing.assert_close(loss(columns, target), loss(scores, target))
        loss = LDRLoss(lam, normalize=None)
        torch.testing.assert_close(loss(columns, target), loss(scores, target))
