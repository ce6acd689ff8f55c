"""Train a module on tensors that live on the device, with skorch's callbacks.

Interface for the estimators (numpy or torch in, numpy out)::

    seeds = SeedStreams(rng.randint(2**31 - 1))          # from _seeds
    device = resolve_device("auto")                       # from _device
    net = make_net(module_or_factory, criterion, seeds=seeds, device=device, ...)
    net.fit_tensors(X, y, sample_weight, X_valid, y_valid, w_valid)
    net.partial_tensors(X, y, sample_weight)              # one epoch more
    net.scores(X)                                         # ndarray (n,) or (n, K)
    net.module_, net.history, net.n_epochs_, net.best_epoch_, net.history_arrays()
"""

import copy

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EpochTimer, PrintLog
from skorch.dataset import Dataset

from skext.neural_network._training.batches import make_table, to_tensor
from skext.neural_network._training.loop import evaluate
from skext.neural_network._training.optimizers import (
    make_optimizer,
    parameter_groups,
    scaled_rate,
)
from skext.neural_network._training.run import Training
from skext.neural_network._training.schedules import schedule_factors
from skext.neural_network._training.skorch import copy_callbacks, portable_callbacks
from skext.utils._torch.device import resolve_device, torch_threads
from skext.utils._torch.seeds import SeedStreams

# Rows of the batch that a learning rate is meant for.
_REFERENCE_BATCH = 128


