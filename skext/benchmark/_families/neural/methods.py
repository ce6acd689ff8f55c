"""Entries of the method catalogue that are neural networks.

Those of the track are small enough for the main job and all alike but for what their
names say, so that a difference is one of the loss or of the module. Larger ones run
when they are named, on a GPU where there is one. None scales columns again, which
would blow up the codes of rare categories.
"""

from dataclasses import dataclass

from skext.benchmark._engine.factories import estimator
from skext.benchmark._engine.kinds import CLASSIFICATION
from skext.benchmark._engine.methods import Method
from skext.benchmark._engine.tasks import resolve

_SMALL = {
    "hidden_layer_sizes": (64, 64),
    "learning_rate_init": 5e-3,
    "max_epochs": 20,
    "n_iter_no_change": 10,
}
_REALMLP = {
    "module": "realmlp",
    "learning_rate_init": 0.04,
    "lr_schedule": "coslog4",
    "optimizer": "adam",
    "optimizer_params": {"betas": (0.9, 0.95)},
    "weight_decay": 0.0,
    "batch_size": 256,
    "max_epochs": 128,
    "n_iter_no_change": None,
    "scoring": None,
}
_SPACE = {
    "learning_rate_init": [3e-4, 1e-3, 3e-3, 1e-2],
    "weight_decay": [0.0, 1e-4, 1e-2],
    "dropout": [0.0, 0.2, 0.5],
}


@dataclass(frozen=True)
class _Net:
    """A factory of networks that run where the task is to run.

    Parameters
    ----------
    name : str
        Estimator of :mod:`skext.neural_network`.
    parameters : tuple of (str, object)
        Of the estimator.
    small : bool, default=False
        Whether to stay on the CPU, where small networks are faster.
    """

    name: str
    parameters: tuple
    small: bool = False

    def __call__(self, info):
        device = "cpu" if self.small else info.device
        make = resolve(f"skext.neural_network:{self.name}")
        return make(device=device, **dict(self.parameters))


def _net(
    name, cls, description, *, small=False, task_types=CLASSIFICATION, **parameters
):
    if small:
        parameters = {**_SMALL, **parameters}
        description += ", 2 layers of 64"
    parameters = {"standardize": False, **parameters}
    return Method(
        f"skext-{name}-small" if small else f"skext-{name}",
        _Net(cls, tuple(sorted(parameters.items())), small),
        family="skext",
        description=description,
        task_types=task_types,
        tracks=("neural",) if small else (),
        needs=("torch", "skorch"),
        extra="deep",
        space=_SPACE,
        cost=5.0 if small else 40.0,
        gpu=not small,
    )


def _losses(**options):
    net = "TabularNetClassifier"
    yield _net("ensloss", "EnsLossClassifier", "network, random losses", **options)
    yield _net(
        "log-hinge-net",
        net,
        "network, log-hinge: EnsLoss without randomness and ranks",
        loss="log_hinge",
        **options,
    )
    yield _net("tabular-net", net, "network, log-loss", **options)
    yield _net("hinge-net", net, "network, hinge loss", loss="hinge", **options)


def _tabm(description, **options):
    """Return a TabM with a quarter of the usual members, which costs a quarter."""
    return _net(
        "tabm",
        "TabularNetClassifier",
        f"TabM of 8 members, log-loss{description}",
        module="tabm",
        module_params={"n_members": 8},
        **options,
    )


def _mlp(name, description, *, tracks=(), **parameters):
    return Method(
        name,
        estimator("sklearn.neural_network:MLPClassifier", **parameters),
        family="baseline",
        description=description,
        task_types=CLASSIFICATION,
        tracks=tracks,
        cost=5.0,
    )


NEURAL = (
    *_losses(small=True),
    _tabm("", small=True),
    _mlp(
        "mlp-small",
        "scikit-learn's network, 2 layers of 64",
        tracks=("neural",),
        hidden_layer_sizes=(64, 64),
        learning_rate_init=5e-3,
        max_iter=20,
        batch_size=128,
        early_stopping=True,
    ),
    # On request.
    *_losses(),
    _tabm(", 2 layers of 128", hidden_layer_sizes=(128, 128), scoring=None),
    _net("realmlp", "TabularNetClassifier", "RealMLP, log-loss", **_REALMLP),
    _net("ordinal-net", "OrdinalNetClassifier", "network, soft ordinal labels"),
    _net(
        "tabular-net-regressor",
        "TabularNetRegressor",
        "network, squared error",
        task_types=("regression",),
    ),
    _mlp("mlp", "scikit-learn's network, its defaults", max_iter=200),
)
