"""What the estimators on the tabular net have in common."""

import copy
import importlib
from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skext.base import SkextMixin
from skext.neural_network._core.hold_out import group_codes, row_labels
from skext.neural_network._core.persistence import (
    check_archive,
    from_json,
    read_archive,
    split_parameters,
    to_json,
    write_archive,
)
from skext.neural_network._core.rows import (
    Rows,
    check_finite,
    drop_negligible,
    merge_repetitions,
    relative_weights,
    tame_weights,
)
from skext.neural_network._core.scoring import has_members
from skext.utils._random import fit_rng
from skext.utils._scaling import Scaler, apply_scaler, fit_scaler, warn_of_columns
from skext.utils._sklearn import (
    check_sample_weight,
    safe_indexing,
)
from skext.utils._tables import validate_table
from skext.utils._torch.loading import require_torch
from skext.utils._torch.perceptron import layer_sizes

# Attributes that a file keeps beside the weights.
_KEPT = (
    "n_features_in_",
    "feature_names_in_",
    "n_outputs_",
    "n_iter_",
    "best_epoch_",
    "history_",
    "scaler_mean_",
    "scaler_scale_",
    "_scaler_parts",
    "_constant",
)


def torch_level(name, purpose="A tabular net"):
    """Import a private module that needs torch and skorch, or say how to get them.

    Parameters
    ----------
    name : str
        Module below ``skext.neural_network``.
    purpose : str, default="A tabular net"
        What needs it.

    Returns
    -------
    module : module
        The module.
    """
    require_torch(purpose)
    return importlib.import_module(f"skext.neural_network.{name}")


