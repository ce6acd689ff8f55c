"""RealMLP: parametrisation, embeddings and starting values against closed forms."""

import math

import pytest

torch = pytest.importorskip("torch")

from skext.neural_network._modules.embeddings import PeriodicEmbedding  # noqa: E402
from skext.neural_network._modules.realmlp import (  # noqa: E402
    NTKLinear,
    ParametricActivation,
    RealMLP,
)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def test_ntk_layer_scales_with_its_inputs():
    x = torch.randn(2000, 64)
    layer = NTKLinear(64, 500)
    torch.testing.assert_close(
        layer(x), x @ layer.weight.T / 8 + layer.bias, atol=1e-5, rtol=1e-4
    )
    # Weights of variance 1 give outputs of variance 1 + 1 (bias) for any width.
    for width in (16, 1024):
        layer = NTKLinear(width, 2000)
        out = layer(torch.randn(200, width))
        assert abs(float(out.detach().var()) - 2.0) < 0.15
        assert abs(float(layer.weight.detach().std()) - 1.0) < 0.05


def test_parametric_activation():
    layer = ParametricActivation(torch.nn.Tanh(), 3).double()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(layer(x), torch.tanh(x))
    share = torch.tensor([0.2, 1.3, -0.5], dtype=torch.float64)
    layer.share.data.copy_(share)
    torch.testing.assert_close(layer(x), share * torch.tanh(x) + (1 - share) * x)
    assert torch.autograd.gradcheck(
        lambda x, share: torch.func.functional_call(layer, {"share": share}, (x,)),
        (x, share.requires_grad_()),
    )


def test_embedding_equals_a_loop_over_columns():
    layer = PeriodicEmbedding(3, n_frequencies=5, n_outputs=4, sigma=0.5).double()
    x = torch.randn(7, 3, dtype=torch.float64)
    expected = []
    for j in range(3):
        angles = 2 * math.pi * x[:, j, None] * layer.frequency[j] + layer.phase[j]
        mapped = torch.cos(angles) @ layer.weight[j] + layer.bias[j]
        expected += [x[:, j, None], mapped]
    torch.testing.assert_close(layer(x), torch.cat(expected, dim=1))
    parameters = dict(layer.named_parameters())

    def embed(x, *values):
        state = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(layer, state, (x,))

    assert torch.autograd.gradcheck(
        embed, (x.requires_grad_(), *parameters.values()), fast_mode=True
    )
    with pytest.raises(ValueError, match="must be at least 2"):
        PeriodicEmbedding(3, n_outputs=1)


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_units_start_with_unit_spread_and_bend_inside_the_data(normalization):
    data = 5 + 3 * torch.randn(300, 4)
    network = RealMLP(4, 2, (40, 30), data=data, normalization=normalization)
    assert network.training
    network.eval()
    hidden, checked = data, 0
    with torch.no_grad():
        for layer in network.body:
            if isinstance(layer, NTKLinear):
                units = layer(hidden)
                spread = units.std(dim=0, correction=0)
                torch.testing.assert_close(spread, torch.ones_like(spread))
                # Zero lies between the smallest and the largest value of each unit.
                assert (units.amin(0) < 0).all()
                assert (units.amax(0) > 0).all()
                checked += 1
            hidden = layer(hidden)
        assert checked == 2
        assert torch.equal(network(data), torch.zeros(300, 2))


def test_start_copes_with_constant_columns_few_rows_and_other_types():
    for data in (
        torch.ones(6, 3),
        torch.randn(1, 3),
        torch.zeros(0, 3),
        torch.randn(20, 3, dtype=torch.float64),
        torch.randn(5000, 3),
    ):
        before = data.clone()
        network = RealMLP(3, 1, (8,), data=data)
        assert all(torch.isfinite(p).all() for p in network.parameters())
        assert torch.equal(data, before)


def test_start_is_blind_to_the_scale_of_the_columns():
    """Rescaling all data rescales the first layer, not what comes after it."""
    data = torch.randn(200, 3)
    outs = []
    for factor in (1.0, 100.0):
        torch.manual_seed(3)
        network = RealMLP(3, 1, (8, 8), data=factor * data, embedding=False).eval()
        outs.append(network.body(factor * data))
    torch.testing.assert_close(*outs, atol=1e-3, rtol=1e-3)


def test_multipliers():
    network = RealMLP(3, 1, (8,))
    scales = {
        id(p): (group["lr_scale"], group["weight_decay_scale"])
        for group in network.parameter_groups()
        for p in group["params"]
    }
    found = {name: scales[id(p)] for name, p in network.named_parameters()}
    assert found == {
        "body.0.frequency": (0.1, 1.0),
        "body.0.phase": (0.1, 1.0),
        "body.0.weight": (0.1, 1.0),
        "body.0.bias": (0.1, 1.0),
        "body.1.scale": (6.0, 1.0),
        "body.2.weight": (1.0, 1.0),
        "body.2.bias": (0.1, 0.0),
        "body.3.share": (0.1, 1.0),
        "head.linear.weight": (1.0, 1.0),
        "head.linear.bias": (0.1, 0.0),
    }
