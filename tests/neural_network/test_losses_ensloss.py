"""The random spectral risk against its definition, brute force and closed forms."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

torch = pytest.importorskip("torch")

from skext.neural_network import EnsLoss, LogHingeLoss  # noqa: E402
from skext.neural_network._losses.ensloss import ensloss_derivatives  # noqa: E402
from skext.neural_network._losses.margin import log_hinge  # noqa: E402
from skext.neural_network._losses.spectrum import ExpectedSpectrum, inverse_box_cox  # noqa: E402

LAMBDAS = (-1.0, -0.5, -1e-3, 0.0, 1e-5, 0.3, 1.0)


def batch(seed, n, scale=2.0, dtype=torch.float64, shape=()):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, *shape, generator=draw, dtype=dtype) * scale
    noise = torch.randn(n, *shape, generator=draw, dtype=dtype)
    target = torch.randint(0, 2, (n,), generator=draw)
    return scores, target, noise


def numpy_derivatives(margins, noise, lam, floor=1e-6):
    """The steps of the paper, one by one, with the floor before the tail."""
    if lam == 0:
        u = np.exp(noise)
    else:
        base = 1.0 + lam * noise
        with np.errstate(divide="ignore"):
            u = np.maximum(base, 0.0) ** (1.0 / lam)
    r = np.sort(np.minimum(u, 1.0))[::-1] + floor
    g = np.empty_like(r)
    g[np.argsort(margins, kind="stable")] = -r
    return np.where(margins > 1.0, g / np.maximum(margins, 1.0), g)


@pytest.mark.parametrize("tail", ["log", "log2"])
@pytest.mark.parametrize("spectrum", ["random", "expected"])
def test_derivatives_belong_to_a_valid_loss(spectrum, tail):
    rng = np.random.default_rng(0)
    for trial in range(60):
        n, lam = rng.integers(1, 301), rng.uniform(-1, 1)
        margins = rng.normal(rng.normal(), 10.0 ** rng.uniform(-2, 3), n)
        found = ensloss_derivatives(
            margins,
            boxcox_lambda=lam,
            tail=tail,
            spectrum=spectrum,
            generator=torch.Generator().manual_seed(trial),
        )
        assert np.isfinite(found).all()
        assert (found < 0).all()
        ordered = found[np.argsort(margins, kind="stable")]
        # The expected spectrum is a difference of integrals, exact to rounding.
        assert np.diff(ordered).min(initial=0.0) >= -1e-11
        large = margins > 1
        assert (-found[large] <= 1 / margins[large] + 2e-6).all()


@pytest.mark.parametrize("lam", LAMBDAS)
def test_formula(lam):
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 128):
        margins, noise = rng.normal(0, 3, n), rng.normal(0, 1, n)
        wanted = numpy_derivatives(margins, noise, lam)
        found = ensloss_derivatives(margins, boxcox_lambda=lam, noise=noise)
        # The plain power of the oracle loses digits for a small lambda.
        accuracy = 1e-15 if abs(lam) > 0.1 or lam == 0 else 1e-10
        np.testing.assert_allclose(found, wanted, atol=accuracy, rtol=accuracy)
        single = ensloss_derivatives(
            margins.astype(np.float32), boxcox_lambda=lam, noise=noise
        )
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, wanted, atol=1e-6)


def test_small_lambda_keeps_digits_in_single_precision():
    noise = torch.linspace(-3, 3, 101, dtype=torch.float64)
    for lam in (1e-3, 1e-4, 1e-5, -1e-4):
        exact = torch.exp(torch.log1p(lam * noise) / lam)
        single = inverse_box_cox(noise.float(), lam)
        torch.testing.assert_close(single.double(), exact, rtol=3e-6, atol=0.0)


@pytest.mark.parametrize("lam", [-0.7, 0.0, 0.7])
@pytest.mark.parametrize("tail", ["log", "log2", None])
def test_gradient_of_the_sorted_sum(lam, tail):
    """Autograd of the spectral risk gives the assigned derivatives."""
    for seed in range(20):
        scores, target, noise = batch(seed, 1 + seed * 5)
        sign = 2.0 * target - 1.0
        scores.requires_grad_()
        magnitude = inverse_box_cox(noise, lam).clamp_max(1.0)
        r = magnitude.sort(descending=True).values
        psi = log_hinge(scores * sign, tail).sort(descending=True).values
        plain = (r * psi).mean()
        loss = EnsLoss(lam, tail=tail, floor=0.0)(scores, target, noise=noise)
        torch.testing.assert_close(loss, plain, rtol=1e-13, atol=1e-13)
        wanted, found = (torch.autograd.grad(v, scores)[0] for v in (plain, loss))
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)
        derivatives = ensloss_derivatives(
            (scores * sign).detach(),
            boxcox_lambda=lam,
            tail=tail,
            floor=0.0,
            noise=noise,
        )
        torch.testing.assert_close(
            found, derivatives * sign / len(scores), rtol=0, atol=1e-15
        )


def test_largest_over_all_permutations():
    for n in (1, 2, 4, 6):
        scores, target, noise = batch(n, n)
        loss = EnsLoss(floor=0.0)(scores, target, noise=noise)
        r = torch.exp(noise).clamp_max(1.0)
        psi = log_hinge(scores * (2.0 * target - 1.0))
        best = max(
            float((r[list(order)] * psi).mean())
            for order in itertools.permutations(range(n))
        )
        assert float(loss) == pytest.approx(best, abs=1e-14)


@pytest.mark.parametrize("spectrum", ["random", "expected"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("multiclass", [None, "pairwise", "ovr"])
@pytest.mark.parametrize("members", [False, True])
def test_gradcheck(spectrum, reduction, multiclass, members):
    shape = ((2,) if members else ()) + ((3,) if multiclass else ())
    scores, target, _ = batch(5, 6, shape=shape)
    weight = torch.tensor([1.0, 2.0, 0.0, 1.0, 0.5, 3.0], dtype=torch.float64)
    loss = EnsLoss(
        spectrum=spectrum,
        reduction=reduction,
        multiclass=multiclass or "pairwise",
        ensemble_dim=1 if members else None,
    )
    noise = torch.randn(
        loss.noise_shape(scores.shape), generator=torch.Generator().manual_seed(1)
    ).double()
    scores.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: loss(f, target, weight, noise=noise), scores, eps=1e-7
    )


def test_degenerate_noise():
    scores, target, noise = batch(2, 40)
    ones = torch.zeros_like(noise)
    plain = LogHingeLoss()(scores, target)
    found = EnsLoss(floor=0.0)(scores, target, noise=ones)
    torch.testing.assert_close(found, plain, rtol=1e-14, atol=1e-14)
    # A tiny bound, rescaled: the same weight for all.
    found = EnsLoss(clip=1e-9, floor=0.0)(scores, target, noise=noise) / 1e-9
    torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)
    # One row: its log-hinge times its magnitude.
    for score in (-2.0, 0.5, 3.0):
        one = torch.tensor([score], dtype=torch.float64)
        found = EnsLoss(floor=0.0)(one, torch.ones(1), noise=-torch.ones(1).double())
        torch.testing.assert_close(found, log_hinge(one)[0] * np.exp(-1.0))


def test_infinite_magnitudes_are_clipped():
    # 1 + lambda z is not positive.
    margins, noise = np.array([-1.0, 0.0, 0.5]), np.array([2.0, 1.5, -3.0])
    found = ensloss_derivatives(margins, boxcox_lambda=-1.0, noise=noise, floor=0.0)
    np.testing.assert_allclose(found, [-1.0, -1.0, -0.25])
    found = ensloss_derivatives(margins, boxcox_lambda=1.0, noise=noise, floor=0.0)
    np.testing.assert_allclose(found, [-1.0, -1.0, 0.0])


@pytest.mark.parametrize("lam", LAMBDAS)
@pytest.mark.parametrize("clip", [1.0, 0.3, 2.5])
def test_primitive_of_the_expected_spectrum(lam, clip):
    primitive = ExpectedSpectrum(lam, clip, 0.0)

    def density(z):
        base = np.maximum(1.0 + lam * z, 0.0)
        with np.errstate(divide="ignore"):
            u = np.exp(z) if lam == 0 else np.exp(np.log(base) / lam)
        return min(u, clip) * norm.pdf(z) if base > 0 or lam > 0 else clip * norm.pdf(z)

    edge = np.log(clip) if lam == 0 else (clip**lam - 1.0) / lam
    kinks = [edge] + ([-1.0 / lam] if lam > 0 else [])
    for t in (1e-3, 0.2, 0.5, 0.77, 0.95, 0.999, 1.0):
        low = max(norm.ppf(1.0 - t), -9.0)
        cuts = sorted({low, 9.0, *(k for k in kinks if low < k < 9.0)})
        wanted = sum(
            quad(density, a, b, epsabs=1e-13, limit=200)[0]
            for a, b in itertools.pairwise(cuts)
        )
        found = float(primitive(torch.tensor(t, dtype=torch.float64)))
        assert found == pytest.approx(
            wanted, abs=2e-9 if 0 < abs(lam) < 0.01 else 1e-11
        )


def test_mean_magnitudes():
    one = torch.ones(1, dtype=torch.float64)
    wanted = {-1.0: 0.808, -0.5: 0.788, 0.0: 0.7616, 0.5: 0.725, 1.0: 0.684}
    for lam, mean in wanted.items():
        assert float(ExpectedSpectrum(lam, 1.0, 0.0)(one)) == pytest.approx(
            mean, abs=6e-4
        )
    exact = 0.5 + np.exp(0.5) * norm.cdf(-1.0)
    assert exact == pytest.approx(0.76158, abs=5e-6)
    assert float(ExpectedSpectrum(0.0, 1.0, 0.0)(one)) == pytest.approx(
        exact, abs=1e-15
    )


@pytest.mark.parametrize("n", [50, 800])
def test_random_ranks_average_to_the_expected_spectrum(n):
    """Rank weights of finite batches tend to the expected spectrum."""
    n_draws = 4000
    margins = torch.linspace(-3, -1, n, dtype=torch.float64)
    noise = torch.randn(
        n, n_draws, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    random = ensloss_derivatives(
        margins[:, None].expand(-1, n_draws), noise=noise, floor=0.0
    )
    expected = ensloss_derivatives(margins, spectrum="expected", floor=0.0)
    error = random.mean(1) - expected
    # The median draw of a batch has the standard deviation 1.253 / sqrt(n), and the
    # bound of the magnitudes is there: on average it cuts off 0.5 / sqrt(n).
    assert float(error.abs().max()) < 0.52 / np.sqrt(n)
    # The mean over the ranks has no such bias.
    spread = random.mean(0).std() / np.sqrt(n_draws)
    assert abs(float(error.mean())) < 4.0 * float(spread)


@pytest.mark.parametrize("lam", [0.0, -0.5, 0.8])
@pytest.mark.parametrize("tail", ["log", "log2", None])
def test_expected_weights_are_repetition(lam, tail):
    for seed in range(10):
        scores, target, _ = batch(seed, 25)
        rng = np.random.default_rng(seed)
        weight = torch.tensor(rng.integers(0, 4, 25))
        scores.requires_grad_()
        loss = EnsLoss(lam, tail=tail, spectrum="expected")
        weighted = loss(scores, target, weight)
        repeated = loss(
            scores.repeat_interleave(weight), target.repeat_interleave(weight)
        )
        torch.testing.assert_close(weighted, repeated, rtol=1e-12, atol=1e-12)
        a, b = (torch.autograd.grad(v, scores)[0] for v in (weighted, repeated))
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_expected_weights_are_repetition_for_several_classes():
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(20, 4, generator=draw, dtype=torch.float64)
    target = torch.randint(0, 4, (20,), generator=draw)
    weight = torch.randint(0, 4, (20,), generator=draw)
    for multiclass in ("pairwise", "ovr"):
        loss = EnsLoss(spectrum="expected", multiclass=multiclass)
        weighted = loss(scores, target, weight)
        repeated = loss(
            scores.repeat_interleave(weight, 0), target.repeat_interleave(weight)
        )
        torch.testing.assert_close(weighted, repeated, rtol=1e-12, atol=1e-12)


def test_random_weights():
    """Rows without weight take no rank; others multiply the derivatives."""
    scores, target, noise = batch(8, 30)
    weight = torch.tensor(np.random.default_rng(0).integers(0, 3, 30)).double()
    keep = weight > 0
    for lam in (0.0, 0.9, -0.9):
        loss = EnsLoss(lam)
        f, g = scores.clone().requires_grad_(), scores[keep].clone().requires_grad_()
        whole = loss(f, target, weight, noise=noise)
        part = loss(g, target[keep], weight[keep], noise=noise[keep])
        torch.testing.assert_close(whole, part)
        (a,), (b,) = torch.autograd.grad(whole, f), torch.autograd.grad(part, g)
        torch.testing.assert_close(a[keep], b)
        assert (a[~keep] == 0).all()
        # The derivatives without weights, times w / sum(w).
        sign = 2.0 * target[keep] - 1.0
        plain = ensloss_derivatives(
            scores[keep] * sign, boxcox_lambda=lam, noise=noise[keep]
        )
        torch.testing.assert_close(
            b, plain * sign * weight[keep] / weight.sum(), rtol=1e-12, atol=1e-15
        )
    unit = EnsLoss()(scores, target, torch.ones(30), noise=noise)
    torch.testing.assert_close(unit, EnsLoss()(scores, target, noise=noise))


def test_two_columns_are_one_score():
    draw = torch.Generator().manual_seed(4)
    scores = torch.randn(50, 2, generator=draw, dtype=torch.float64)
    target = torch.randint(0, 2, (50,), generator=draw)
    noise = torch.randn(50, 1, generator=draw, dtype=torch.float64)
    weight = torch.rand(50, generator=draw, dtype=torch.float64)
    for spectrum, w in itertools.product(("random", "expected"), (None, weight)):
        loss = EnsLoss(spectrum=spectrum, reduction="none")
        a = loss(scores, target, w, noise=noise)
        b = loss(scores[:, 1] - scores[:, 0], target, w, noise=noise[:, 0])
        assert torch.equal(a, b)
    total = EnsLoss()(scores, target, noise=noise)
    single = EnsLoss()(scores[:, 1] - scores[:, 0], target, noise=noise[:, 0])
    torch.testing.assert_close(total, single, rtol=1e-14, atol=1e-14)


def test_invariances():
    scores, target, noise = batch(6, 33)
    order = torch.randperm(33, generator=torch.Generator().manual_seed(0))
    loss = EnsLoss()
    value = loss(scores, target, noise=noise)
    close = {"rtol": 1e-13, "atol": 1e-14}
    # Rows in another order; only the ranks of the noise matter.
    torch.testing.assert_close(
        loss(scores[order], target[order], noise=noise), value, **close
    )
    torch.testing.assert_close(loss(scores, target, noise=noise[order]), value, **close)
    torch.testing.assert_close(loss(-scores, 1 - target, noise=noise), value, **close)
    # Classes with other numbers.
    draw = torch.Generator().manual_seed(1)
    columns = torch.randn(20, 5, generator=draw, dtype=torch.float64)
    codes = torch.randint(0, 5, (20,), generator=draw)
    relabel = torch.randperm(5, generator=draw)
    renamed = torch.empty_like(columns)
    renamed[:, relabel] = columns
    for multiclass in ("pairwise", "ovr"):
        loss = EnsLoss(multiclass=multiclass)
        noise = torch.randn(loss.noise_shape((20, 5)), generator=draw).double()
        torch.testing.assert_close(
            loss(columns, codes, noise=noise),
            loss(renamed, relabel[codes], noise=noise),
            **close,
        )


def test_members_draw_on_their_own():
    scores, target, noise = batch(9, 40, shape=(3,))
    weight = torch.rand(40, generator=torch.Generator().manual_seed(0)).double()
    for spectrum, w in itertools.product(("random", "expected"), (None, weight)):
        together = EnsLoss(spectrum=spectrum, ensemble_dim=1, reduction="none")
        alone = EnsLoss(spectrum=spectrum, reduction="none")
        found = together(scores, target, w, noise=noise)
        for j in range(3):
            wanted = alone(scores[:, j], target, w, noise=noise[:, j])
            torch.testing.assert_close(found[:, j], wanted, rtol=1e-13, atol=1e-14)
        for reduction in ("mean", "sum"):
            together.reduction = alone.reduction = reduction
            wanted = sum(
                alone(scores[:, j], target, w, noise=noise[:, j]) for j in range(3)
            )
            torch.testing.assert_close(
                together(scores, target, w, noise=noise), wanted / 3
            )
    # Without given noise the columns differ.
    same = scores[:, :1].expand(-1, 3)
    together = EnsLoss(ensemble_dim=1, reduction="none")
    together.generator = torch.Generator().manual_seed(0)
    drawn = together(same, target).sum(0)
    assert len(set(drawn.tolist())) == 3


@pytest.mark.parametrize("multiclass", ["pairwise", "ovr"])
def test_members_of_several_classes(multiclass):
    draw = torch.Generator().manual_seed(2)
    scores = torch.randn(15, 2, 4, generator=draw, dtype=torch.float64)
    target = torch.randint(0, 4, (15,), generator=draw)
    loss = EnsLoss(multiclass=multiclass, ensemble_dim=1, reduction="none")
    noise = torch.randn(loss.noise_shape(scores.shape), generator=draw).double()
    found = loss(scores, target, noise=noise)
    assert found.shape == (15, 2)
    alone = EnsLoss(multiclass=multiclass, reduction="none")
    for j in range(2):
        wanted = alone(scores[:, j], target, noise=noise[:, j])
        torch.testing.assert_close(found[:, j], wanted, rtol=1e-13, atol=1e-14)
