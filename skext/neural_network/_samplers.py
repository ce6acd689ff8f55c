"""Samplers: which rows an epoch visits, and how much each of them counts.

A sampler is copied for each fit; the net calls ``start`` once and the other methods
once an epoch, all in numpy.
"""

import inspect
import math

import numpy as np


class Sampler:
    """Plain shuffling, and the methods that a sampler may override.

    Any object with these methods can be given as ``sampler``.
    """

    def start(self, groups):
        """Get ready for a fit.

        Parameters
        ----------
        groups : ndarray of int of shape (n_samples,)
            Codes of the classes of the rows, or of the groups passed to the net.
        """

    def order(self, time, rng):
        """Return the rows to visit in an epoch, or None for a plain shuffle.

        Parameters
        ----------
        time : float
            Share of the epochs done, in [0, 1).
        rng : numpy.random.Generator
            Random numbers of this epoch.

        Returns
        -------
        order : ndarray of int or None
            Row numbers, repeated ones included.
        """
        return None

    def weights(self, time):
        """Return factors of the weights of all rows in an epoch, or None."""
        return None

    def wants_losses(self, epoch):
        """Tell whether the losses of all rows shall be computed before an epoch."""
        return False

    def keep(self, epoch, losses):
        """Return the numbers of the batches to train on, or None for all.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        losses : ndarray of shape (n_batches,) or None
            Mean loss of each batch, if losses were asked for before.

        Returns
        -------
        batches : ndarray of int or None
            Increasing.
        """
        return None

    def get_params(self, deep=True):
        """Return the parameters of the constructor, as scikit-learn does.

        Parameters
        ----------
        deep : bool, default=True
            Ignored; there for the interface.

        Returns
        -------
        params : dict
            Values by name.
        """
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params):
        """Set parameters of the constructor.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : Sampler
            The sampler.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; set one of "
                    f"{list(known)}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self):
        params = ", ".join(f"{key}={val!r}" for key, val in self.get_params().items())
        return f"{type(self).__name__}({params})"


class TemperatureSampler(Sampler):
    r"""Draw small groups more often, less so towards the end.

    A row of group i is drawn with probability

    .. math:: p_i = n_i^{1/\tau} / \sum_j n_j^{1/\tau},

    shared by the n_i rows of the group: the natural shares for tau = 1, equal shares
    as tau grows. The temperature falls from ``tau`` to ``tau_final`` until the share
    ``switch`` of the epochs is over (cooldown).

    Parameters
    ----------
    tau : float, default=5.0
        Temperature at the start, at least 1; ``inf`` gives equal shares.
    tau_final : float, default=1.0
        Temperature from ``switch`` on.
    schedule : {"step", "linear", "cosine"}, default="step"
        How 1 / tau gets from the one to the other: at once at ``switch``, or
        gradually before it.
    switch : float, default=0.5
        Share of the epochs, in [0, 1].
    by : "class" or array-like of shape (n_samples,), default="class"
        Groups: the classes, or any labels of the rows given to ``fit``.
    weighting : bool, default=False
        Keep the rows and weight their losses by the ratio of the shares instead: the
        same expected gradient, with a larger variance.

    See Also
    --------
    HighLossBatchSampler : Choose batches by their loss.

    Notes
    -----
    An epoch has as many rows as the data. The number of rows of each group is
    multinomial; inside a group rows come in complete passes in random order, which go
    on from epoch to epoch, so that rows repeat evenly. ``sample_weight`` multiplies
    the loss and never the draw.

    A network that ends at a temperature other than 1 has learned other priors;
    `score_shift` gives the correction of its scores. Streams (``partial_fit``) have
    no end to cool down to and stay at ``tau``. O(n_samples) an epoch.

    References
    ----------
    .. [1] T. Li, H. Xu, W. Tan, K. Murray, D. Khashabi, "Upsample or Upweight?
           Balanced Training on Heavily Imbalanced Datasets", NAACL 2025,
           arXiv:2410.04579. The paper does not give the switch point; 0.5 is ours.

    Examples
    --------
    >>> from skext.neural_network import TemperatureSampler
    >>> sampler = TemperatureSampler(tau=float("inf"))
    >>> sampler.probabilities([90, 10]).tolist()
    [0.5, 0.5]
    >>> sampler.temperature(0.5)
    1.0
    """

    def __init__(
        self,
        tau=5.0,
        tau_final=1.0,
        *,
        schedule="step",
        switch=0.5,
        by="class",
        weighting=False,
    ):
        self.tau = tau
        self.tau_final = tau_final
        self.schedule = schedule
        self.switch = switch
        self.by = by
        self.weighting = weighting

    def temperature(self, time):
        """Return the temperature after a share of the epochs.

        Parameters
        ----------
        time : float
            Share of the epochs done, in [0, 1].

        Returns
        -------
        tau : float
            Temperature.
        """
        self._check()
        if time >= self.switch:
            return float(self.tau_final)
        done = time / self.switch
        if self.schedule == "step":
            done = 0.0
        elif self.schedule == "cosine":
            done = 0.5 - 0.5 * math.cos(math.pi * done)
        power = (1.0 - done) / self.tau + done / self.tau_final
        return 1.0 / power if power else math.inf

    def probabilities(self, counts, tau=None):
        """Return the shares of the groups in the draws.

        Parameters
        ----------
        counts : array-like of shape (n_groups,)
            Rows of each group.
        tau : float, default=None
            Temperature; by default the one at the start.

        Returns
        -------
        shares : ndarray of shape (n_groups,)
            They sum to 1; empty groups have 0.
        """
        counts = np.asarray(counts, dtype=float)
        tau = self.tau if tau is None else tau
        # Relative to the largest group, so that no power overflows.
        powers = np.where(counts > 0, (counts / counts.max()) ** (1.0 / tau), 0.0)
        return powers / powers.sum()

    def score_shift(self, counts, tau=None):
        """Return what to add to the scores of the classes for the natural priors.

        Parameters
        ----------
        counts : array-like of shape (n_classes,)
            Rows of each class.
        tau : float, default=None
            Temperature that the network was trained at last; by default
            ``tau_final``.

        Returns
        -------
        shift : ndarray of shape (n_classes,)
            The logarithm of n_i / n minus that of p_i, for scores that are logits.
        """
        counts = np.asarray(counts, dtype=float)
        shares = self.probabilities(counts, self.tau_final if tau is None else tau)
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = np.log(counts / counts.sum()) - np.log(shares)
        return np.where(counts > 0, shift, 0.0)

    def start(self, groups):
        """Get ready for a fit.

        Parameters
        ----------
        groups : ndarray of shape (n_samples,)
            Codes of the groups of the rows.
        """
        self._check()
        self._codes = np.asarray(groups)
        self._counts = np.bincount(self._codes)
        self._rows = np.split(
            np.argsort(self._codes, kind="stable"), np.cumsum(self._counts)[:-1]
        )
        self._waiting = [rows[:0] for rows in self._rows]

    def order(self, time, rng):
        """Return the rows to visit in an epoch.

        Parameters
        ----------
        time : float
            Share of the epochs done.
        rng : numpy.random.Generator
            Source of the draws.

        Returns
        -------
        order : ndarray of shape (n_samples,) or None
            Numbers of the rows; None is a plain shuffle.
        """
        if self.weighting:
            return None
        shares = self.probabilities(self._counts, self.temperature(time))
        wanted = rng.multinomial(len(self._codes), shares)
        picked = [self._take(group, n, rng) for group, n in enumerate(wanted)]
        return rng.permutation(np.concatenate(picked))

    def weights(self, time):
        """Return factors of the weights of all rows in an epoch.

        Parameters
        ----------
        time : float
            Share of the epochs done.

        Returns
        -------
        weights : ndarray of shape (n_samples,) or None
            Factors; None is 1 for all.
        """
        if not self.weighting:
            return None
        shares = self.probabilities(self._counts, self.temperature(time))
        natural = np.maximum(self._counts, 1) / len(self._codes)
        return (shares / natural)[self._codes]

    def _take(self, group, n_rows, rng):
        """Take rows of a group from its passes, shuffling new ones as needed."""
        rows, waiting = self._rows[group], self._waiting[group]
        if n_rows > len(waiting):
            n_passes = -(-(n_rows - len(waiting)) // len(rows))
            passes = rng.permuted(np.tile(rows, (n_passes, 1)), axis=1)
            waiting = np.concatenate([waiting, passes.ravel()])
        self._waiting[group] = waiting[n_rows:]
        return waiting[:n_rows]

    def _check(self):
        for name in ("tau", "tau_final"):
            if not getattr(self, name) >= 1:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} must be at least 1, the natural "
                    "shares."
                )
        if isinstance(self.by, str) and self.by != "class":
            raise ValueError(
                f"by={self.by!r} is unknown; choose 'class', or one label for each row."
            )
        if not 0 <= self.switch <= 1:
            raise ValueError(f"switch={self.switch!r} must lie in [0, 1].")
        if self.schedule not in ("step", "linear", "cosine"):
            raise ValueError(
                f"schedule={self.schedule!r} is unknown; choose 'step', 'linear' or "
                "'cosine'."
            )


class HighLossBatchSampler(Sampler):
    """Train on the batches with the highest loss.

    Each epoch is shuffled and cut into batches as usual; the batches are ranked by
    the mean loss of their rows, and the highest share ``delta`` of them is trained
    on, in the order of the shuffle.

    Parameters
    ----------
    delta : float, default=0.5
        Share of the batches that is used, in (0, 1]; 1 is ordinary training, to the
        bit.
    refresh : int, default=1
        Compute the losses of all rows before every so many epochs; in between the
        old ones rank the batches.
    warmup : int, default=1
        Epochs at the start that use all batches.

    See Also
    --------
    TemperatureSampler : Balance classes.

    Notes
    -----
    Experimental: the paper's abstract fixes the idea and not the schedule; this is
    our reading. A refresh costs a forward pass over the data, about a third of an
    ordinary epoch, so compare by rows visited (``n_rows`` in the history) or by time,
    not by epochs. With wrong labels in the data, a high loss finds these first. In a
    stream (``partial_fit``) there are no old losses of new rows: between two
    refreshes all batches are used.

    References
    ----------
    .. [1] S. Sahayam, J. Zakkam, U. Jayaraman, "Can we learn better with hard
           samples?", arXiv:2304.03486, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.neural_network import HighLossBatchSampler
    >>> HighLossBatchSampler(delta=0.5).keep(1, np.array([0.1, 0.9, 0.2, 0.8]))
    array([1, 3])
    """

    def __init__(self, delta=0.5, *, refresh=1, warmup=1):
        self.delta = delta
        self.refresh = refresh
        self.warmup = warmup

    def start(self, groups):
        """Get ready for a fit.

        Parameters
        ----------
        groups : ndarray of shape (n_samples,)
            Codes of the groups of the rows.
        """
        if not 0 < self.delta <= 1:
            raise ValueError(f"delta={self.delta!r} must lie in (0, 1].")
        if not self.refresh >= 1:
            raise ValueError(f"refresh={self.refresh!r} must be at least 1.")
        if not self.warmup >= 0:
            raise ValueError(f"warmup={self.warmup!r} must be at least 0.")

    def wants_losses(self, epoch):
        """Tell whether the losses of all rows shall be computed before an epoch.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.

        Returns
        -------
        wants : bool
            Whether they shall.
        """
        since = epoch - self.warmup
        return self.delta < 1 and since >= 0 and since % self.refresh == 0

    def keep(self, epoch, losses):
        """Return the numbers of the batches to train on.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.
        losses : ndarray of shape (n_batches,) or None
            Mean loss of each batch where it is known.

        Returns
        -------
        kept : ndarray of shape (n_kept,) or None
            Numbers; None is all.
        """
        if self.delta == 1 or epoch < self.warmup or losses is None:
            return None
        n_kept = math.ceil(self.delta * len(losses))
        return np.sort(np.argsort(-losses, kind="stable")[:n_kept])
