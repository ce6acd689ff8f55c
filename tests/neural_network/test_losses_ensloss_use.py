"""EnsLoss in training: modes, precision, compilation, copies, convex limit."""

import copy
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize

torch = pytest.importorskip("torch")

from skext.neural_network import EnsLoss, LogHingeLoss  # noqa: E402
from skext.neural_network._losses.ensloss import ensloss_derivatives  # noqa: E402
from skext.neural_network._registry.losses import make_loss  # noqa: E402


def batch(seed=0, n=64, shape=(), dtype=torch.float32):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, *shape, generator=draw).to(dtype) * 2
    n_classes = shape[-1] if shape else 2
    return scores, torch.randint(0, n_classes, (n,), generator=draw)


@pytest.mark.parametrize("tail", ["log", "log2", None])
def test_evaluation_is_the_log_hinge(tail):
    weight = torch.rand(64, generator=torch.Generator().manual_seed(1))
    for shape in ((), (4,)):
        scores, target = batch(shape=shape)
        loss = EnsLoss(tail=tail).eval()
        plain = LogHingeLoss(tail=tail)
        for w in (None, weight):
            assert torch.equal(loss(scores, target, w), plain(scores, target, w))


@pytest.mark.parametrize("spectrum", ["random", "expected"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_computes_in_float32(spectrum, dtype):
    scores, target = batch(dtype=dtype)
    noise = torch.randn(64, generator=torch.Generator().manual_seed(2))
    loss = EnsLoss(spectrum=spectrum)
    half = scores.clone().requires_grad_()
    full = scores.float().requires_grad_()
    a, b = loss(half, target, noise=noise), loss(full, target, noise=noise)
    assert a.dtype == torch.float32
    assert torch.equal(a, b)
    a.backward()
    b.backward()
    assert half.grad.dtype == dtype
    assert torch.equal(half.grad, full.grad.to(dtype))


def test_autocast():
    scores, target = batch(n=32)
    weight = torch.ones(1, requires_grad=True)
    loss = EnsLoss()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = torch.nn.functional.linear(scores[:, None], weight[:, None])
        assert logits.dtype == torch.bfloat16
        value = loss(logits, target)
    assert value.dtype == torch.float32
    value.backward()
    assert torch.isfinite(weight.grad).all()


@pytest.mark.parametrize(
    ("n_classes", "params"),
    [
        (2, {}),
        (3, {"boxcox_lambda": -0.5, "tail": "log2"}),
        (2, {"spectrum": "expected"}),
        (3, {"spectrum": "expected", "boxcox_lambda": 0.5}),
    ],
)
def test_one_graph_when_compiled(n_classes, params):
    scores, target = batch(n=12, shape=() if n_classes == 2 else (3,))
    scores.requires_grad_()
    weight = torch.rand(12, generator=torch.Generator().manual_seed(0))
    loss = make_loss("ensloss", n_classes=n_classes, params=params)
    noise = torch.randn(
        loss.noise_shape(scores.shape), generator=torch.Generator().manual_seed(0)
    )
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    for w in (None, weight):
        a, b = (f(scores, target, w, noise=noise) for f in (loss, compiled))
        torch.testing.assert_close(a, b)
        (ga,), (gb,) = (torch.autograd.grad(v, scores) for v in (a, b))
        torch.testing.assert_close(ga, gb)


def test_one_graph_with_its_own_draws():
    scores, target = batch(n=12)
    loss = EnsLoss()
    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    values = []
    for f in (loss, compiled):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            values.append(f(scores, target))
    assert torch.equal(*values)


def test_sorted_noise_saves_a_sort():
    scores, target = batch()
    noise = torch.randn(64, generator=torch.Generator().manual_seed(3))
    ordered = noise.sort(descending=True).values
    loss = EnsLoss()
    kept = ordered.clone()
    a = loss(scores, target, noise=noise)
    b = loss(scores, target, noise=ordered, noise_is_sorted=True)
    assert torch.equal(a, b)
    assert torch.equal(ordered, kept)


def test_generator_and_default_stream():
    scores, target = batch()
    values = [
        EnsLoss(generator=torch.Generator().manual_seed(5))(scores, target)
        for _ in range(2)
    ]
    assert torch.equal(*values)
    before = torch.random.get_rng_state()
    EnsLoss(generator=torch.Generator().manual_seed(5))(scores, target)
    EnsLoss(spectrum="expected")(scores, target)
    EnsLoss().eval()(scores, target)
    assert torch.equal(before, torch.random.get_rng_state())
    loss = EnsLoss(generator=torch.Generator().manual_seed(5))
    assert not torch.equal(loss(scores, target), loss(scores, target))


@pytest.mark.parametrize(
    "loss",
    [
        EnsLoss(0.3, clip=2.0, tail="log2"),
        EnsLoss(0.3, spectrum="expected"),
        EnsLoss(generator=torch.Generator().manual_seed(0)),
    ],
    ids=["random", "expected", "generator"],
)
def test_copies_and_pickles(loss):
    scores, target = batch()
    noise = torch.randn(64, generator=torch.Generator().manual_seed(0))
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin.lambda_ == loss.lambda_
        a, b = loss(scores, target, noise=noise), twin(scores, target, noise=noise)
        assert torch.equal(a, b)
    assert not loss.state_dict()


def test_lambda_can_be_set():
    scores, target = batch()
    noise = torch.randn(64, generator=torch.Generator().manual_seed(0))
    for spectrum in ("random", "expected"):
        loss = EnsLoss(spectrum=spectrum)
        first = loss(scores, target, noise=noise)
        loss.lambda_ = -0.7
        wanted = EnsLoss(-0.7, spectrum=spectrum)(scores, target, noise=noise)
        assert torch.equal(loss(scores, target, noise=noise), wanted)
        assert not torch.equal(first, wanted)
        assert "boxcox_lambda=-0.7" in repr(loss)


def test_kinds_of_input():
    margins = np.array([0.5, -1.0, 2.0])
    margins.setflags(write=False)
    noise = np.array([0.1, -0.2, 1.0])
    array = ensloss_derivatives(margins, noise=noise)
    assert isinstance(array, np.ndarray)
    tensor = ensloss_derivatives(torch.tensor(margins), noise=torch.tensor(noise))
    np.testing.assert_array_equal(array, tensor.numpy())
    whole = ensloss_derivatives(np.array([1, -1, 2]), noise=noise)
    assert whole.dtype == np.float64
    weight = np.array([2.0, 0.0, 1.0])
    weighted = ensloss_derivatives(margins, noise=noise, sample_weight=weight)
    assert weighted[1] == 0
    np.testing.assert_allclose(weighted[[0, 2]], [-2.0, -0.5], 1e-5)
    repeated = ensloss_derivatives(
        margins, spectrum="expected", sample_weight=weight, floor=0.0
    )
    apart = ensloss_derivatives(margins[[0, 0, 2]], spectrum="expected", floor=0.0)
    np.testing.assert_allclose(repeated[0], apart[:2].sum())
    np.testing.assert_allclose(repeated[2], apart[2])
    # Targets of any dtype, a column of scores, no weight at all.
    scores, target = batch()
    z = torch.zeros(64)
    wanted = EnsLoss()(scores, target, noise=z)
    for kind in (torch.int32, torch.float64, torch.bool):
        found = EnsLoss()(scores[:, None], target.to(kind), noise=z)
        assert torch.equal(found, wanted)
    assert float(EnsLoss()(scores, target, torch.zeros(64))) == 0.0
    assert float(EnsLoss(spectrum="expected")(scores, target, torch.zeros(64))) == 0.0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tail": "exp"}, r"tail='exp' is unknown; choose one of"),
        ({"spectrum": "mean"}, r"spectrum=.* is unknown; choose one of"),
        ({"multiclass": "max"}, r"multiclass=.* is unknown; choose one of"),
        ({"reduction": "avg"}, r"reduction=.* is unknown; choose one of"),
        ({"ensemble_dim": 2}, r"ensemble_dim=.* is unknown; choose one of"),
        ({"clip": 0.0}, r"clip=0.0 must be positive and finite or None"),
        (
            {"clip": None, "boxcox_lambda": -1.0},
            r"boxcox_lambda=.* must not be negative",
        ),
        ({"boxcox_lambda": np.inf}, r"boxcox_lambda=.* must be finite"),
        ({"floor": -1.0}, r"floor=.* must be finite and not negative"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        EnsLoss(**params)


def test_without_a_bound_magnitudes_are_log_normal():
    noise = np.array([2.0, -1.0, 0.5])
    found = ensloss_derivatives(np.zeros(3), clip=None, noise=noise, floor=0.0)
    np.testing.assert_allclose(found, -np.exp([2.0, 0.5, -1.0]))
    mean = EnsLoss(clip=None, spectrum="expected", floor=0.0).primitive(
        torch.ones(1, dtype=torch.float64)
    )
    assert float(mean) == pytest.approx(np.exp(0.5), abs=1e-12)


def test_convex_limit():
    """The optimum of a linear model agrees with a smooth program for sums of CVaR.

    sum_k (r_k - r_(k+1)) (k t_k + sum_i (psi_i - t_k)_+), minimised over the t_k, is
    the spectral risk; positive parts become slack variables.
    """
    rng = np.random.default_rng(0)
    n, d, ridge = 10, 2, 1e-2
    X = rng.normal(size=(n, d))
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(float)
    sign = 2.0 * y - 1.0
    features, target = torch.tensor(X), torch.tensor(y)
    loss = EnsLoss(spectrum="expected", floor=0.0)

    def risk(w):
        w = torch.tensor(w, requires_grad=True)
        value = loss(features @ w, target) + 0.5 * ridge * w.square().sum()
        value.backward()
        return float(value.detach()), w.grad.numpy()

    weights = loss.primitive.steps(n, torch.device("cpu")).numpy() / n
    drops = weights - np.append(weights[1:], 0.0)
    ranks = np.flatnonzero(drops > 1e-12) + 1
    drops = drops[ranks - 1]
    m = len(ranks)

    def split(v):
        return v[:d], v[d : d + m], v[d + m :].reshape(m, n)

    def objective(v):
        w, t, slack = split(v)
        value = drops @ (ranks * t + slack.sum(1)) + 0.5 * ridge * w @ w
        return value, np.concatenate([ridge * w, drops * ranks, np.repeat(drops, n)])

    def psi(w):
        s = sign * (X @ w)
        q = np.maximum(s, 1.0)
        return q - s - np.log(q), -(sign / q)[:, None] * X

    def gap(v):
        w, t, slack = split(v)
        return (slack + t[:, None] - psi(w)[0]).ravel()

    slope_of_t = np.repeat(np.eye(m), n, axis=0)

    def gap_slope(v):
        by_weight = np.tile(-psi(split(v)[0])[1], (m, 1))
        return np.hstack([by_weight, slope_of_t, np.eye(m * n)])

    start = np.concatenate([np.zeros(d), np.ones(m), np.zeros(m * n)])
    result = minimize(
        objective,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(None, None)] * (d + m) + [(0.0, None)] * (m * n),
        constraints={"type": "ineq", "fun": gap, "jac": gap_slope},
        options={"maxiter": 300, "ftol": 1e-12},
    )
    assert result.success
    best = result.x[:d]
    assert risk(best)[0] == pytest.approx(result.fun, rel=1e-6)
    # Nobody finds a lower value, and a search from elsewhere finds the same.
    for seed in range(3):
        found = minimize(
            lambda w: risk(w)[0],
            np.random.default_rng(seed).normal(size=d),
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000},
        )
        assert found.fun == pytest.approx(result.fun, rel=1e-6)


def test_separable_rows_are_learnt():
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(200, 2, generator=draw)
    side = X[:, 0] - 0.5 * X[:, 1]
    X, target = X[side.abs() > 0.2], (side[side.abs() > 0.2] > 0).long()
    w = torch.zeros(2, requires_grad=True)
    loss = EnsLoss(generator=draw)
    step = torch.optim.SGD([w], lr=0.3)
    for _ in range(300):
        step.zero_grad()
        loss(X @ w, target).backward()
        step.step()
    assert ((X @ w > 0).long() == target).all()


def test_labels_of_noise_teach_nothing():
    draw = torch.Generator().manual_seed(0)
    X = torch.randn(2400, 10, generator=draw)
    target = torch.randint(0, 2, (2400,), generator=draw)
    w = torch.zeros(10, requires_grad=True)
    loss = EnsLoss(generator=draw)
    step = torch.optim.SGD([w], lr=0.1)
    for _ in range(100):
        step.zero_grad()
        loss(X[:400] @ w, target[:400]).backward()
        step.step()
    accuracy = ((X[400:] @ w > 0).long() == target[400:]).float().mean()
    assert abs(accuracy.item() - 0.5) < 3 * 0.5 / np.sqrt(2000)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("lam", [0.0, 0.5])
@pytest.mark.parametrize("spectrum", ["random", "expected"])
def test_gpu_agrees_with_the_cpu(spectrum, lam):
    scores, target = batch(n=500, dtype=torch.float64)
    weight = torch.rand(500, generator=torch.Generator().manual_seed(0)).double()
    noise = torch.randn(500, generator=torch.Generator().manual_seed(1)).double()
    here, there = EnsLoss(spectrum=spectrum), EnsLoss(spectrum=spectrum).cuda()
    here.lambda_ = there.lambda_ = lam
    for w in (None, weight):
        wanted = here(scores, target, w, noise=noise)
        far = w if w is None else w.cuda()
        found = there(scores.cuda(), target.cuda(), far, noise=noise.cuda())
        torch.testing.assert_close(found.cpu(), wanted, rtol=1e-12, atol=1e-12)