class BaseTabularNet(SkextMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the estimators: rows in, a trained net, files and pickles.

    Subclasses say what a target is and what a net's scores mean.
    """

    _kept: tuple = _KEPT
    # What "auto" is for "mlp": normalization, and dropout in mini-batches.
    _mlp_normalization, _mlp_dropout = "batch", 0.0

    @abstractmethod
    def _read_target(self, y):
        """Return the target for scikit-learn's checks, or say what is wrong."""

    @abstractmethod
    def _encode_target(self, y, classes, reset):
        """Return what the net is trained on."""

    @abstractmethod
    def _weigh(self, rows):
        """Return rows with the weights of their classes in, none without weight."""

    @abstractmethod
    def _hold_out(self, rows, rng, families):
        """Return a mask of the rows to hold out, whole families of them, or None."""

    @abstractmethod
    def _n_columns(self):
        """Return the number of scores of a row."""

    @abstractmethod
    def _make_loss(self):
        """Return the criterion."""

    @abstractmethod
    def _adapt(self, rows, whole):
        """Learn what else the training rows have to say."""

    @abstractmethod
    def _targets(self, y):
        """Return the targets of the net."""

    @abstractmethod
    def _score_options(self, criterion, members):
        """Return the arguments of ``make_net`` that are about scores."""

    def _check_target(self, rows):
        """Refuse a target that nothing can be learned from."""

    def _calibrate(self, valid):
        """Learn from the hold-out, after training."""

    def _fit(self, X, y, sample_weight, families):
        """Fit from the start or, with ``warm_start``, go on with the last fit.

        ``families`` are rows that are held out together or not at all.
        """
        warm = self.warm_start and hasattr(self, "net_")
        read = self._read(X, y, sample_weight, reset=not warm, whole=True)
        rows, groups, n_samples = read
        families = group_codes(families, n_samples)
        seeds = self._seeds(fit_rng(self.random_state).randint(2**31 - 1))
        train, valid, groups = self._split(rows, groups, seeds, families)
        self._check_rows(train)
        if not warm:
            self._learn_scale(train, whole=not self.warm_start)
        table = apply_scaler(train.X, self._scaler())
        module = self.net_.module_ if warm else self._build_module(seeds, table)
        net = self._build_net(seeds, module)
        held = (None, None, None)
        if valid is not None:
            scaled = apply_scaler(valid.X, self._scaler())
            held = (scaled, self._targets(valid.y), valid.weight)
        net.fit_tensors(
            table, self._targets(train.y), train.weight, *held, groups=groups
        )
        self._publish(net)
        self._calibrate(valid)
        return self

    @classmethod
    def _seeds(cls, seed):
        """Return the random streams of a fit."""
        require_torch(cls.__name__)
        # Only those who fit need torch.
        from skext.utils._torch.seeds import SeedStreams

        return SeedStreams(seed)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """Train one epoch on the rows."""
        first = not hasattr(self, "net_")
        read = self._read(X, y, sample_weight, reset=first, classes=classes)
        rows, groups, _ = read
        self._check_rows(rows)
        if first:
            seed = fit_rng(self.random_state).randint(2**31 - 1)
            self._learn_scale(rows, whole=False)
            table = apply_scaler(rows.X, self._scaler())
            seeds = self._seeds(seed)
            module = self._build_module(seeds, table)
            self.net_ = self._build_net(seeds, module)
        else:
            # Streams may bring what has been constant so far.
            self._constant = None
            table = apply_scaler(rows.X, self._scaler())
        self.net_.partial_tensors(
            table, self._targets(rows.y), rows.weight, groups=groups
        )
        self._publish(self.net_)
        if first:
            self._calibrate(None)
        return self

    def _read(self, X, y, sample_weight, reset, classes=None, whole=False):
        """Validate rows, encode their targets, leave out those without weight.

        ``whole`` tells that no other rows will follow.
        """
        n_samples, weight, index = None, None, None
        if sample_weight is not None:
            weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            n_samples, index = len(weight), np.flatnonzero(weight)
            if len(index) < n_samples and y is not None:
                # What a row without weight holds is of no account, not even an error.
                check_consistent_length(X, y)
                X, y = (safe_indexing(part, index) for part in (X, y))
            weight = tame_weights(weight[index])
        X, y = validate_table(
            self,
            X,
            self._read_target(y),
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            reset=reset,
        )
        check_finite(X)
        if index is None:
            n_samples, index = len(X), np.arange(len(X))
        rows = Rows(X, self._encode_target(y, classes, reset), weight, index)
        if self._sees_no_order():
            rows = merge_repetitions(rows)
        rows = self._weigh(rows)
        if whole:
            self._check_target(rows)
        rows = relative_weights(drop_negligible(rows))
        return rows, self._groups(n_samples, rows), n_samples

    def _sees_no_order(self):
        """Tell whether equal rows may be merged: all steps see all rows alike."""
        return (
            self.batch_size is None
            and self.module == "mlp"
            and self._normalization() in (None, "layer")
            and self.dropout in (0, "auto")
            and self.sampler is None
            and not self.early_stopping
            and isinstance(self.loss, str)
            and not (self.loss == "ensloss" and self.spectrum == "random")
        )

    def _split(self, rows, groups, seeds, families):
        """Separate the hold-out from the rest."""
        held = None
        if self.early_stopping:
            if families is not None:
                families = np.unique(families[rows.index], return_inverse=True)[1]
            held = self._hold_out(rows, seeds.rng("split"), families)
        if held is None:
            return rows, None, groups
        groups = None if groups is None else groups[~held]
        return rows.take(~held), rows.take(held), groups

    def _groups(self, n_samples, rows):
        """Return codes of the groups that a sampler was given for the rows."""
        if self.sampler is None:
            return None
        if isinstance(self.sampler, type) or not hasattr(self.sampler, "start"):
            raise TypeError(
                f"sampler={self.sampler!r} must be a sampler, such as "
                "TemperatureSampler(), or None."
            )
        by = getattr(self.sampler, "by", None)
        if by is None or isinstance(by, str):
            if by == "class" and is_regressor(self):
                raise ValueError(
                    "sampler.by='class' needs classes, and a regressor has none; give "
                    "one label for each row passed to fit."
                )
            return None
        by = row_labels(by, n_samples, "sampler.by")
        return np.unique(by[rows.index], return_inverse=True)[1]

    def _check_rows(self, rows):
        """Refuse what batch normalisation cannot be computed of."""
        if len(rows.y) < 2 and self._normalization() in ("auto", "batch"):
            raise ValueError(
                f"normalization={self.normalization!r} needs the mean of several rows, "
                "got n_samples=1 with positive weight; use normalization='layer' or "
                "None, or give more rows."
            )

    def _learn_scale(self, rows, whole):
        scaler = fit_scaler(rows.X, rows.weight, self.standardize)
        names = getattr(self, "feature_names_in_", None)
        warn_of_columns(rows.X, scaler, self.standardize, names)
        self.scaler_mean_, self.scaler_scale_, self._scaler_parts = scaler
        constant = None
        if whole and self.standardize:
            constant = rows.X.min(axis=0) == rows.X.max(axis=0)
        self._constant = constant if np.any(constant) else None
        self._adapt(rows, whole)

    def _scaler(self):
        scale, constant = self.scaler_scale_, getattr(self, "_constant", None)
        if constant is not None:
            # Weights of a constant column are never trained: it has to stay at 0.
            scale = np.where(constant, np.inf, scale)
        parts = getattr(self, "_scaler_parts", None)
        return Scaler(self.scaler_mean_, scale, parts)

    def _build_module(self, seeds, table=None, weight_transform="as given"):
        """Return a network with random weights that the seed decides."""
        build_module = torch_level("_registry.modules").build_module
        if weight_transform == "as given":
            weight_transform = self.weight_transform
        data = None
        if table is not None:
            data = torch_level("_training.batches").to_tensor(table, "cpu")
        with seeds.forked("init"):
            return build_module(
                self.module,
                n_features=self.n_features_in_,
                n_outputs=self._n_columns(),
                hidden_layer_sizes=layer_sizes(self.hidden_layer_sizes),
                activation=self.activation,
                normalization=self._normalization(),
                dropout=self._dropout_rate(),
                ghost_batch_size=self.ghost_batch_size,
                weight_transform=weight_transform,
                dropout_samples=self.dropout_samples,
                params=self.module_params,
                data=data,
            )

    def _normalization(self):
        """Return how hidden layers are normalised, or "auto" for the module's own."""
        if self.normalization != "auto" or self.module != "mlp":
            return self.normalization
        return self._mlp_normalization if self.ghost_batch_size is None else "batch"

    def _dropout_rate(self):
        """Return the rate that the module shall have, or "auto" for its own."""
        if self.dropout != "auto" or self.module != "mlp":
            return self.dropout
        # Steps on all rows stay free of noise.
        return 0.0 if self.batch_size is None else self._mlp_dropout

    def _build_net(self, seeds, module):
        """Return the trainer of a network."""
        criterion = self._make_loss()
        scores = self._score_options(criterion, has_members(module))
        return torch_level("_training.net").make_net(
            module,
            criterion,
            seeds=seeds,
            optimizer=self.optimizer,
            optimizer_params=self.optimizer_params,
            lr=self.learning_rate_init,
            weight_decay=self.weight_decay,
            lr_schedule=self.lr_schedule,
            lr_scaling=self.scale_lr_with_batch or None,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            drop_last=self.drop_last,
            sampler=self.sampler,
            device=self.device,
            callbacks=self.callbacks,
            n_iter_no_change=self.n_iter_no_change,
            # Only the exponential loss has gradients without a bound.
            grad_clip=10.0 if self.loss == "exponential" else None,
            compile=self.compile,
            cuda_graph=self.cuda_graph,
            n_threads=self.n_threads,
            verbose=int(self.verbose),
            **scores,
        )

    def _publish(self, net):
        """Set the attributes that users see."""
        self.net_ = net
        self.n_outputs_ = self._n_columns()
        self.n_iter_ = net.n_epochs_
        self.best_epoch_ = net.best_epoch_
        self.history_ = net.history_arrays()

    @property
    def module_(self):
        """Trained network, a ``torch.nn.Module``."""
        return self._of_net("module_")

    @property
    def device_(self):
        """Name of the device that holds the network."""
        return str(self._of_net("device"))

    def _of_net(self, name):
        # An unfitted estimator must not seem to have the attribute.
        if "net_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r} before fit"
            )
        return getattr(self.net_, name)

    def _raw_scores(self, X):
        """Return what the net gives for rows, members averaged."""
        check_is_fitted(self, "net_")
        X = validate_table(
            self,
            X,
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            reset=False,
        )
        check_finite(X)
        scores = self.net_.scores(apply_scaler(X, self._scaler()))
        return scores.astype(np.float64)

    def to(self, device):
        """Move the network to another device.

        Parameters
        ----------
        device : str or torch.device
            ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ... or ``"auto"``.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        check_is_fitted(self, "net_")
        self.net_.to_device(device)
        return self

    def save(self, path):
        """Write the fitted estimator to a file that holds no pickle.

        Parameters
        ----------
        path : str or path-like
            File, replaced if it exists: a zip of the weights as arrays of numpy and
            of ``model.json``, parameters and fitted attributes.

        Notes
        -----
        The state of the optimiser is not kept: use pickle to go on with a stream of
        ``partial_fit`` as if nothing had happened. Parameters that JSON cannot say
        (callbacks, samplers, modules and losses of your own) are left out; `load`
        says which of them it needs.
        """
        check_is_fitted(self, "net_")
        fold_weights = torch_level("_modules.compander").fold_weights
        module = fold_weights(copy.deepcopy(self.module_).cpu())
        state = module.state_dict()
        arrays = {f"weights/{key}": value.numpy() for key, value in state.items()}
        parameters, left_out = split_parameters(self.get_params(deep=False))
        kept = {name: getattr(self, name) for name in self._kept if hasattr(self, name)}
        attributes = {name: to_json(value) for name, value in kept.items()}
        meta = {
            "estimator": type(self).__name__,
            "parameters": parameters,
            "left_out": left_out,
            "attributes": attributes,
        }
        write_archive(path, arrays, meta)

    @classmethod
    def load(cls, path, *, device="auto", **parameters):
        """Read an estimator that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            File.
        device : str or torch.device, default="auto"
            Where the network shall live; becomes the parameter ``device``.
        **parameters : dict
            Parameters of the constructor that the file could not keep, e.g.
            ``module``.

        Returns
        -------
        estimator : estimator
            Fitted.
        """
        arrays, meta = read_archive(path)
        check_archive(path, meta, cls.__name__, parameters)
        kept = {name: from_json(part) for name, part in meta["parameters"].items()}
        model = cls(**{**kept, "device": device, **parameters})
        for name, plain in meta["attributes"].items():
            setattr(model, name, from_json(plain))
        seeds = cls._seeds(0)
        module = model._build_module(seeds, weight_transform=None)
        torch = importlib.import_module("torch")
        prefix = "weights/"
        module.load_state_dict(
            {
                name.removeprefix(prefix): torch.from_numpy(array)
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
        )
        model.net_ = model._build_net(seeds, module)
        return model
