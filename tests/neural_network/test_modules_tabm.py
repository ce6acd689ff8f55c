"""TabM against one explicit perceptron per member."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from skext.neural_network._modules.tabm import MemberLinear, TabM  # noqa: E402


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def randomised(**options):
    network = TabM(5, 3, (8, 6), n_members=4, dropout=0.0, **options).double()
    for name, p in network.named_parameters():
        if name.rpartition(".")[2] in ("r", "s"):
            nn.init.normal_(p)
    return network


def member(network, i, X):
    """Scores of member i with its own plain weight matrices."""
    hidden = X
    for layer in network.body:
        if isinstance(layer, MemberLinear):
            weight = layer.s[i, :, None] * layer.weight * layer.r[i]
            hidden = hidden @ weight.T + layer.bias[i]
        elif hasattr(layer, "layer"):  # batch normalisation
            units = hidden.shape[1]
            own = slice(i * units, (i + 1) * units)
            mean, variance = hidden.mean(0), hidden.var(0, correction=0)
            hidden = (hidden - mean) / (variance + layer.layer.eps).sqrt()
            hidden = hidden * layer.layer.weight[own] + layer.layer.bias[own]
        else:
            hidden = layer(hidden)
    return hidden @ network.head.weight[i] + network.head.bias[i]


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_members_are_perceptrons(normalization):
    network = randomised(normalization=normalization)
    X = torch.randn(20, 5, dtype=torch.float64)
    expected = torch.stack([member(network, i, X) for i in range(4)], dim=1)
    torch.testing.assert_close(network(X), expected)
    seed = torch.randn_like(expected)
    parameters = list(network.parameters())
    found = torch.autograd.grad((network(X) * seed).sum(), parameters)
    wanted = torch.autograd.grad((expected * seed).sum(), parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_members_start_apart_but_from_one_matrix():
    network = TabM(5, 1, (8, 8), n_members=16)
    first, second = (p for p in network.body if isinstance(p, MemberLinear))
    assert set(first.r.unique().tolist()) == {-1.0, 1.0}
    for vector in (first.s, second.r, second.s):
        assert (vector == 1).all()
    assert (first.bias == first.bias[0]).all()
    scores = network.eval()(torch.randn(3, 5))
    assert scores.shape == (3, 16)
    assert (scores.std(dim=1) > 1e-3).all()


def test_mean_of_member_losses_trains_each_member():
    """The gradient of a member's own vectors is that of its own loss over m."""
    network = randomised()
    X = torch.randn(10, 5, dtype=torch.float64)
    own = network.body[0].r
    together = torch.autograd.grad(network(X).square().mean(), own)[0]
    alone = torch.autograd.grad(member(network, 2, X).square().mean(), own)[0]
    torch.testing.assert_close(together[2], alone[2] / 4)


def test_masks_are_drawn_per_member():
    network = TabM(5, 1, (64,), n_members=2, dropout=0.5).eval()
    hidden = network.body[:2](torch.ones(1, 1, 5).repeat(3, 1, 1))
    hidden = torch.ones_like(hidden)
    dropped = network.body[2].train()(hidden)
    assert not torch.equal(dropped[:, 0], dropped[:, 1])


def test_embedding_is_common():
    network = TabM(5, 2, (8,), n_members=3, embedding=True)
    assert network(torch.randn(4, 5)).shape == (4, 3, 2)
    with pytest.raises(ValueError, match="n_members=0 must be at least 1"):
        TabM(5, 2, (8,), n_members=0)
