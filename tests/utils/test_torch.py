"""The torch ground: seeds under threads, the best epoch, perceptrons as arrays."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skext.utils._scaling import fit_scaler  # noqa: E402
from skext.utils._torch.monitor import Monitor  # noqa: E402
from skext.utils._torch.perceptron import (  # noqa: E402
    Perceptron,
    as_arrays,
    layer_sizes,
)
from skext.utils._torch.seeds import SeedStreams, seeded_torch  # noqa: E402
from skext.utils._torch.training import (  # noqa: E402
    RectifiedLayers,
    loss_history,
    make_net,
)


def test_seeded_blocks_of_threads_do_not_mix():
    def draw(seed):
        with seeded_torch(seed):
            return torch.cat([torch.rand(1) for _ in range(200)])

    state = torch.random.get_rng_state()
    alone = [draw(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw, range(8)))
    assert all(map(torch.equal, alone, together))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_streams_are_apart_and_come_again():
    seeds = SeedStreams(3)
    found = {
        seeds.integer(name, epoch) for name in ("init", "noise") for epoch in (0, 1)
    }
    assert len(found) == 4
    assert SeedStreams(3).rng("noise", 1).random() == seeds.rng("noise", 1).random()


@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_arrays_give_what_torch_gives(activation):
    rng = np.random.RandomState(0)
    X = sparse.random_array((9000, 6), density=0.3, rng=0).tocsr()
    scaler = fit_scaler(X, None)
    layers = RectifiedLayers((6, 5, 4, 2), rng, "float64").layers
    fitted = Perceptron(*as_arrays(layers), activation, scaler)
    with torch.no_grad():
        h = torch.from_numpy(scaler(X))
        activate = getattr(torch.nn.functional, activation)
        for layer in layers[:-1]:
            h = activate(layer(h))
        h = layers[-1](h)
        np.testing.assert_allclose(fitted(X), h, atol=1e-12)
        last = fitted(X, activate_last=True)
        np.testing.assert_allclose(last, activate(h), atol=1e-12)


@pytest.mark.parametrize("sizes", [(0,), (2.5,), (8, -1), "ab", [[3]]])
def test_bad_sizes_of_layers(sizes):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* positive integers"):
        layer_sizes(sizes)
    assert layer_sizes(()) == ()
    assert layer_sizes(np.array([3, 2])) == (3, 2)


def test_the_last_of_equal_epochs_is_kept_and_small_gains_do_not_count():
    layer = torch.nn.Linear(1, 1)
    for min_gain, best in ((0.0, 4), (0.1, 2)):
        monitor = Monitor(layer, 2, min_gain=min_gain)
        for epoch, score in enumerate((-2.0, -1.0, -0.99, -0.99), 1):
            torch.nn.init.constant_(layer.weight, epoch)
            monitor.update(score, epoch)
        assert monitor.best_epoch == best
        assert monitor.exhausted == (min_gain > 0)
        monitor.restore()
        assert layer.weight.item() == best


class Batches:
    """All rows at once."""

    def __init__(self, data, batch_size=1, shuffle=False):
        self.data = data

    def __iter__(self):
        x, y = self.data
        yield {"x": x, "others": y}, y


def test_nets_stop_and_go_back_as_with_the_callback_of_skorch():
    from skorch.callbacks import EarlyStopping

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = X[:, :1] + 2 * rng.normal(size=(60, 1))
    train, valid = (
        (torch.tensor(X[i]), torch.tensor(y[i])) for i in (slice(30), slice(30, 60))
    )

    def loss(output, known, inputs):
        return (output - inputs["others"]).square().mean() + 0 * known.sum()

    found = []
    for options in (
        {"patience": 4},
        {"callbacks": [EarlyStopping(patience=4, load_best=True)]},
    ):
        module = RectifiedLayers((4, 20, 1), np.random.RandomState(0), "float64")
        net = make_net(
            module,
            loss,
            Batches,
            valid=valid,
            device="cpu",
            optimizer=torch.optim.Adam,
            lr=0.02,
            max_epochs=300,
            **options,
        )
        net.fit(train, None)
        found.append((loss_history(net), as_arrays(module.layers)))
    (ours, weights), (theirs, others) = found
    assert 5 < len(ours["valid_loss"]) < 300
    assert ours["valid_loss"].argmin() < len(ours["valid_loss"]) - 1
    for name in ("train_loss", "valid_loss"):
        np.testing.assert_array_equal(ours[name], theirs[name])
    for part, other in zip(weights, others, strict=True):
        for array, again in zip(part, other, strict=True):
            np.testing.assert_array_equal(array, again)