class TabularNet(NeuralNet):
    """Skorch net whose loop keeps the data on the device and slices index batches.

    Built by `make_net`; see there for the parameters.

    Attributes
    ----------
    module_, criterion_, optimizer_ : object
        As in skorch.
    history : skorch.history.History
        One row an epoch; see `history_arrays`.
    n_epochs_ : int
        Epochs trained, which number the random streams.
    best_epoch_ : int or None
        Number from 1 of the epoch whose weights were restored; None without hold-out.
    """

    def __init__(self, module, criterion, *, seeds, **params):
        own = {name: params.pop(name) for name in _OWN_PARAMS if name in params}
        super().__init__(module, criterion, train_split=None, **params)
        self.seeds = seeds
        for name, value in own.items():
            setattr(self, name, value)

    # ---- skorch's hooks -------------------------------------------------------------

    @property
    def _default_callbacks(self):
        callbacks = [("epoch_timer", EpochTimer())]
        return callbacks + ([("print_log", PrintLog())] if self.verbose else [])

    def initialize_module(self):
        """Take the module, or build it under the seed of its stream."""
        if isinstance(self.module, torch.nn.Module):
            module = self.module
        else:
            with self.seeds.forked("init", device=self.device):
                module = self.module()
        self.module_ = module
        return self

    def initialize_criterion(self):
        """Take the criterion as it is."""
        self.criterion_ = self.criterion
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Build the optimiser with its groups and the rate for the batch size."""
        lr = self.lr
        if self.batch_size is not None:
            lr = scaled_rate(
                lr,
                lr_scaling=self.lr_scaling,
                batch_size=self.batch_size,
                reference=_REFERENCE_BATCH,
            )
        modules = [self.module_, self.criterion_]
        groups = parameter_groups(modules, lr=lr, weight_decay=self.weight_decay)
        on_gpu = torch.device(self.device).type == "cuda"
        self.optimizer_ = make_optimizer(
            self.optimizer,
            groups,
            lr=lr,
            params=self.optimizer_params,
            capturable=self.cuda_graph and on_gpu,
        )
        return self

    def torch_compile(self, module, name):
        """Leave modules alone: the loop compiles network and loss as one function."""
        return module

    def initialize(self):
        """Build everything and set the counters to zero."""
        super().initialize()
        self.sampler_ = copy.deepcopy(self.sampler)
        self.n_epochs_, self.best_epoch_ = 0, None
        return self

    @property
    def classes_(self):
        """Codes of the classes, for scorers of callbacks."""
        if self.n_classes is None:
            raise AttributeError("classes_: this net does no classification")
        return np.arange(self.n_classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        classifies = self.n_classes is not None
        tags.estimator_type = "classifier" if classifies else "regressor"
        return tags

    # ---- training -------------------------------------------------------------------

    def fit_tensors(
        self,
        X,
        y,
        sample_weight=None,
        X_valid=None,
        y_valid=None,
        w_valid=None,
        *,
        groups=None,
    ):
        """Train for ``max_epochs`` epochs or until early stopping.

        A trained net starts over: fresh weights (where the module was given as a
        factory and the net does not come from a pickle), optimiser and history.

        Parameters
        ----------
        X : array-like or Tensor of shape (n_samples, n_features)
            Converted to float32 on the device once.
        y : array-like or Tensor of shape (n_samples,)
            Targets as the criterion wants them: integers become int64, anything else
            float32.
        sample_weight : array-like or Tensor of shape (n_samples,), default=None
            Positive weights of the loss.
        X_valid, y_valid, w_valid : array-like or Tensor, default=None
            Hold-out of the same form. ``score_fn`` or else its loss decides the best
            epoch, whose weights are restored at the end.
        groups : array-like of int of shape (n_samples,), default=None
            Codes 0..G-1 of the rows for a sampler that balances groups; by default
            the values of ``y``.

        Returns
        -------
        self : TabularNet
            The trained net.

        Raises
        ------
        ValueError
            If the data do not fit together or the loss becomes infinite.
        """
        if self.n_epochs_ > 0:
            self.initialize()
        valid = None
        if X_valid is not None:
            valid = self._table(X_valid, y_valid, w_valid)
        table = self._table(X, y, sample_weight)
        return self._train(table, valid, groups, self.max_epochs, self.max_epochs)

    def partial_tensors(self, X, y, sample_weight=None, *, groups=None):
        """Train one epoch on the rows given, keeping the state of the optimiser.

        A stream has no end for a schedule to run to: learning rate, weight decay and
        temperature stay at their start.

        Parameters
        ----------
        X, y, sample_weight, groups : array-like or Tensor
            As in `fit_tensors`.

        Returns
        -------
        self : TabularNet
            The net, one epoch on.
        """
        return self._train(self._table(X, y, sample_weight), None, groups, 1, None)

    def _table(self, X, y, weight):
        return make_table(X, y, weight, torch.device(self.device))

    def _train(self, table, valid, groups, n_epochs, horizon):
        training = Training(self, table, valid, groups=groups, horizon=horizon)
        # What the progress bar asks for; None and oversized batches are resolved here.
        self.iterator_train__batch_size = training.sizes[0]
        self.iterator_valid__batch_size = valid.n_rows if valid is not None else 1
        datasets = {
            "dataset_train": Dataset(table.X, table.y),
            "dataset_valid": None if valid is None else Dataset(valid.X, valid.y),
        }
        with torch_threads(self.n_threads):
            self.notify("on_train_begin", X=table.X, y=table.y)
            training.begin()
            # Callbacks stop a training by KeyboardInterrupt; the user's own ends it.
            for _ in range(n_epochs):
                if not self._ask("on_epoch_begin", **datasets):
                    break
                training.epoch()
                if not self._ask("on_epoch_end", **datasets):
                    break
                if training.monitor.exhausted:
                    break
            training.finish()
            self.notify("on_train_end", X=table.X, y=table.y)
        for part in (self.module_, self.criterion_):
            part.eval()
        return self

    def _ask(self, method, **kwargs):
        """Notify callbacks of an epoch and tell whether training shall go on."""
        try:
            self.notify(method, **kwargs)
        except KeyboardInterrupt:
            return False
        return True

    # ---- prediction -----------------------------------------------------------------

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the output of the module for chunks of rows.

        Parameters
        ----------
        X : array-like, Tensor or Dataset
            Rows.
        training : bool, default=False
            There for skorch's interface; scores are those of evaluation mode.
        device : str, default="cpu"
            Where the scores are wanted.

        Yields
        ------
        scores : Tensor
            Raw output, members included.
        """
        rows = X.X if isinstance(X, Dataset) else X
        rows = to_tensor(rows, torch.device(self.device), torch.float32)
        for scores in evaluate(self.module_, rows):
            yield scores.to(device)

    def scores(self, X):
        """Return the scores of rows, members averaged, as a float32 array.

        Parameters
        ----------
        X : array-like, Tensor or Dataset of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Output of the module in evaluation mode.
        """
        chunks = list(self.forward_iter(X, device=self.device))
        return self.average_members(torch.cat(chunks)).cpu().numpy()

    def average_members(self, scores, *, training=False):
        """Average the members of an ensemble, if the module is one.

        Parameters
        ----------
        scores : Tensor of shape (n,), (n, K), (n, m) or (n, m, K)
            Raw output of the module.
        training : bool, default=False
            Whether they come from training mode, in which dropout masks can be
            members too.

        Returns
        -------
        scores : Tensor of shape (n,) or (n, K)
            Without members.
        """
        module = self.module_
        if module.training != training:
            module.train(training)
        if getattr(module, "ensemble_dim", None) != 1 or scores.ndim < 2:
            return scores
        if self.member_link is None:
            return scores.mean(1)
        return self.member_link(scores)

    def predict(self, X):
        """Return what ``predict_fn`` makes of the scores."""
        scores = self.scores(X)
        return scores if self.predict_fn is None else self.predict_fn(scores)

    def predict_proba(self, X):
        """Return what ``proba_fn`` makes of the scores."""
        scores = self.scores(X)
        return scores if self.proba_fn is None else self.proba_fn(scores)

    def decision_function(self, X):
        """Return the scores."""
        return self.scores(X)

    def history_arrays(self):
        """Return the history as a dict of 1-d arrays, one value an epoch.

        Returns
        -------
        columns : dict of ndarray of shape (n_epochs,)
            ``train_loss``, ``lr``, ``epoch_time``, ``n_rows`` and, with a hold-out,
            ``valid_loss`` and ``valid_score``; also what callbacks record in every
            epoch. The flags of skorch are left out.
        """
        rows = self.history.to_list()
        hidden = {"batches", "epoch", "train_batch_count"}
        names = [name for name in (rows[0] if rows else {}) if name not in hidden]
        renamed = {"dur": "epoch_time"}
        return {
            renamed.get(name, name): np.array([row[name] for row in rows])
            for name in names
            if not name.endswith("_best") and all(name in row for row in rows)
        }

    # ---- pickling -------------------------------------------------------------------

    def to_device(self, device):
        """Move the net, its optimiser included.

        Parameters
        ----------
        device : str or torch.device
            Where to; "auto" is the first GPU if there is one.

        Returns
        -------
        self : TabularNet
            The net.
        """
        device = resolve_device(device)
        state = self.optimizer_.state_dict()
        self.module_.to(device)
        self.criterion_.to(device)
        self.device = str(device)
        self._rebuild_optimizer(state)
        return self

    def _rebuild_optimizer(self, state):
        self.initialize_optimizer()
        self.optimizer_.load_state_dict(state)

    def __getstate__(self):
        state = self.__dict__.copy()
        cpu = torch.device("cpu")
        on_cpu = torch.device(self.device) == cpu
        state["optimizer_"] = _move(self.optimizer_.state_dict(), cpu)
        for name in ("module_", "criterion_"):
            if not on_cpu:
                state[name] = copy.deepcopy(state[name]).to(cpu)
        # The module of the constructor is the same object, or a closure over data.
        state["module"], state["criterion"] = state["module_"], state["criterion_"]
        state["callbacks"] = None
        state["callbacks_"] = portable_callbacks(self.callbacks_)
        return state

    def __setstate__(self, state):
        optimizer = state.pop("optimizer_")
        self.__dict__.update(state)
        missing = "silent" if self.device_request == "auto" else "warn"
        device = resolve_device(self.device, missing=missing)
        self.device = str(device)
        self.module_.to(device)
        self.criterion_.to(device)
        self._rebuild_optimizer(optimizer)


