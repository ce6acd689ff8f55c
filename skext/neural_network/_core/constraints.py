"""What the parameters that all estimators share may be."""

from numbers import Integral, Real

from skext.neural_network._registry.names import MODULES
from skext.neural_network._training.schedules import SCHEDULES
from skext.utils._sklearn import Interval, Options, StrOptions

#: Constraints of the parameters that all estimators share.
CONSTRAINTS: dict = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "module": [StrOptions(set(MODULES)), callable],
    "module_params": [dict, None],
    "loss_params": [dict, None],
    "activation": [str, callable],
    "normalization": [StrOptions({"auto", "batch", "layer"}), None],
    "dropout": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
    "dropout_samples": [Interval(Integral, 1, None, closed="left")],
    "ghost_batch_size": [Interval(Integral, 2, None, closed="left"), None],
    "weight_transform": [StrOptions({"arctan"}), None],
    "optimizer": [StrOptions({"adamw", "adam", "sgd"}), callable],
    "optimizer_params": [dict, None],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "lr_schedule": [StrOptions(set(SCHEDULES)), callable],
    "scale_lr_with_batch": [StrOptions({"sqrt", "linear"}), Options(bool, {False})],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    "drop_last": ["boolean"],
    "sampler": "no_validation",
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
    "scoring": [str, callable, None],
    "standardize": ["boolean"],
    "callbacks": [list, None],
    "device": "no_validation",
    "compile": ["boolean", dict],
    "cuda_graph": ["boolean"],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "warm_start": ["boolean"],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}
