"""The loop of a net: batches, rates, hold-out, resuming, threads."""

import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skorch.callbacks import Callback  # noqa: E402
from torch import nn  # noqa: E402

from skext.neural_network._registry.losses import make_loss  # noqa: E402
from skext.neural_network._training.batches import batch_sizes  # noqa: E402
from skext.neural_network._training.net import make_net  # noqa: E402
from skext.neural_network._training.optimizers import scaled_rate  # noqa: E402
from skext.neural_network._training.schedules import schedule_factors  # noqa: E402
from skext.utils._torch.device import resolve_device  # noqa: E402
from skext.utils._torch.seeds import SeedStreams  # noqa: E402

N_FEATURES = 4


def small_module():
    return nn.Sequential(
        nn.Linear(N_FEATURES, 8),
        nn.ReLU(),
        nn.BatchNorm1d(8),
        nn.Linear(8, 1),
        nn.Flatten(0),
    )


def dropout_module():
    return nn.Sequential(
        nn.Linear(N_FEATURES, 8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(8, 1),
        nn.Flatten(0),
    )


def linear_module():
    return nn.Sequential(nn.Linear(N_FEATURES, 1), nn.Flatten(0))


def accuracy(scores, y, sample_weight):
    return float(np.average((scores > 0) == (y > 0.5), weights=sample_weight))


class EachEpoch(Callback):
    """Call a function with the net when an epoch is done."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        self.function(net)


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(129, N_FEATURES).astype(np.float32)
    y = (X[:, 0] - X[:, 1] + 0.3 * rng.randn(129) > 0).astype(np.float32)
    return X, y


def build(module=small_module, criterion=None, **options):
    options = {"seeds": SeedStreams(3), "batch_size": 32, "max_epochs": 4, **options}
    return make_net(module, criterion or nn.BCEWithLogitsLoss(), **options)


def weights_of(net):
    return [value.clone() for value in net.module_.state_dict().values()]


def same_bits(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


# ---- batches and schedules --------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "drop_last", "expected"),
    [
        (129, 128, False, [129]),
        (257, 128, False, [128, 129]),
        (130, 128, False, [128, 2]),
        (129, 128, True, [128]),
        (100, 128, True, [100]),
        (256, 128, False, [128, 128]),
        (5, None, False, [5]),
        (1, 128, False, [1]),
        (3, 1, False, [1, 1, 1]),
    ],
)
def test_batch_sizes(n_rows, batch_size, drop_last, expected):
    assert batch_sizes(n_rows, batch_size, drop_last=drop_last) == expected


def test_schedules_against_torch():
    steps = 40
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * steps)
    rates = []
    for _ in range(2 * steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()
    # The middle of a step out of 40 is an edge out of 80.
    factors = schedule_factors("cosine", steps, steps)
    np.testing.assert_allclose(factors, rates[1::2], atol=1e-12)


def test_schedule_formulas():
    t = (np.arange(10) + 0.5) / 10
    coslog = [0.5 - 0.5 * math.cos(2 * math.pi * math.log2(1 + 15 * s)) for s in t]
    np.testing.assert_allclose(schedule_factors("coslog4", 10, 10), coslog)
    flat = schedule_factors("flat_cosine", 10, 10)
    np.testing.assert_allclose(flat[:5], 1.0)
    np.testing.assert_allclose(flat[5:], schedule_factors("cosine", 5, 5))
    cycle = schedule_factors("one_cycle", 1000, 1000)
    assert cycle.argmax() in (299, 300)
    assert cycle[0] < 0.05
    assert cycle[-1] < 1e-4
    np.testing.assert_allclose(schedule_factors(lambda s: s, 10, 10), t)
    parts = [schedule_factors("cosine", 5, 10, start=start) for start in (0, 5)]
    whole = schedule_factors("cosine", 10, 10)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("bad", ["linear", lambda time: -1.0])
def test_bad_schedule(bad):
    with pytest.raises(ValueError, match="lr_schedule"):
        build(lr_schedule=bad)


def test_scaled_rate():
    options = {"batch_size": 512, "reference": 128}
    assert scaled_rate(0.1, lr_scaling="sqrt", **options) == pytest.approx(0.2)
    assert scaled_rate(0.1, lr_scaling="linear", **options) == pytest.approx(0.4)
    net = build(lr=0.1, lr_scaling="linear", batch_size=64)
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(0.05)
    with pytest.raises(ValueError, match="lr_scaling='square'"):
        build(lr_scaling="square")


# ---- the loop against a loop written out ------------------------------------------


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_equals_a_plain_loop(data, optimizer):
    X, y = map(torch.from_numpy, data)
    net = build(optimizer=optimizer, lr=0.01, weight_decay=0.1, lr_schedule="cosine")
    net.fit_tensors(*data)

    seeds = SeedStreams(3)
    with seeds.forked("init"):
        module = small_module()
    cls = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    options = {"momentum": 0.9} if optimizer == "sgd" else {}
    peer = cls[optimizer](
        module.parameters(), lr=0.01, weight_decay=0.1, fused=True, **options
    )
    loss_function = nn.BCEWithLogitsLoss()
    step, losses = 0, []
    for epoch in range(4):
        order = torch.randperm(129, generator=seeds.generator("shuffle", epoch))
        total = 0.0
        for rows in order.split([32, 32, 32, 33]):
            time = (step + 0.5) / 16
            peer.param_groups[0]["lr"] = 0.01 * (0.5 + 0.5 * np.cos(math.pi * time))
            peer.zero_grad()
            loss = loss_function(module(X[rows]), y[rows])
            loss.backward()
            peer.step()
            total += loss.item() * len(rows)
            step += 1
        losses.append(total / 129)
    assert same_bits(weights_of(net), module.state_dict().values())
    np.testing.assert_allclose(net.history_arrays()["train_loss"], losses, rtol=1e-6)


def test_noise_of_an_epoch(data):
    """Sorted draws for the whole epoch give what draws of each batch give."""
    X, y = data[0], data[1].astype(np.int64)
    net = build(criterion=make_loss("ensloss", n_classes=2), max_epochs=1, lr=0.1)
    net.fit_tensors(X, y)
    seeds = SeedStreams(3)
    with seeds.forked("init"):
        module = small_module()
    peer = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.0)
    criterion = make_loss("ensloss", n_classes=2)
    sizes = [32, 32, 32, 33]
    order = torch.randperm(129, generator=seeds.generator("shuffle", 0))
    noise = torch.randn(129, generator=seeds.generator("noise", 0))
    for rows, z in zip(order.split(sizes), noise.split(sizes), strict=True):
        peer.zero_grad()
        scores = module(torch.from_numpy(X)[rows])
        criterion(scores, torch.from_numpy(y)[rows], noise=z).backward()
        peer.step()
    for ours, theirs in zip(weights_of(net), module.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_full_batch_weights_are_repetition(data):
    X, y = data
    weight = np.random.RandomState(1).randint(1, 4, len(y))
    criterion = make_loss("log_loss", n_classes=2)
    options = {"batch_size": None, "optimizer": "sgd", "lr": 0.1, "max_epochs": 20}
    weighted = build(linear_module, criterion, **options).fit_tensors(X, y, weight)
    rows = np.repeat(np.arange(len(y)), weight)
    repeated = build(linear_module, criterion, **options).fit_tensors(X[rows], y[rows])
    np.testing.assert_allclose(weighted.scores(X), repeated.scores(X), atol=1e-5)


def test_gradient_is_clipped(data):
    X, y = data
    options = {"optimizer": "sgd", "lr": 1.0, "batch_size": None, "max_epochs": 1}
    options["optimizer_params"] = {"momentum": 0.0}
    net = build(linear_module, grad_clip=0.01, **options)
    before = weights_of(net)
    net.fit_tensors(100 * X, y)
    moved = [a - b for a, b in zip(weights_of(net), before, strict=True)]
    norm = torch.cat([part.flatten() for part in moved]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)


def test_optimizer_class_with_closure(data):
    X, y = data
    net = build(
        linear_module, nn.MSELoss(), optimizer=torch.optim.LBFGS, lr=1.0,
        batch_size=None, max_epochs=10,
    )  # fmt: skip
    net.fit_tensors(X, y)
    design = np.c_[X, np.ones(len(X))].astype(float)
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(net.scores(X), expected, atol=1e-4)


def test_optimizer_errors():
    with pytest.raises(ValueError, match="optimizer='rmsprop'"):
        build(optimizer="rmsprop")
    with pytest.raises(ValueError, match="optimizer_params=.*AdamW"):
        build(optimizer_params={"momentum": 0.9})
    with pytest.raises(ValueError, match="LBFGS has no weight decay"):
        build(optimizer=torch.optim.LBFGS, weight_decay=0.1)


def test_parameter_groups(data):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.slow = nn.Linear(N_FEATURES, 3)
            self.fast = nn.Linear(3, 1)

        def parameter_groups(self):
            params = list(self.fast.parameters())
            return [{"params": params, "lr_scale": 6.0, "weight_decay_scale": 0.0}]

        def forward(self, X):
            return self.fast(self.slow(X)).squeeze(-1)

    net = build(Scaled, lr=0.01, weight_decay=0.1, lr_schedule="cosine")
    groups = net.optimizer_.param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.06])
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    net.fit_tensors(*data)
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.06])


def test_boxcox_parameter_is_redrawn(data):
    X, y = data
    criterion = make_loss("ensloss", n_classes=2)
    seen = []
    watch = EachEpoch(lambda net: seen.append(net.criterion_.lambda_))
    options = {"boxcox_range": (-1.0, 1.0), "lambda_period": 2, "callbacks": [watch]}
    build(criterion=criterion, **options).fit_tensors(X, y.astype(int))
    assert seen[0] == seen[1] != seen[2] == seen[3]
    assert max(map(abs, seen)) <= 1.0


def test_infinite_loss_is_an_error(data):
    X, y = data
    with pytest.raises(ValueError, match="after epoch 1.*learning rate"):
        build(linear_module, nn.MSELoss(), optimizer="sgd", lr=1e30).fit_tensors(X, y)


def test_bad_tables(data):
    X, y = data
    with pytest.raises(ValueError, match="129, 128"):
        build().fit_tensors(X, y[1:])
    with pytest.raises(ValueError, match="0 rows"):
        build().fit_tensors(X[:0], y[:0])


# ---- hold-out ---------------------------------------------------------------------


def test_best_epoch_is_restored(data):
    X, y = data
    kept, scores = [], iter([0.5, 0.7, 0.7, 0.6, float("nan"), 0.6, 0.9])

    def score_fn(scores_, y_, weight):
        kept.append(weights_of(net))
        return next(scores)

    net = build(score_fn=score_fn, n_iter_no_change=3, max_epochs=7)
    net.fit_tensors(X, y, None, X, y)
    # Of the two epochs with 0.7 the later; three without progress after the first.
    assert net.n_epochs_ == 5
    assert net.best_epoch_ == 3
    assert same_bits(weights_of(net), kept[2])
    assert not same_bits(weights_of(net), kept[-1])
    flags = [row["valid_score_best"] for row in net.history]
    assert flags == [True, True, False, False, False]


def test_loss_decides_without_a_score(data):
    X, y = data
    net = build(lr=0.05, max_epochs=8).fit_tensors(X[:90], y[:90], None, X[90:], y[90:])
    losses = net.history_arrays()["valid_loss"]
    assert net.best_epoch_ == losses.argmin() + 1
    restored = nn.BCEWithLogitsLoss()(
        torch.from_numpy(net.scores(X[90:])), torch.from_numpy(y[90:])
    )
    assert restored.item() == pytest.approx(losses.min(), rel=1e-6)


def test_history(data):
    X, y = data
    net = build(
        criterion=make_loss("log_loss", n_classes=2), score_fn=accuracy,
        record_train_score=True, lr_schedule="cosine",
    )  # fmt: skip
    weight = np.ones(129)
    net.fit_tensors(X, y, weight, X, y, weight)
    columns = net.history_arrays()
    names = {"train_loss", "train_score", "valid_loss", "valid_score", "lr"}
    assert names | {"epoch_time"} == set(columns)
    assert {column.shape for column in columns.values()} == {(4,)}
    assert (np.diff(columns["lr"]) < 0).all()


def test_scores_do_not_depend_on_the_number_of_rows(data):
    X, y = data
    net = build().fit_tensors(X, y)
    whole = net.scores(X)
    single = np.concatenate([net.scores(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(single, whole)


def test_members_are_averaged(data):
    X, y = data

    class Members(nn.Module):
        ensemble_dim = 1

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(N_FEATURES, 3)

        def forward(self, X):
            return self.linear(X)

    criterion = make_loss("ensloss", n_classes=2, params={"ensemble_dim": 1})
    net = build(Members, criterion, score_fn=accuracy, record_train_score=True)
    net.fit_tensors(X, y, None, X, y)
    with torch.no_grad():
        raw = net.module_(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(net.scores(X), raw.mean(1), rtol=1e-6, atol=1e-7)
    net.member_link = lambda scores: scores.max(1).values
    np.testing.assert_allclose(net.scores(X), raw.max(1), rtol=1e-6, atol=1e-7)


# ---- randomness -------------------------------------------------------------------


@pytest.mark.parametrize("module", [small_module, dropout_module])
def test_reproducible_and_global_states_untouched(data, module):
    X, y = data
    state = torch.get_rng_state()
    first = build(module, make_loss("ensloss", n_classes=2)).fit_tensors(X, y)
    torch.rand(3)
    moved = torch.get_rng_state()
    second = build(module, make_loss("ensloss", n_classes=2)).fit_tensors(X, y)
    assert torch.equal(torch.get_rng_state(), moved)
    torch.set_rng_state(state)
    assert same_bits(weights_of(first), weights_of(second))
    other = build(module, seeds=SeedStreams(4)).fit_tensors(X, y)
    assert not same_bits(weights_of(first), weights_of(other))


def test_streams_are_independent():
    seeds = SeedStreams(0)
    drawn = [seeds.integer(name, i) for name in ("init", "noise") for i in range(9)]
    assert len(set(drawn)) == len(drawn)
    spawned = np.random.SeedSequence(0).spawn(2)[1].spawn(3)[2]
    expected = int(spawned.generate_state(1, np.uint64)[0]) >> 1
    assert seeds.integer("shuffle", 2) == expected


@pytest.mark.parametrize("module", [small_module, dropout_module])
def test_two_threads_give_the_same_bits(data, module):
    X, y = data

    def fit(seed):
        net = build(module, seeds=SeedStreams(seed), max_epochs=8)
        return weights_of(net.fit_tensors(X, y))

    alone = [fit(seed) for seed in range(4)]
    state = torch.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, range(4)))
    assert all(map(same_bits, alone, together))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resumed_stream(data, optimizer):
    """A stream that is killed and resumed is the one that was not."""
    X, y = data
    y = y.astype(int)
    options = {"optimizer": optimizer, "weight_decay": 0.1}
    whole = build(dropout_module, make_loss("ensloss", n_classes=2), **options)
    for _ in range(5):
        whole.partial_tensors(X, y)
    resumed = build(dropout_module, make_loss("ensloss", n_classes=2), **options)
    for _ in range(5):
        resumed.partial_tensors(X, y)
        resumed = pickle.loads(pickle.dumps(resumed))
    assert same_bits(weights_of(whole), weights_of(resumed))
    assert resumed.n_epochs_ == len(resumed.history) == 5
    np.testing.assert_array_equal(whole.scores(X), resumed.scores(X))


def test_partial_training_keeps_the_rate(data):
    net = build(lr_schedule="cosine", lr=0.01)
    for _ in range(3):
        net.partial_tensors(*data)
    np.testing.assert_array_equal(net.history_arrays()["lr"], 0.01)


def test_restart(data):
    net = build().fit_tensors(*data)
    first = weights_of(net)
    net.fit_tensors(*data)
    assert same_bits(first, weights_of(net))
    assert net.n_epochs_ == len(net.history) == 4


def test_data_are_not_changed(data):
    X, y = (part.copy() for part in data)
    X.setflags(write=False)
    build().fit_tensors(X, y)
    np.testing.assert_array_equal(X, data[0])
    np.testing.assert_array_equal(y, data[1])


# ---- settings ---------------------------------------------------------------------


def test_threads_are_put_back(data):
    before = torch.get_num_threads()
    seen = []
    watch = EachEpoch(lambda net: seen.append(torch.get_num_threads()))
    options = {"max_epochs": 1, "batch_size": None, "callbacks": [watch]}
    build(n_threads=before + 1, **options).fit_tensors(*data)
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_compiled_step(data):
    X, y = data
    plain = build().fit_tensors(X, y)
    compiled = build(compile={"backend": "eager"}).fit_tensors(X, y)
    np.testing.assert_allclose(compiled.scores(X), plain.scores(X), rtol=1e-5)


def test_cuda_graph_is_ignored_on_the_cpu(data):
    plain = build().fit_tensors(*data)
    assert same_bits(
        weights_of(plain), weights_of(build(cuda_graph=True).fit_tensors(*data))
    )


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ValueError, match="device='abacus'"):
        resolve_device("abacus")
    with pytest.raises(ValueError, match="'cuda:99' is not available"):
        resolve_device("cuda:99")
    with pytest.warns(UserWarning, match="using the CPU"):
        assert resolve_device("cuda:99", missing="warn").type == "cpu"


def test_missing_device_of_a_pickle(data):
    """What was trained on another machine comes back on the CPU."""
    net = build(device="auto").fit_tensors(*data)
    state = net.__getstate__()
    state["device"] = "cuda:99"
    again = type(net).__new__(type(net))
    again.__setstate__(dict(state))
    np.testing.assert_array_equal(again.scores(data[0]), net.scores(data[0]))
    state["device_request"] = "cuda:99"
    with pytest.warns(UserWarning, match="'cuda:99' is not available"):
        again.__setstate__(state)
    assert again.device == "cpu"


def test_to_device_keeps_the_optimiser(data):
    stayed = build().partial_tensors(*data).partial_tensors(*data)
    moved = build().partial_tensors(*data).to_device("cpu").partial_tensors(*data)
    assert same_bits(weights_of(stayed), weights_of(moved))


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("cuda_graph", [False, True])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_gpu_agrees_with_the_cpu(data, optimizer, cuda_graph):
    X, y = data[0], data[1].astype(int)
    options = {"optimizer": optimizer, "noise_device": "cpu", "lr_schedule": "cosine"}
    loss = make_loss("ensloss", n_classes=2)
    on_cpu = build(criterion=loss, **options).fit_tensors(X, y)
    on_gpu = build(
        criterion=make_loss("ensloss", n_classes=2),
        device="cuda",
        cuda_graph=cuda_graph,
        **options,
    ).fit_tensors(X, y)
    np.testing.assert_allclose(on_gpu.scores(X), on_cpu.scores(X), atol=1e-3)


@pytest.mark.gpu
@needs_gpu
def test_pickle_from_the_gpu_holds_cpu_tensors(data):
    net = build(dropout_module, device="cuda").fit_tensors(*data)
    state = net.__getstate__()
    assert {p.device.type for p in state["module_"].parameters()} == {"cpu"}
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_allclose(again.scores(data[0]), net.scores(data[0]), atol=1e-6)