def _move(state, device):
    """Return a nested state with its tensors on a device."""
    if isinstance(state, torch.Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {key: _move(value, device) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(_move(value, device) for value in state)
    return state


def make_net(
    module,
    criterion,
    *,
    seeds: SeedStreams,
    optimizer="adamw",
    optimizer_params=None,
    lr=1e-3,
    weight_decay=0.0,
    lr_schedule="constant",
    lr_scaling=None,
    batch_size=128,
    max_epochs=200,
    drop_last=False,
    sampler=None,
    device="cpu",
    noise_device=None,
    callbacks=None,
    score_fn=None,
    n_iter_no_change=None,
    record_train_score=False,
    member_link=None,
    predict_fn=None,
    proba_fn=None,
    n_classes=None,
    grad_clip=None,
    boxcox_range=None,
    lambda_period=None,
    compile=False,
    cuda_graph=False,
    n_threads=None,
    verbose=0,
):
    """Build a `TabularNet`, initialised and ready for ``fit_tensors``.

    Parameters
    ----------
    module : nn.Module or callable
        The network, or a function without arguments that builds it; the function is
        called under the seed of the stream ``"init"``, the global generators of torch
        being put back afterwards. ``module(X)`` gives (B,) or (B, K) scores, or
        (B, m[, K]) where the module has ``ensemble_dim = 1`` in its present mode.
    criterion : nn.Module
        ``criterion(scores, target[, sample_weight=...][, noise=...])``, a scalar. A
        method ``noise_shape(shape of the scores)`` makes the loop draw its noise.
    seeds : SeedStreams
        Source of every random number of the net.
    optimizer : {"adamw", "adam", "sgd"} or type, default="adamw"
        Optimiser; "sgd" has momentum 0.9 unless ``optimizer_params`` says otherwise.
    optimizer_params : dict, default=None
        Further arguments of the optimiser.
    lr : float, default=1e-3
        Peak learning rate.
    weight_decay : float, default=0.0
        Weight decay.
    lr_schedule : str or callable, default="constant"
        "constant", "cosine", "flat_cosine", "one_cycle" or "coslog4", or a function
        of the time in [0, 1] that returns the factor of the learning rate. A callback
        ``LRScheduler`` takes its place.
    lr_scaling : {"sqrt", "linear"} or None, default=None
        Multiply the rate by batch_size / 128 or its root.
    batch_size : int or None, default=128
        Rows in a batch; None takes all rows at once, in their own order.
    max_epochs : int, default=200
        Epochs of ``fit_tensors``.
    drop_last : bool, default=False
        Drop an incomplete last batch.
    sampler : TemperatureSampler, HighLossBatchSampler or None, default=None
        Copied, never changed.
    device : str or torch.device, default="cpu"
        Where everything lives; "auto" is the first GPU if there is one.
    noise_device : str or torch.device, default=None
        Where the noise of the loss is drawn; "cpu" gives the same draws everywhere.
    callbacks : list, default=None
        Callbacks of skorch, or (name, callback) pairs: copied, never changed.
    score_fn : callable, default=None
        ``score_fn(scores, y, sample_weight)`` on the hold-out, numpy in, larger is
        better. Without it the hold-out's loss decides.
    n_iter_no_change : int or None, default=None
        Stop after so many epochs without a better hold-out score.
    record_train_score : bool, default=False
        Record ``train_score``: ``score_fn`` of the scores seen while training.
    member_link : callable, default=None
        Turns scores (n, m[, K]) of an ensemble into (n[, K]); by default the mean.
    predict_fn, proba_fn : callable, default=None
        What ``net.predict`` and ``net.predict_proba`` return, given scores; scorers
        of callbacks (EpochScoring) use them.
    n_classes : int or None, default=None
        Number of classes; set for classification, so that scorers see a classifier.
    grad_clip : float or None, default=None
        Largest norm of the gradient.
    boxcox_range : tuple (low, high) or None, default=None
        Redraw the criterion's ``lambda_`` uniformly from this range ...
    lambda_period : int or None, default=None
        ... every so many epochs (1 where only the range is given).
    compile : bool or dict, default=False
        Compile the forward pass and the loss by ``torch.compile``, with these options.
    cuda_graph : bool, default=False
        Replay full batches as a CUDA graph; without effect on other devices.
    n_threads : int or None, default=None
        Threads of torch while training; restored afterwards.
    verbose : int, default=0
        1 prints skorch's epoch table.

    Returns
    -------
    net : TabularNet
        Initialised net.

    Raises
    ------
    ValueError
        If an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skext.neural_network._training.net import make_net
    >>> from skext.utils._torch.seeds import SeedStreams
    >>> X = np.random.RandomState(0).randn(200, 3)
    >>> net = make_net(
    ...     lambda: torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0)),
    ...     torch.nn.MSELoss(), seeds=SeedStreams(0), lr=0.05, max_epochs=40,
    ... )
    >>> net = net.fit_tensors(X, X.sum(1))
    >>> bool(np.abs(net.scores(X) - X.sum(1)).max() < 0.1)
    True
    """
    options = dict(locals())
    for name in ("module", "criterion"):
        del options[name]
    schedule_factors(lr_schedule, 1, 1)
    options["callbacks"] = copy_callbacks(callbacks)
    options["device_request"] = str(device)
    options["device"] = str(resolve_device(device))
    return TabularNet(module, criterion, **options).initialize()


# Parameters that skorch does not know.
_OWN_PARAMS = (
    "optimizer_params weight_decay lr_schedule lr_scaling drop_last sampler "
    "noise_device score_fn n_iter_no_change record_train_score member_link predict_fn "
    "proba_fn n_classes grad_clip boxcox_range lambda_period cuda_graph n_threads "
    "device_request"
).split()
