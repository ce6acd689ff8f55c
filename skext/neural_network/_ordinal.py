"""The tabular net for ordered classes."""

import numpy as np

from skext.neural_network._core.base_classifier import BaseNetClassifier
from skext.neural_network._core.constraints import CONSTRAINTS
from skext.neural_network._registry.names import losses_for
from skext.utils._class_order import declared_order, resolve_order
from skext.utils._sklearn import HasMethods, StrOptions


class OrdinalNetClassifier(BaseNetClassifier):
    r"""Neural network for ordered classes, trained on soft labels.

    A row of class :math:`t` is given to the cross-entropy as the distribution
    :math:`q_k \propto \exp(-\alpha d(t, k))` over the classes [1]_: a near miss costs
    less than a far one.

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
    loss : str or torch module, default="soft_ordinal"
        ``"soft_ordinal"``, the cross-entropy with soft labels that fall off with the
        distance from the true class, or a loss that knows no order: ``"log_loss"``,
        ``"gce"``, ``"ldr"``, ``"aldr"``, a class or instance of a module.
    loss_params : dict, default=None
        Further arguments of the loss: ``alpha``, how fast soft labels fall off, and
        ``distance`` for ``"soft_ordinal"``.
    class_order : array-like of shape (n_classes,), default=None
        Labels from the lowest to the highest class. By default the order of an ordered
        pandas categorical or, if ``y`` is none, the sorted labels.
    decision : {"argmax", "median", "mean"}, default="argmax"
        Predict the most probable class; the lowest one that half of the probability
        lies at or below, which minimises the absolute error of its place; or the place
        nearest to the mean.
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
        Share of the rows to hold out, each class in proportion.
    n_iter_no_change : int, default=20
        Patience; None always runs ``max_epochs`` epochs.
    scoring : str, callable or None, default=None
        Score of the hold-out: a name or scorer of scikit-learn; None is the loss.
    calibration : {"auto", "symlog", "temperature"} or None, default="auto"
        How scores become probabilities: by a logistic function or softmax of a positive
        factor times the scores (``"temperature"``), or times sign(s) log(1 + abs(s)) of
        the (centred) scores (``"symlog"``); ``"auto"`` takes the one that fits the
        loss. The factor minimises the log-loss of the hold-out; without one it is that
        of the loss. With None there is no ``predict_proba``.
    class_weight : dict or "balanced", default=None
        Factors of the weights of rows by class.
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
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    ordered_classes_ : ndarray of shape (n_classes,)
        Labels from the lowest to the highest class.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.
    n_outputs_ : int
        Scores of a row: one for each class.
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
    calibration_scale_ : float
        Factor of the linked scores; absent where ``calibration=None``.

    See Also
    --------
    skext.ordinal.PRESTO : Linear, with cumulative probabilities.
    TabularNetClassifier : For classes without an order.
    SoftOrdinalLoss : The loss alone.

    Notes
    -----
    The net estimates the distribution of soft labels, which is flatter than that of the
    labels; the factor that is fitted to the hold-out makes it sharper again. Without
    hold-out it stays flat.

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

    The hold-out is stratified and has a row of each class with two or more, unless it
    would have to be twice as large for that; groups given to ``fit`` are held out
    whole. A class of one row or group is trained on only, and below 20 rows nothing is
    held out, both with a warning. A ``scoring`` that is not defined for the hold-out
    leaves the choice to the loss, with a warning. The hold-out also chooses the epoch,
    so that probabilities are a little too sure; each of its targets keeps K / (n + K)
    of its mass for all K classes alike, or a hold-out without error would ask for
    infinite scores. With ``decision="argmax"`` the predicted class is always the most
    probable one, since all links increase.

    References
    ----------
    .. [1] Raúl Díaz and Amit Marathe, "Soft Labels for Ordinal Regression", Conference
       on Computer Vision and Pattern Recognition, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.neural_network import OrdinalNetClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(300, 3))
    >>> place = np.digitize(X[:, 0] + 0.3 * rng.normal(size=300), [-0.5, 0.5])
    >>> y = np.array(["low", "middle", "high"])[place]
    >>> model = OrdinalNetClassifier((16,), class_order=["low", "middle", "high"])
    >>> model = model.set_params(max_epochs=40, random_state=0, device="cpu")
    >>> model = model.set_params(learning_rate_init=0.01).fit(X, y)
    >>> model.classes_.tolist()
    ['high', 'low', 'middle']
    >>> model.score(X, y) > 0.75
    True
    """

    _parameter_constraints: dict = {
        **CONSTRAINTS,
        "loss": [
            StrOptions(losses_for("ordered classes")),
            callable,
            HasMethods(["forward"]),
        ],
        "class_order": ["array-like", None],
        "decision": [StrOptions({"argmax", "median", "mean"})],
        "calibration": [StrOptions({"auto", "symlog", "temperature"}), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    _kept = (*BaseNetClassifier._kept, "ordered_classes_")

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        *,
        module="mlp",
        module_params=None,
        loss="soft_ordinal",
        loss_params=None,
        class_order=None,
        decision="argmax",
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
        calibration="auto",
        class_weight=None,
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
        self.class_order = class_order
        self.decision = decision
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
        self.calibration = calibration
        self.class_weight = class_weight
        self.standardize = standardize
        self.callbacks = callbacks
        self.device = device
        self.compile = compile
        self.cuda_graph = cuda_graph
        self.n_threads = n_threads
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _read(self, X, y, sample_weight, reset, classes=None, whole=False):
        if self.decision != "argmax" and self.calibration is None:
            raise ValueError(
                f"decision={self.decision!r} needs probabilities, which "
                "calibration=None turns off; use another calibration."
            )
        # Validation drops the type that knows the order.
        self._declared = declared_order(y)
        try:
            return super()._read(X, y, sample_weight, reset, classes, whole)
        finally:
            del self._declared

    def _set_classes(self, labels):
        order = resolve_order(labels, self.class_order, self._declared)
        super()._set_classes(order.classes)
        self.ordered_classes_ = order.ordered

    def _places(self):
        """Return the place in the order of each of ``classes_``."""
        inverse = np.empty(len(self.classes_), dtype=np.intp)
        inverse[np.searchsorted(self.classes_, self.ordered_classes_)] = np.arange(
            len(self.classes_)
        )
        return inverse

    def _targets(self, y):
        return self._places()[y].astype(np.int64)

    def _decode(self, targets):
        return np.searchsorted(self.classes_, self.ordered_classes_)[targets]

    def _in_class_order(self, linked):
        return linked[:, self._places()]

    def _n_columns(self):
        return len(self.classes_)

    def _decide(self, scores):
        if self.decision == "argmax":
            return super()._decide(scores)
        proba = self._to_proba(scores)[:, self._decode(np.arange(len(self.classes_)))]
        return self._decode(_place(proba, self.decision))

    def decision_function(self, X):
        """Return the scores of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            In the order of ``classes_``; for two classes the difference of both.
        """
        scores = super().decision_function(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores


def _place(proba, decision):
    """Return the place that a decision takes from probabilities in the order.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        From the lowest to the highest class.
    decision : {"median", "mean"}
        See :class:`OrdinalNetClassifier`.

    Returns
    -------
    places : ndarray of shape (n_samples,)
        Integers.
    """
    if decision == "mean":
        return np.rint(proba @ np.arange(proba.shape[1])).astype(np.intp)
    # Rounding must not push an exact half to the class above.
    return (proba.cumsum(axis=1) < 0.5 - 1e-12).sum(axis=1)
