"""Ghost normalisation, masks of the output layer and companders against oracles."""

import math

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from skext.neural_network._modules.compander import (  # noqa: E402
    Linear,
    WeightCompander,
    compand_weights,
    fold_weights,
)
from skext.neural_network._modules.dropout import (  # noqa: E402
    Dropout,
    draw_masks,
)
from skext.neural_network._modules.ghost import GhostBatchNorm1d  # noqa: E402
from skext.neural_network._modules.layers import OutputHead  # noqa: E402
from skext.neural_network._registry.modules import (  # noqa: E402
    build_module,
)
from skext.neural_network._registry.names import MODULES  # noqa: E402


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def twins(width, size, **options):
    """A ghost layer and a plain one with the same random scale and shift."""
    ghost = GhostBatchNorm1d(width, size, **options).double()
    plain = nn.BatchNorm1d(width, **options).double()
    if ghost.affine:
        nn.init.normal_(ghost.weight)
        nn.init.normal_(ghost.bias)
    plain.load_state_dict(ghost.state_dict())
    return ghost, plain


def chunks(x, groups, interleaved):
    """Rows of each ghost batch."""
    parts = torch.tensor_split(x, groups)
    if not interleaved:
        return parts
    large = sum(len(part) > len(parts[-1]) for part in parts)
    cut = large * (len(parts[-1]) + 1)
    first, second = x[:cut], x[cut:]
    return [
        *[first[g::large] for g in range(large)],
        *[second[g :: groups - large] for g in range(groups - large)],
    ]


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
@pytest.mark.parametrize(
    ("rows", "size"),
    [(32, 8), (32, 32), (40, 9), (257, 128), (7, 3), (7, 2), (2, 2), (3, 2), (10, 99)],
)
def test_ghost_equals_a_loop_over_chunks(rows, size, momentum, interleaved):
    ghost, plain = twins(6, size, momentum=momentum)
    ghost.interleaved = interleaved
    groups = min(max(1, round(rows / size)), rows // 2)
    for _ in range(3):
        x = torch.randn(rows, 6, dtype=torch.float64) * 3 + 1
        x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
        indices = chunks(torch.arange(rows), groups, interleaved)
        assert min(map(len, indices)) > 1
        expected = torch.empty_like(x)
        for index in indices:
            expected[index] = plain(x2[index])
        found = ghost(x1)
        torch.testing.assert_close(found, expected)
        seed = torch.randn_like(x)
        for out in (found, expected):
            (out * seed).sum().backward()
        torch.testing.assert_close(x1.grad, x2.grad)
        torch.testing.assert_close(ghost.weight.grad, plain.weight.grad)
        torch.testing.assert_close(ghost.bias.grad, plain.bias.grad)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(ghost.state_dict()[key], value)
    # Prediction is that of the plain layer, one row included.
    torch.testing.assert_close(ghost.eval()(x), plain.eval()(x))
    torch.testing.assert_close(ghost(x[:1]), plain(x[:1]))


def test_ghost_without_scale_or_statistics():
    x = torch.randn(20, 3, dtype=torch.float64)
    for options in ({"affine": False}, {"track_running_stats": False}):
        ghost, plain = twins(3, 10, **options)
        expected = torch.cat([plain(x[:10]), plain(x[10:])])
        torch.testing.assert_close(ghost(x), expected)


def test_ghost_refuses_one_row_as_torch_does():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        GhostBatchNorm1d(3, 8)(torch.zeros(1, 3))


def test_ghost_shows_its_size():
    assert "ghost_batch_size=8" in repr(GhostBatchNorm1d(3, 8))


def head(width=6, n_outputs=3, p=0.4, n_samples=1):
    return OutputHead(Linear(width, n_outputs), p, n_samples).double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masks_are_independent_with_the_wanted_mean(dtype):
    n = 2003
    like = torch.empty(0, dtype=dtype)
    for keep in (0.05, 0.5, 0.85, 1.0):
        masks = draw_masks((n, 7), keep, like)
        assert masks.dtype == dtype
        assert set(masks.unique().tolist()) <= {0.0, 1.0}
        spread = (keep * (1 - keep)) ** 0.5
        # five standard errors of seven means and of 21 covariances
        assert ((masks.mean(0) - keep).abs() <= 5 * spread / n**0.5).all()
        if keep < 1:
            off = torch.corrcoef(masks.T) - torch.eye(7, dtype=dtype)
            assert off.abs().max() < 5 / n**0.5


def test_dropout_keeps_the_mean_and_is_the_identity_in_prediction():
    layer, x = Dropout(0.3), torch.ones(401, 50, requires_grad=True)
    out = layer(x)
    torch.testing.assert_close(out.unique(), torch.tensor([0.0, 1 / 0.7]))
    assert abs(float(out.detach().mean()) - 1.0) < 5 * (0.3 / 0.7 / 20050) ** 0.5
    out.sum().backward()
    assert torch.equal(x.grad, out)
    assert layer.eval()(x) is x


def test_one_mask_is_plain_dropout():
    layer, x = head(), torch.randn(9, 6, dtype=torch.float64)
    torch.manual_seed(5)
    found = layer(x)
    torch.manual_seed(5)
    mask = draw_masks((9, 6), 0.6, x)
    torch.testing.assert_close(found, layer.linear(x * mask / 0.6))


@pytest.mark.parametrize("n_outputs", [1, 3, 9])
@pytest.mark.parametrize("bias", [True, False])
def test_masks_equal_a_loop(n_outputs, bias):
    layer = OutputHead(Linear(6, n_outputs, bias=bias), 0.4, 5).double()
    x1, x2 = (torch.randn(9, 6, dtype=torch.float64) for _ in range(2))
    x2 = x1.clone().requires_grad_()
    x1.requires_grad_()
    torch.manual_seed(5)
    found = layer(x1)
    torch.manual_seed(5)
    masks = draw_masks((9, 5, 6), 0.6, x2)
    expected = [layer.linear(x2 * masks[:, j] / 0.6) for j in range(5)]
    expected = torch.stack(expected, dim=1)
    if n_outputs == 1:
        expected = expected.squeeze(-1)
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    gradient = layer.linear.weight.grad.clone()
    layer.zero_grad()
    expected.square().sum().backward()
    torch.testing.assert_close(x1.grad, x2.grad)
    torch.testing.assert_close(gradient, layer.linear.weight.grad)


def test_rate_zero_gives_the_same_loss_for_any_number_of_masks():
    x, y = torch.randn(9, 6, dtype=torch.float64), torch.randint(3, (9,))
    one, many = head(p=0.0), head(p=0.0, n_samples=7)
    many.load_state_dict(one.state_dict())
    losses = F.cross_entropy(many(x).flatten(0, 1), y.repeat_interleave(7))
    torch.testing.assert_close(losses, F.cross_entropy(one(x), y))


def test_masks_keep_the_mean_gradient_and_shrink_its_variance():
    """A head that is linear in its loss: variance of M = 8 is an eighth of M = 1."""
    x = torch.randn(4, 6, dtype=torch.float64)
    seed = torch.randn(4, dtype=torch.float64)
    moments = {}
    for n_samples in (1, 8):
        layer = head(n_outputs=1, n_samples=n_samples)
        draws = []
        for _ in range(500):
            scores = layer(x)
            scores = scores if n_samples == 1 else scores.mean(1)
            (gradient,) = torch.autograd.grad(
                (scores * seed).sum(), layer.linear.weight
            )
            draws.append(gradient.flatten())
        draws = torch.stack(draws)
        moments[n_samples] = draws.mean(0), draws.var(0)
    exact = seed @ x
    for n_samples, (mean, variance) in moments.items():
        # five standard errors of six coordinates: false alarm below 1e-5
        error = (variance / 500).sqrt()
        assert ((mean - exact).abs() < 5 * error).all(), n_samples
    ratio = moments[8][1] / moments[1][1]
    # relative standard deviation of a ratio of variances is about 0.09
    assert ((ratio * 8 - 1).abs() < 0.45).all()


def test_compander_is_odd_increasing_bounded_with_an_inverse():
    compander = WeightCompander(0.7).double()
    with torch.no_grad():
        compander.log_b.fill_(-1.0)
    v = torch.linspace(-50, 50, 401, dtype=torch.float64)
    w = compander(v)
    torch.testing.assert_close(w, -w.flip(0))
    assert (w.diff() > 0).all()
    assert w.abs().max() < 0.7 * math.pi / 2
    torch.testing.assert_close(compander.inverse(w), v)
    assert torch.autograd.gradcheck(
        lambda v, log_a, log_b: torch.func.functional_call(
            compander, {"log_a": log_a, "log_b": log_b}, (v,)
        ),
        (v[::100].clone().requires_grad_(), compander.log_a, compander.log_b),
    )
    v = v[::100].clone().requires_grad_()
    (slope,) = torch.autograd.grad(compander(v).sum(), v)
    a, b = 0.7, math.exp(-1.0)
    torch.testing.assert_close(slope, a / b / (1 + (v / b) ** 2))


def test_large_compander_is_the_plain_layer():
    layer = Linear(4, 3).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    expected = layer(x)
    layer.compander = WeightCompander(1e6).double()
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("name", MODULES)
def test_companding_and_folding_keep_the_scores(name):
    options = {"n_features": 5, "n_outputs": 2, "hidden_layer_sizes": (8, 8)}
    torch.manual_seed(1)
    plain = build_module(name, **options).eval()
    torch.manual_seed(1)
    network = build_module(name, weight_transform="arctan", **options).eval()
    x = torch.randn(9, 5)
    torch.testing.assert_close(network(x), plain(x), atol=1e-6, rtol=1e-5)
    companders = [m for m in network.modules() if isinstance(m, WeightCompander)]
    assert len(companders) == sum(isinstance(m, Linear) for m in plain.modules())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        (network(x) - 1).square().mean().backward()
        optimizer.step()
    # What a and b of the hidden layers learn reaches them.
    assert companders[-1].log_a.grad.abs() > 0
    for part in network.modules():
        if isinstance(part, Linear):
            bound = part.compander.log_a.exp() * math.pi / 2
            assert part.compressed_weight().abs().max() < bound
    trained = network(x).detach()
    fold_weights(network)
    torch.testing.assert_close(network(x), trained, atol=1e-6, rtol=1e-5)
    assert not any(isinstance(m, WeightCompander) for m in network.modules())
    assert set(network.state_dict()) == set(plain.state_dict())


def test_plain_layers_are_replaced_and_share_their_parameters():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    x = torch.randn(5, 3)
    expected, bias = net(x), net[0].bias
    assert compand_weights(net) is net
    torch.testing.assert_close(net(x), expected)
    assert net[0].bias is bias
    single = compand_weights(nn.Linear(3, 2))
    assert single.compander is not None
