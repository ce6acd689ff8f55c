"""Networks by name: shapes, starting values, groups, compilation, user modules."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from skext.neural_network._modules.activations import (  # noqa: E402
    ACTIVATION_NAMES,
    make_activation,
)
from skext.neural_network._modules.ghost import GhostBatchNorm1d  # noqa: E402
from skext.neural_network._modules.mlp import MLP  # noqa: E402
from skext.neural_network._registry.modules import build_module  # noqa: E402
from skext.neural_network._registry.names import MODULES  # noqa: E402

OPTIONS = {
    "plain": {},
    "layer": {"normalization": "layer", "dropout": 0.2, "activation": "gelu"},
    "ghost": {"normalization": "batch", "ghost_batch_size": 8},
    "arctan": {"weight_transform": "arctan"},
    "masks": {"dropout": 0.3, "dropout_samples": 4},
}
CASES = [
    (name, option)
    for name in MODULES
    for option in OPTIONS
    if (name, option) != ("tabm", "masks")
]


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def build(name, option="plain", n_outputs=1, **more):
    sizes = {"hidden_layer_sizes": (8, 8), "n_features": 5}
    if name == "tabm":
        more["params"] = {"n_members": 3}
    return build_module(
        name, n_outputs=n_outputs, **{**sizes, **OPTIONS[option], **more}
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(("name", "option"), CASES)
def test_shapes_types_and_gradients(name, option, n_outputs):
    network = build(name, option, n_outputs)
    tail = (n_outputs,) if n_outputs > 1 else ()
    members = {"tabm": (3,)}.get(name, ())
    for dtype in (torch.float32, torch.float64):
        network.to(dtype).train()
        X = torch.randn(20, 5, dtype=dtype)
        scores = network(X)
        shown = members or ((4,) if option == "masks" else ())
        assert scores.shape == (20, *shown, *tail)
        assert network.ensemble_dim == (1 if shown else None)
        assert scores.dtype == dtype
        scores.square().sum().add(scores.sum()).backward()
        assert network.head  # the output layer learns first where it begins at zero
        touched = [p.grad is not None for p in network.parameters()]
        assert all(touched)
        network.zero_grad()
        scores = network.eval()(X)
        assert scores.shape == (20, *members, *tail)
        assert network.ensemble_dim == (1 if members else None)
        # One row at a time gives the same as all together.
        alone = torch.cat([network(row[None]) for row in X])
        torch.testing.assert_close(alone, scores)


@pytest.mark.parametrize(("name", "option"), CASES)
def test_pickle_copy_and_state(name, option):
    network = build(name, option).eval()
    X = torch.randn(6, 5)
    for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert torch.equal(twin(X), network(X))
    other = build(name, option).eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(X), network(X))


@pytest.mark.parametrize("name", MODULES)
def test_starting_values_come_from_the_generator_alone(name):
    data = torch.randn(50, 5)

    def start(seed):
        torch.manual_seed(seed)
        return build(name, "masks" if name == "mlp" else "plain", 2, data=data)

    first, second, third = (start(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], third[key]) for key in first)
    state = np.random.get_state()[1].copy()
    build(name, data=data)
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("mlp", "ghost"),
        ("mlp", "masks"),
        ("resnet", "plain"),
        ("realmlp", "plain"),
        ("tabm", "layer"),
        ("tabm", "arctan"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_compiles_without_a_graph_break(name, option):
    torch.compiler.reset()
    network = build(name, option, 2)
    X = torch.randn(20, 5)
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True, backend="eager")
    for training in (True, False):
        network.train(training)
        compiled.train(training)
        torch.manual_seed(3)
        expected = network(X)
        torch.manual_seed(3)
        torch.testing.assert_close(compiled(X), expected)
    torch.compiler.reset()


@pytest.mark.parametrize(("name", "option"), CASES)
def test_groups_name_every_parameter_once(name, option):
    network = build(name, option)
    named = [id(p) for group in network.parameter_groups() for p in group["params"]]
    assert sorted(named) == sorted(id(p) for p in network.parameters())
    scales = {
        (group["lr_scale"], group["weight_decay_scale"])
        for group in network.parameter_groups()
    }
    expected = {(1.0, 1.0)}
    expected |= {(6.0, 1.0), (0.1, 0.0), (0.1, 1.0)} if name == "realmlp" else set()
    expected |= {(1.0, 0.0)} if option == "arctan" else set()
    assert scales == expected


def test_mlp_is_linear_activation_normalization():
    network = build("mlp", n_outputs=2)
    kinds = [type(layer).__name__ for layer in network.body]
    assert kinds == ["Linear", "ReLU", "BatchNorm1d"] * 2
    X = torch.randn(30, 5)
    hidden = X
    for linear, _, norm in zip(*[iter(network.body)] * 3, strict=True):
        hidden = torch.relu(hidden @ linear.weight.T + linear.bias)
        hidden = (hidden - hidden.mean(0)) / (hidden.var(0, correction=0) + 1e-5).sqrt()
        hidden = hidden * norm.weight + norm.bias
    head = network.head.linear
    torch.testing.assert_close(
        network(X), hidden @ head.weight.T + head.bias, atol=1e-5, rtol=1e-5
    )


def n_parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_numbers_of_parameters():
    # 5 inputs, widths 8 and 8, 3 outputs
    plain = 5 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3
    assert n_parameters(build("mlp", n_outputs=3)) == plain + 2 * 16
    assert n_parameters(build("mlp", n_outputs=3, normalization=None)) == plain
    block = 8 * 16 + 16 + 16 * 8 + 8 + 16
    expected = 5 * 8 + 8 + 2 * block + 16 + 8 * 3 + 3
    assert n_parameters(build("resnet", n_outputs=3)) == expected
    embedding = 5 * 16 * 2 + 5 * 16 * 3 + 5 * 3
    expected = embedding + 20 + 20 * 8 + 8 + 8 * 8 + 8 + 16 + 8 * 3 + 3
    assert n_parameters(build("realmlp", n_outputs=3)) == expected
    shared = 5 * 8 + 8 * 8
    vectors = 3 * (5 + 8 + 8 + 8 + 8 + 8)
    expected = shared + vectors + 3 * (8 * 3 + 3)
    assert n_parameters(build("tabm", n_outputs=3)) == expected


def test_resnet_adds_its_blocks():
    network = build("resnet").eval()
    X = torch.randn(7, 5)
    hidden = network.body[0](X)
    for block in list(network.body)[1:3]:
        step = hidden
        for layer in block:
            step = layer(step)
        hidden = hidden + step
    hidden = network.body[4](network.body[3](hidden))
    torch.testing.assert_close(network(X), network.head(hidden))
    with pytest.raises(ValueError, match="must repeat one width"):
        build("resnet", hidden_layer_sizes=(8, 4))


@pytest.mark.parametrize("name", ["mlp", "realmlp", "tabm"])
def test_no_hidden_layer_is_a_linear_model(name):
    network = build(name, hidden_layer_sizes=(), dropout=0.5, n_outputs=2)
    X = torch.randn(9, 5)
    assert network(X).shape[0] == 9
    assert torch.equal(network(X), network(X))


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_activations(name):
    layer = make_activation(name)
    assert layer(torch.randn(3, 4)).shape == (3, 4)
    assert layer is not make_activation(name)


def test_activation_of_the_user():
    assert isinstance(make_activation(nn.Hardtanh), nn.Hardtanh)
    assert isinstance(make_activation(lambda: nn.CELU(0.5)), nn.CELU)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"name": "nonsense"}, "module='nonsense' is unknown"),
        ({"activation": "nonsense"}, "activation='nonsense' is unknown"),
        ({"normalization": "nonsense"}, "normalization='nonsense' is unknown"),
        ({"weight_transform": "nonsense"}, "weight_transform='nonsense' is unknown"),
        ({"hidden_layer_sizes": (8, 0)}, "contains a width below 1"),
        ({"dropout": 1.0}, "must be in"),
        ({"dropout_samples": 0}, "dropout_samples=0 must be at least 1"),
        ({"ghost_batch_size": 1}, "ghost_batch_size=1 must be at least 2"),
        (
            {"ghost_batch_size": 8, "normalization": "layer"},
            "does not go with normalization=",
        ),
        ({"name": "tabm", "dropout_samples": 2}, "must be 1 for module='tabm'"),
    ],
)
def test_errors_name_the_parameter(arguments, match):
    with pytest.raises(ValueError, match=match):
        build(**{"name": "mlp", **arguments})


class Small(nn.Module):
    def __init__(self, n_features, n_outputs, width=4):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_features, width), nn.BatchNorm1d(width), nn.Tanh()
        )
        self.out = nn.Linear(width, n_outputs)

    def forward(self, X):
        return self.out(self.net(X))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_class_or_factory_of_the_user(n_outputs):
    X = torch.randn(10, 5)
    shape = (10,) if n_outputs == 1 else (10, 3)
    sizes = {"n_features": 5, "n_outputs": n_outputs}
    network = build_module(Small, **sizes, params={"width": 6})
    assert network(X).shape == shape
    assert network.inner.out.in_features == 6
    factory = lambda n_features, n_outputs: nn.Linear(n_features, n_outputs)  # noqa: E731
    network = build_module(factory, **sizes)
    assert network(X).shape == shape
    assert network.ensemble_dim is None
    assert len(network.parameter_groups()) == 1


def test_options_reach_the_layers_of_the_user():
    network = build_module(
        Small, n_features=5, n_outputs=2, ghost_batch_size=4, weight_transform="arctan"
    )
    assert isinstance(network.inner.net[1], GhostBatchNorm1d)
    assert network.inner.out.compander is not None
    assert network(torch.randn(8, 5)).shape == (8, 2)
    assert {g["weight_decay_scale"] for g in network.parameter_groups()} == {0.0, 1.0}
    with pytest.raises(ValueError, match="needs a module by name"):
        build_module(Small, n_features=5, n_outputs=2, dropout_samples=2)


def test_members_of_the_user():
    class Members(nn.Module):
        ensemble_dim = 1

        def __init__(self, n_features, n_outputs):
            super().__init__()
            self.out = nn.Linear(n_features, 4 * n_outputs)
            self.shape = (4, n_outputs)

        def forward(self, X):
            return self.out(X).unflatten(1, self.shape)

        def parameter_groups(self):
            return [{"params": list(self.parameters()), "lr_scale": 3.0}]

    network = build_module(Members, n_features=5, n_outputs=1)
    assert network(torch.randn(8, 5)).shape == (8, 4)
    assert network.ensemble_dim == 1
    assert network.parameter_groups()[0]["lr_scale"] == 3.0
    network = build_module(Members, n_features=5, n_outputs=2)
    assert network(torch.randn(8, 5)).shape == (8, 4, 2)


def test_misuse_of_the_users_module():
    sizes = {"n_features": 5, "n_outputs": 3}
    for module in (MLP(5, 3, (4,)), 3):
        with pytest.raises(TypeError, match="a class or a factory"):
            build_module(module, **sizes)
    with pytest.raises(TypeError, match="must make a torch"):
        build_module(lambda n_features, n_outputs: 3, **sizes)
    network = build_module(lambda d, k: nn.Linear(d, k + 1), **sizes)
    with pytest.raises(ValueError, match="return \\(n_rows, n_outputs\\)"):
        network(torch.zeros(4, 5))
