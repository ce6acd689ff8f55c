"""The tabular net as a regressor."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skext.neural_network._core.base import BaseTabularNet, torch_level
from skext.neural_network._core.constraints import CONSTRAINTS
from skext.neural_network._core.hold_out import hold_out_rows
from skext.neural_network._core.scoring import HoldOutScore
from skext.neural_network._registry.names import losses_for
from skext.utils._labels import read_numbers
from skext.utils._quantiles.levels import change_levels, check_levels
from skext.utils._scaling import (
    Scaler,
    fit_robust_scaler,
    fit_scaler,
    to_standard,
    warn_of_target,
)
from skext.utils._sklearn import HasMethods, StrOptions, fit_context


def _has_quantiles(self):
    return isinstance(self.loss, str) and self.loss == "pinball"


class TabularNetRegressor(RegressorMixin, BaseTabularNet):
    r"""Neural network for tables with a number as the target.

    The network is trained on mini-batches by skorch and torch, on a CPU or a GPU; rows
    that are held out choose the epoch.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,), default=(256, 256, 256)
        Units of each hidden layer; ``()`` is a linear model.
    module : {"mlp", "resnet", "realmlp", "tabm"} or callable, default="mlp"
        Network: a plain one, one with residual blocks, one with the layers of RealMLP,
        an ensemble of members that share most weights; or a class or function that
        makes a ``torch.nn.Module`` when called with the number of inputs and of
        outputs.
    module_params : dict, default=None
        Further arguments of the network.
    loss : str or torch module, default="squared_error"
        ``"squared_error"``, ``"absolute_error"``, ``"huber"`` or ``"pinball"``, which
        fits the quantile that ``loss_params={"quantile": 0.9}`` names; or a class or
        instance of a module that is called with predictions, targets and
        ``sample_weight``.
    loss_params : dict, default=None
        Further arguments of the loss.
    quantiles : array-like of shape (n_quantiles,), default=None
        Increasing levels of ``loss="pinball"``, one output of the network for each;
        they win over ``loss_params``. The regressor is one of quantiles then, as those
        of ``skext.quantile``, which set this parameter where it is None.
    activation : str or callable, default="auto"
        Activation, e.g. ``"relu"``; ``"auto"`` takes the usual one of the module,
        ``"relu"`` for ``"mlp"``.
    normalization : {"auto", "batch", "layer"} or None, default="auto"
        Normalisation of hidden layers; ``"batch"`` for ``"mlp"``.
    dropout : float or "auto", default="auto"
        Rate of dropped hidden units; 0 for ``"mlp"``.
    dropout_samples : int, default=1
        Dropout masks of the last hidden layer for each row and step, whose losses are
        averaged.
    ghost_batch_size : int, default=None
        Rows over which batch normalisation averages inside a larger batch.
    weight_transform : {"arctan"}, default=None
        Bound the weights by a learned arctangent; experimental.
    optimizer : {"adamw", "adam", "sgd"} or type, default="adamw"
        Optimiser, or a class like those of ``torch.optim``. ``"sgd"`` has momentum 0.9.
    optimizer_params : dict, default=None
        Further arguments of the optimiser.
    learning_rate_init : float, default=1e-3
        Highest learning rate.
    weight_decay : float, default=1e-4
        Decay of the weights.
    lr_schedule : str or callable, default="cosine"
        ``"constant"``, ``"cosine"``, ``"flat_cosine"``, ``"one_cycle"``, ``"coslog4"``,
        or a function from the time in [0, 1] to a factor of the learning rate.
    scale_lr_with_batch : {False, "sqrt", "linear"}, default=False
        Multiply the learning rate by ``batch_size / 128`` or its square root.
    max_epochs : int, default=200
        Passes over the rows; the schedule is made for all of them.
    batch_size : int, default=128
        Rows of a step; None takes all.
    drop_last : bool, default=False
        Leave out an incomplete last batch of an epoch. A last batch of one row is
        always joined to the one before.
    sampler : TemperatureSampler or HighLossBatchSampler, default=None
        Which rows an epoch visits; None visits all in random order.
    early_stopping : bool, default=True
        Hold out rows, keep the weights of the best epoch, and stop after
        ``n_iter_no_change`` epochs without a better one.
    validation_fraction : float, default=0.1
        Share of the rows to hold out.
    n_iter_no_change : int, default=20
        Patience; None always runs ``max_epochs`` epochs.
    scoring : str, callable or None, default=None
        Score of the hold-out: a name or scorer of scikit-learn; None is the loss.
    standardize : bool, default=True
        Subtract the mean of each feature and divide by its standard deviation, both of
        the rows that are trained on; a feature with two values is divided by their
        distance. One whose standard deviation is that of a few far values is warned of;
        a constant one is not looked at in prediction either.
    callbacks : list, default=None
        Callbacks of skorch, or pairs of name and callback; copied.
    device : str, default="auto"
        Device of torch; ``"auto"`` is a GPU if there is one.
    compile : bool or dict, default=False
        Compile the step by ``torch.compile``; a dict has its options.
    cuda_graph : bool, default=False
        Replay steps as a CUDA graph, on a GPU.
    n_threads : int, default=None
        Threads of torch while fitting, in the whole process; None leaves the setting
        alone.
    warm_start : bool, default=False
        Start a fit from the weights of the last one, with a new optimiser.
    verbose : bool or int, default=0
        Print a table of the epochs.
    random_state : int, RandomState or None, default=None
        Seed of weights, order, dropout, noise and hold-out. The global generators are
        left as they were.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.
    n_outputs_ : int
        Scores of a row: 1, or one for each level.
    quantiles_ : ndarray of shape (n_quantiles,)
        Levels that were fitted; only with ``loss="pinball"``.
    net_ : TabularNet
        Trainer, a ``skorch.NeuralNet``.
    module_ : torch.nn.Module
        Trained network.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int or None
        Epoch whose weights were kept, from 1; None without hold-out.
    history_ : dict of str to ndarray of shape (n_epochs,)
        ``train_loss``, ``lr``, ``epoch_time`` and, with a hold-out, ``valid_loss`` and
        ``valid_score``.
    scaler_mean_ : ndarray of shape (n_features,)
        Subtracted from the features.
    scaler_scale_ : ndarray of shape (n_features,)
        Divided by.
    device_ : str
        Device that holds the network.
    target_mean_ : float
        Subtracted from the target before training; the median for robust losses.
    target_scale_ : float
        Divided by; 0 for a constant target.

    See Also
    --------
    TabularNetClassifier : For classes.
    sklearn.neural_network.MLPRegressor : Squared error only, on a CPU.

    Notes
    -----
    The target is standardised, too, so that learning rates do not depend on its unit:
    by mean and standard deviation or, where the loss is one that gross errors do not
    move (``"absolute_error"``, ``"huber"``, ``"pinball"`` and modules of torch like
    them), by the median and 1.4826 times the median distance from it, which gross
    errors do not move either. Parameters of losses (the threshold of ``"huber"``) are
    in this unit.

    Rows live on the device in single precision, batches are slices of one gather an
    epoch, and the host waits for the device once an epoch. An epoch costs
    O(n_samples * number of weights). On a CPU the same seed and number of threads give
    the same bits.

    Rows of weight 0 take no part, whatever they hold, nor do those whose weight single
    precision cannot tell from 0 beside the largest; a factor of all weights changes
    nothing. With ``batch_size=None``, ``normalization=None``, no
    dropout, no early stopping and a loss without noise, all steps see all rows alike:
    equal rows are merged then, and weights give exactly what repetitions give.
    Mini-batches cannot: a row of weight 2 is in one batch, two rows may be in two.

    RealMLP [1]_ and TabM [2]_ are our own code, from the published descriptions; the
    predictions of members are averaged. Groups given to ``fit`` are held out
    whole; below 20 rows nothing is held out, with a warning.

    References
    ----------
    .. [1] David Holzmüller, Léo Grinsztajn and Ingo Steinwart, "Better by Default:
       Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data", Advances in Neural
       Information Processing Systems, 2024, arXiv:2407.04491.
    .. [2] Yury Gorishniy, Akim Kotelnikov and Artem Babenko, "TabM: Advancing Tabular
       Deep Learning with Parameter-Efficient Ensembling", International Conference on
       Learning Representations, 2025, arXiv:2410.24210.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skext.neural_network import TabularNetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = TabularNetRegressor((32,), max_epochs=40, random_state=0, device="cpu")
    >>> model = model.set_params(learning_rate_init=0.01).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.35
    True

    Several quantiles by one net:

    >>> model = model.set_params(loss="pinball", quantiles=[0.1, 0.5, 0.9])
    >>> model.fit(X[:300], y[:300]).predict_quantiles(X[300:]).shape
    (142, 3)
    """

    _parameter_constraints: dict = {
        **CONSTRAINTS,
        "loss": [
            StrOptions(losses_for("numbers")),
            callable,
            HasMethods(["forward"]),
        ],
        "quantiles": ["array-like", None],
    }

    _kept = (
        *BaseTabularNet._kept,
        "target_mean_",
        "target_scale_",
        "_target_parts",
        "quantiles_",
    )

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        *,
        module="mlp",
        module_params=None,
        loss="squared_error",
        loss_params=None,
        quantiles=None,
        activation="auto",
        normalization="auto",
        dropout="auto",
        dropout_samples=1,
        ghost_batch_size=None,
        weight_transform=None,
        optimizer="adamw",
        optimizer_params=None,
        learning_rate_init=1e-3,
        weight_decay=1e-4,
        lr_schedule="cosine",
        scale_lr_with_batch=False,
        max_epochs=200,
        batch_size=128,
        drop_last=False,
        sampler=None,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=20,
        scoring=None,
        standardize=True,
        callbacks=None,
        device="auto",
        compile=False,
        cuda_graph=False,
        n_threads=None,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.module = module
        self.module_params = module_params
        self.loss = loss
        self.loss_params = loss_params
        self.quantiles = quantiles
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.dropout_samples = dropout_samples
        self.ghost_batch_size = ghost_batch_size
        self.weight_transform = weight_transform
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate_init = learning_rate_init
        self.weight_decay = weight_decay
        self.lr_schedule = lr_schedule
        self.scale_lr_with_batch = scale_lr_with_batch
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.standardize = standardize
        self.callbacks = callbacks
        self.device = device
        self.compile = compile
        self.cuda_graph = cuda_graph
        self.n_threads = n_threads
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative; a row without weight takes no part.
        groups : array-like of shape (n_samples,), default=None
            Labels of groups, e.g. patients, whose rows are alike: they are held out
            together for early stopping, or not at all.

        Returns
        -------
        self : estimator
            Fitted.
        """
        return self._fit(X, y, sample_weight, groups)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train one epoch on rows, going on from where the last call stopped.

        Means and scales are those of the first call, the learning rate is constant,
        nothing is held out. After ``fit`` its net is trained on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : estimator
            Fitted.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Predictions; with several levels the median, interpolated where 0.5 is not
            one of them, or else the nearest level.
        """
        check_is_fitted(self, "net_")
        return self._to_point(self._raw_scores(X))

    @available_if(_has_quantiles)
    def predict_quantiles(self, X, quantiles=None, extrapolate=None):
        """Predict quantiles; absent unless ``loss="pinball"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        quantiles : array-like of shape (n_quantiles,), default=None
            Increasing levels; None is ``quantiles_``. Others are interpolated.
        extrapolate : {"gaussian", "exponential"}, default=None
            How to go beyond the fitted levels; None refuses to.

        Returns
        -------
        Q : ndarray of shape (n_samples, n_quantiles)
            One column for each level, sorted in each row.
        """
        check_is_fitted(self, "net_")
        wanted = self.quantiles_ if quantiles is None else check_levels(quantiles)
        Q = self._to_levels(self._raw_scores(X))
        return change_levels(Q, self.quantiles_, wanted, extrapolate)

    def _read_target(self, y):
        return y if y is None else read_numbers(y)

    def _encode_target(self, y, classes, reset):
        return y

    def _weigh(self, rows):
        return rows

    def _hold_out(self, rows, rng, families):
        return hold_out_rows(len(rows.y), self.validation_fraction, rng, families)

    def _adapt(self, rows, whole):
        self._set_levels()
        self._target_parts = None
        if whole and rows.y.min() == rows.y.max():
            # Nothing to learn: the scale of 0 gives the constant back.
            self.target_mean_, self.target_scale_ = float(rows.y[0]), 0.0
        elif self._is_robust():
            scaler = fit_robust_scaler(rows.y, rows.weight)
            self.target_mean_, self.target_scale_, self._target_parts = scaler
        else:
            scaler = fit_scaler(rows.y[:, None], rows.weight)
            warn_of_target(rows.y, scaler)
            self.target_mean_ = scaler.mean.item()
            self.target_scale_ = scaler.scale.item()
            if scaler.parts is not None:
                self._target_parts = scaler.parts.ravel()

    def _targets(self, y):
        largest = 1e7 if self._is_robust() else 1e30
        parts = getattr(self, "_target_parts", None)
        scaler = Scaler(self.target_mean_, self.target_scale_, parts)
        return to_standard(y, scaler, largest)

    def _is_robust(self):
        return self._make_loss().robust

    def _to_target(self, scores):
        """Return numbers in the unit of the target."""
        return scores.astype(np.float64) * self.target_scale_ + self.target_mean_

    def _set_levels(self):
        """Learn the levels of quantiles, if it is these that are fitted."""
        vars(self).pop("quantiles_", None)
        if not _has_quantiles(self):
            if self.quantiles is not None:
                raise ValueError(
                    f"quantiles={self.quantiles!r} does not go with loss="
                    f"{self.loss!r}; use 'pinball', or leave quantiles out."
                )
            return
        levels = self.quantiles
        if levels is None:
            levels = (self.loss_params or {}).get("quantile", 0.5)
        self.quantiles_ = check_levels(levels)

    def _to_levels(self, scores):
        """Return quantiles in the unit of the target, of one column for each level."""
        Q = self._to_target(scores)
        return np.sort(Q, axis=1) if Q.ndim == 2 else Q[:, None]

    def _to_point(self, scores):
        """Return a single prediction of each row."""
        if self._n_columns() == 1:
            return self._to_target(scores)
        Q, levels = self._to_levels(scores), self.quantiles_
        middle = np.clip([0.5], levels[0], levels[-1])
        return change_levels(Q, levels, middle)[:, 0].copy()

    def _n_columns(self):
        return len(getattr(self, "quantiles_", "1"))

    def _make_loss(self):
        make_loss = torch_level("_registry.losses").make_loss
        params = self.loss_params
        if hasattr(self, "quantiles_"):
            levels = self.quantiles_.tolist()
            one = levels[0] if len(levels) == 1 else levels
            params = {**(params or {}), "quantile": one}
        return make_loss(self.loss, n_outputs=self._n_columns(), params=params)

    def _score_options(self, criterion, members):
        if self.scoring is None:
            return {"score_fn": None}
        score = HoldOutScore(self.scoring, link=self._to_point, decode=self._to_target)
        return {"score_fn": score}
