"""The tabular net as a classifier, with every loss by name."""

from numbers import Integral, Real

from skext.neural_network._core.base_classifier import BaseNetClassifier
from skext.neural_network._core.constraints import CONSTRAINTS
from skext.neural_network._registry.names import losses_for
from skext.utils._sklearn import HasMethods, Interval, StrOptions


class TabularNetClassifier(BaseNetClassifier):
    r"""Neural network for tables, trained with any of the losses by name.

    The network is trained on mini-batches by skorch [1]_ and torch, on a CPU or a GPU;
    rows that are held out choose the epoch and calibrate the probabilities.

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
    loss : str or torch module, default="log_loss"
        ``"log_loss"``; losses of margins: ``"ensloss"``, ``"log_hinge"``, ``"hinge"``,
        ``"exponential"``; losses for wrong labels: generalised cross-entropy ``"gce"``,
        LDR-KL ``"ldr"`` and its adaptive form ``"aldr"``; ``"soft_ordinal"`` labels for
        ordered classes; or a class or instance of a module that is called with scores,
        class codes and ``sample_weight``.
    loss_params : dict, default=None
        Further arguments of the loss; they win over the parameters below.
    boxcox_lambda : float or pair of float, default=0.0
        Parameter of the random derivatives of EnsLoss; 0 makes them log-normal. A pair
        (low, high) draws it anew, uniformly, every ``lambda_period`` epochs.
    lambda_period : int, default=None
        Epochs between two draws of a pair; None means 1.
    clip : float, default=1.0
        Largest derivative of EnsLoss. Without a clip it loses to the log-loss.
    tail : {"log", "log2"} or None, default="log"
        Derivative of EnsLoss and log-hinge beyond a margin of 1: it falls like 1/s,
        like 1/(s (1 + log s)^2), or not.
    spectrum : {"random", "expected"}, default="random"
        ``"expected"`` takes the mean of the random derivatives of EnsLoss: no noise.
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        Margins of more than two classes: the score of the class minus that of each
        other one, or each score against 0.
    activation : str or callable, default="auto"
        Activation, e.g. ``"relu"``; ``"auto"`` takes the usual one of the module,
        ``"relu"`` for ``"mlp"``.
    normalization : {"auto", "batch", "layer"} or None, default="auto"
        Normalisation of hidden layers; ``"auto"`` is none for ``"mlp"``, or
        ``"batch"`` if there is a `ghost_batch_size`.
    dropout : float or "auto", default="auto"
        Rate of dropped hidden units; ``"auto"`` is 0.2 for ``"mlp"``, 0 if
        ``batch_size=None``.
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
        Rows of a step; None takes all. It is part of the regularisation: the spread of
        EnsLoss vanishes as it grows.
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
        Score of the hold-out: a name or scorer of scikit-learn; None is the loss,
        which hears of a rare class long before the accuracy does.
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
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.
    n_outputs_ : int
        Scores of a row: 1 for two classes, else one for each.
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
    EnsLossClassifier : The same with random losses.
    OrdinalNetClassifier : For ordered classes.
    TabularNetRegressor : For numbers.
    sklearn.neural_network.MLPClassifier : Log-loss only, on a CPU, without weights.

    Notes
    -----
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
    infinite scores. The predicted class is always the most probable one, since all
    links increase.

    RealMLP [2]_ and TabM [3]_ are our own code, from the published descriptions. For
    members of ``"tabm"`` linked scores are averaged, so that the mean is monotone in
    each.

    References
    ----------
    .. [1] Marian Tietz et al., "skorch: A scikit-learn compatible neural network
       library that wraps PyTorch", 2017.
    .. [2] David Holzmüller, Léo Grinsztajn and Ingo Steinwart, "Better by Default:
       Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data", Advances in Neural
       Information Processing Systems, 2024, arXiv:2407.04491.
    .. [3] Yury Gorishniy, Akim Kotelnikov and Artem Babenko, "TabM: Advancing Tabular
       Deep Learning with Parameter-Efficient Ensembling", International Conference on
       Learning Representations, 2025, arXiv:2410.24210.
    .. [4] John Platt, "Probabilistic Outputs for Support Vector Machines and
       Comparisons to Regularized Likelihood Methods", Advances in Large Margin
       Classifiers, 1999.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skext.neural_network import TabularNetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = TabularNetClassifier((16,), max_epochs=30, random_state=0)
    >>> model = model.set_params(learning_rate_init=0.02, batch_size=32, device="cpu")
    >>> model = model.fit(X, y)
    >>> model.score(X, y) > 0.9
    True

    A grid over losses is a grid over a parameter:

    >>> from sklearn.model_selection import GridSearchCV
    >>> grid = {"loss": ["log_loss", "log_hinge", "ensloss"]}
    >>> search = GridSearchCV(model, grid, cv=2).fit(X, y)
    >>> sorted(search.best_params_)
    ['loss']
    """

    _mlp_normalization, _mlp_dropout = None, 0.2
    _parameter_constraints: dict = {
        **CONSTRAINTS,
        "loss": [StrOptions(losses_for("classes")), callable, HasMethods(["forward"])],
        "boxcox_lambda": [Interval(Real, None, None, closed="neither"), tuple, list],
        "lambda_period": [Interval(Integral, 1, None, closed="left"), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "tail": [StrOptions({"log", "log2"}), None],
        "spectrum": [StrOptions({"random", "expected"})],
        "multiclass": [StrOptions({"pairwise", "ovr"})],
        "calibration": [StrOptions({"auto", "symlog", "temperature"}), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(256, 256, 256),
        *,
        module="mlp",
        module_params=None,
        loss="log_loss",
        loss_params=None,
        boxcox_lambda=0.0,
        lambda_period=None,
        clip=1.0,
        tail="log",
        spectrum="random",
        multiclass="pairwise",
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
        self.boxcox_lambda = boxcox_lambda
        self.lambda_period = lambda_period
        self.clip = clip
        self.tail = tail
        self.spectrum = spectrum
        self.multiclass = multiclass
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

    def _loss_options(self):
        if self.loss == "log_hinge":
            return {"tail": self.tail}
        if self.loss != "ensloss":
            return {}
        low, high = self._boxcox_range() or (self.boxcox_lambda, self.boxcox_lambda)
        return {
            # The first epoch replaces the middle of a range.
            "boxcox_lambda": 0.5 * (low + high),
            "clip": self.clip,
            "tail": self.tail,
            "spectrum": self.spectrum,
        }

    def _boxcox_range(self):
        """Return the range of a parameter that is redrawn, or None."""
        if isinstance(self.boxcox_lambda, Real):
            return None
        bounds = tuple(self.boxcox_lambda)
        numbers = all(isinstance(bound, Real) for bound in bounds)
        if not numbers or len(bounds) != 2 or not bounds[0] <= bounds[1]:
            raise ValueError(
                f"boxcox_lambda={self.boxcox_lambda!r} must be a number or a pair "
                "(low, high) in this order."
            )
        return float(bounds[0]), float(bounds[1])

    def _score_options(self, criterion, members):
        options = super()._score_options(criterion, members)
        if self.loss == "ensloss" and self._boxcox_range() is not None:
            options["boxcox_range"] = self._boxcox_range()
            options["lambda_period"] = self.lambda_period
        return options
