"""Ensembles of calibrated losses: a random spectral risk of the log-hinge."""

import math

import numpy as np
import torch

from skext.neural_network._losses.base import (
    TabularLoss,
    align,
    check_choice,
    lay_out,
    reduce_losses,
)
from skext.neural_network._losses.margin import (
    MULTICLASS,
    TAILS,
    compute_margins,
    log_hinge,
    log_hinge_tangent,
    signed_targets,
)
from skext.neural_network._losses.spectrum import (
    ExpectedSpectrum,
    expected_masses,
    random_masses,
)

SPECTRA = ("random", "expected")
FLOOR = 1e-6


def check_magnitudes(boxcox_lambda, clip):
    """Raise if the parameters do not give finite magnitudes.

    Parameters
    ----------
    boxcox_lambda : float
        Parameter of the transformation.
    clip : float or None
        Bound of the magnitudes.

    Raises
    ------
    ValueError
        If one of them is out of range, or both together.
    """
    if not math.isfinite(boxcox_lambda):
        raise ValueError(f"boxcox_lambda={boxcox_lambda!r} must be finite.")
    if clip is None:
        if boxcox_lambda < 0.0:
            raise ValueError(
                f"boxcox_lambda={boxcox_lambda!r} must not be negative for clip=None, "
                "because the magnitudes have no bound otherwise; set one or the other."
            )
    elif not 0.0 < clip < math.inf:
        raise ValueError(f"clip={clip!r} must be positive and finite or None.")


def sort_margins(margins, sample_weight=None):
    """Sort margins, those without weight last.

    Parameters
    ----------
    margins : Tensor of shape (N,) or (N, m)
        Margins.
    sample_weight : Tensor of shape (N,) or (N, m), default=None
        Weights.

    Returns
    -------
    order : Tensor of shape (N,) or (N, m)
        Indices in ascending order; ties keep their order.
    """
    if sample_weight is not None:
        margins = margins.masked_fill(sample_weight <= 0.0, torch.inf)
    return margins.argsort(dim=0, stable=True)


def ensloss_derivatives(
    margins,
    *,
    boxcox_lambda=0.0,
    clip=1.0,
    tail="log",
    spectrum="random",
    floor=FLOOR,
    sample_weight=None,
    noise=None,
    generator=None,
):
    r"""Draw the derivatives of a random calibrated loss at given margins.

    Positive magnitudes are drawn at random, bounded, sorted, and given to the margins
    so that the smallest margin gets the largest; beyond a margin of 1 they are divided
    by it. A convex, decreasing, calibrated loss with these derivatives exists.

    Parameters
    ----------
    margins : Tensor or ndarray of shape (n_margins,) or (n_margins, n_members)
        Margins of a batch: positive where a prediction is right. Columns are
        independent of each other.
    boxcox_lambda : float, default=0.0
        Shape of the random magnitudes (1 + lambda z)^(1 / lambda), z being standard
        normal; exp(z) for 0.
    clip : float or None, default=1.0
        Bound of the magnitudes before they are ranked.
    tail : {"log", "log2", None}, default="log"
        Beyond a margin s of 1, divide by s, or by s (1 + log s)^2, or not at all.
    spectrum : {"random", "expected"}, default="random"
        Draw the magnitudes, or take the expected one of each rank in a large batch.
    floor : float, default=1e-6
        Added to the magnitudes, so that no derivative is zero.
    sample_weight : Tensor or ndarray of shape (n_margins,), default=None
        Weights. The derivatives are multiplied by them, and rows of weight zero take
        no rank. With ``spectrum="expected"`` integer weights are the same as repeated
        rows.
    noise : Tensor or ndarray of shape (n_margins[, n_members]), default=None
        Standard normal draws to use; drawn if not given.
    generator : torch.Generator, default=None
        Source of the draws; the default generator of torch if not given.

    Returns
    -------
    derivatives : Tensor or ndarray of shape (n_margins,) or (n_margins, n_members)
        Derivatives, all negative where weights are positive; of the kind that came in.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    EnsLoss : The loss with this gradient.

    Notes
    -----
    Divided by their number, or by the sum of the weights, they are the gradient of
    :class:`EnsLoss` in the margins. The cost is that of two sorts.

    References
    ----------
    .. [1] Dai, "EnsLoss: Stochastic Calibrated Loss Ensembles for Preventing
       Overfitting in Classification", ICML 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.neural_network._losses.ensloss import ensloss_derivatives
    >>> margins, noise = np.array([2.0, -1.0, 0.5]), np.array([-1.0, 0.3, -0.5])
    >>> ensloss_derivatives(margins, noise=noise).round(4)
    array([-0.1839, -1.    , -0.6065])
    """
    check_choice("tail", tail, TAILS)
    check_choice("spectrum", spectrum, SPECTRA)
    check_magnitudes(boxcox_lambda, clip)
    is_tensor = isinstance(margins, torch.Tensor)
    margins = _as_floating(margins).detach()
    if sample_weight is not None:
        sample_weight = align(_as_floating(sample_weight).to(margins), margins)
        sample_weight = sample_weight.expand_as(margins)
    if noise is not None:
        noise = _as_floating(noise).to(margins)
    primitive = None
    if spectrum == "expected":
        primitive = ExpectedSpectrum(boxcox_lambda, clip, floor).to(margins.device)
    masses = draw_masses(
        margins,
        sample_weight,
        noise=noise,
        generator=generator,
        boxcox_lambda=boxcox_lambda,
        clip=clip,
        floor=floor,
        primitive=primitive,
    )
    derivatives = -masses * log_hinge_tangent(margins, tail)[0]
    return derivatives if is_tensor else derivatives.numpy()


def _as_floating(values):
    if not isinstance(values, torch.Tensor):
        values = np.asarray(values)
        if values.dtype != np.float32:
            values = values.astype(np.float64)
        # A copy: arrays of users may be read-only, which tensors cannot be.
        values = torch.tensor(values)
    return values if values.is_floating_point() else values.double()


def draw_masses(
    margins,
    sample_weight=None,
    *,
    boxcox_lambda,
    clip,
    floor,
    primitive=None,
    noise=None,
    noise_is_sorted=False,
    generator=None,
):
    """Weigh margins by their ranks.

    Parameters
    ----------
    margins : Tensor of shape (N,) or (N, m)
        Margins without gradient.
    sample_weight : Tensor of shape (N,) or (N, m), default=None
        Weights.
    boxcox_lambda, clip, floor : float
        Of the magnitudes.
    primitive : ExpectedSpectrum, default=None
        Weigh by the expected spectrum, not by a random one.
    noise : Tensor of shape (N,) or (N, m), default=None
        Standard normal draws.
    noise_is_sorted : bool, default=False
        Whether they descend along axis 0.
    generator : torch.Generator, default=None
        Source of draws that are not given.

    Returns
    -------
    masses : Tensor of shape (N,) or (N, m)
        Weights of the ranks times those of the rows.
    """
    order = sort_margins(margins, sample_weight)
    if primitive is not None:
        return expected_masses(order, sample_weight, primitive).to(margins.dtype)
    if noise is None and generator is None:
        noise = torch.randn_like(margins)
    elif noise is None:
        noise = torch.empty_like(margins).normal_(generator=generator)
    if sample_weight is not None and not noise_is_sorted:
        # Rows without weight take the smallest magnitudes, and those count for nothing.
        noise = noise.masked_fill(sample_weight <= 0.0, -torch.inf)
    return random_masses(
        order, noise, sample_weight, boxcox_lambda, clip, floor, noise_is_sorted
    )


class EnsLoss(TabularLoss):
    r"""Random calibrated loss: a new valid loss for every batch.

    Every batch of margins :math:`s_1, \dots, s_B` gets a fresh random spectrum
    :math:`r_1, \dots, r_B`, and the loss is

    .. math::
        L = \frac{1}{B} \sum_i r_{(i)} \psi_{(i)}, \qquad
        \psi(s) = 1 - s \ (s \le 1), \quad -\log s \ (s > 1),

    with both the magnitudes r and the log-hinges :math:`\psi(s)` in descending order.
    Its gradient assigns the sorted random derivatives of the paper to the sorted
    margins: training goes through an ensemble of convex, calibrated losses, as dropout
    goes through one of networks. It helps where a network overfits.

    Parameters
    ----------
    boxcox_lambda : float, default=0.0
        Shape of the random magnitudes (1 + lambda z)^(1 / lambda), z being standard
        normal; exp(z) for 0.
    clip : float or None, default=1.0
        Bound of the magnitudes. Half of them are at the bound 1, whatever lambda is.
    tail : {"log", "log2", None}, default="log"
        Beyond a margin s of 1 the derivatives are divided by s, or by
        s (1 + log s)^2, which bounds the loss from below, or not at all.
    spectrum : {"random", "expected"}, default="random"
        ``"expected"`` replaces the random weights of the ranks by their expectation in
        a large batch: no noise, and weights of rows are the same as repeating them.
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        For more than two classes: margins against every rival, or of each class
        against the rest. All margins of a batch share one spectrum.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; each draws a spectrum of its own and
        their losses are averaged.
    floor : float, default=1e-6
        Added to the magnitudes, so that no derivative is zero.
    reduction : {"mean", "sum", "none"}, default="mean"
        How the parts of the rows are combined. A weighted mean divides by the sum of
        the weights.
    generator : torch.Generator, default=None
        Source of the draws, on the device of the scores; the default generator of
        torch if not given.

    Attributes
    ----------
    lambda_ : float
        ``boxcox_lambda`` in use; may be set between epochs.
    link : str
        ``"symlog"``: scores are not logits. Probabilities come from the logistic
        function, or the softmax, of a sign(f) log(1 + abs(f)) with a fitted a.

    See Also
    --------
    LogHingeLoss : The same loss without a spectrum.
    ensloss_derivatives : The derivatives alone.

    Notes
    -----
    - The batch size is part of the method: the larger the batch, the closer each rank
      is to its expected weight. With 128 rows little randomness is left.
    - In evaluation mode the loss is the plain mean of the log-hinges, so that values
      of different epochs can be compared.
    - Sorting is stable and takes float32 at least, also for half precision. A step
      sorts margins and draws, O(B log B), and never waits for the device.
    - The gradient is made on the way forward, so second derivatives are zero.
    - The paper subtracts the floor after the division by s; here it is added before,
      so that the loss has exactly the assigned derivatives.
    - More than two classes, weights and members are extensions.

    References
    ----------
    .. [1] Dai, "EnsLoss: Stochastic Calibrated Loss Ensembles for Preventing
       Overfitting in Classification", ICML 2025.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import EnsLoss
    >>> scores = torch.tensor([0.3, -1.2, 2.5, 0.1], requires_grad=True)
    >>> loss = EnsLoss(generator=torch.Generator().manual_seed(0))
    >>> loss(scores, torch.tensor([1, 1, 1, 0])).backward()
    >>> bool((scores.grad[:3] < 0).all()), bool(scores.grad[3] > 0)
    (True, True)
    """

    link = "symlog"

    def __init__(
        self,
        boxcox_lambda=0.0,
        clip=1.0,
        tail="log",
        spectrum="random",
        multiclass="pairwise",
        ensemble_dim=None,
        *,
        floor=FLOOR,
        reduction="mean",
        generator=None,
    ):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        self.tail = check_choice("tail", tail, TAILS)
        self.spectrum = check_choice("spectrum", spectrum, SPECTRA)
        self.multiclass = check_choice("multiclass", multiclass, MULTICLASS)
        if not 0.0 <= floor < math.inf:
            raise ValueError(f"floor={floor!r} must be finite and not negative.")
        self.clip, self.floor, self.generator = clip, floor, generator
        self.primitive = None
        self.lambda_ = boxcox_lambda

    @property
    def lambda_(self):
        """Parameter of the random magnitudes; may be set between epochs."""
        return self._lambda

    @lambda_.setter
    def lambda_(self, value):
        check_magnitudes(value, self.clip)
        self._lambda = float(value)
        if self.spectrum == "expected":
            self.primitive = ExpectedSpectrum(self._lambda, self.clip, self.floor)

    def extra_repr(self):
        """Return the parameters that the representation shows.

        Returns
        -------
        text : str
            Names and values.
        """
        return (
            f"boxcox_lambda={self.lambda_}, clip={self.clip}, tail={self.tail!r}, "
            f"spectrum={self.spectrum!r}, multiclass={self.multiclass!r}, "
            f"reduction={self.reduction!r}"
        )

    def noise_shape(self, scores_shape):
        """Return the shape of the noise for scores of a given shape.

        Parameters
        ----------
        scores_shape : tuple of int
            Shape of the scores of a batch.

        Returns
        -------
        shape : tuple of int
            Shape of the margins, the one that ``forward`` wants for ``noise``.
        """
        meta = torch.empty(tuple(scores_shape), device="meta")
        layout = lay_out(meta, self.ensemble_dim, self.n_outputs)
        shape = tuple(layout.scores.shape)
        if layout.columns and self.multiclass == "pairwise":
            return (*shape[:-1], shape[-1] - 1)
        return shape

    def forward(
        self, scores, target, sample_weight=None, noise=None, noise_is_sorted=False
    ):
        """Compute the loss of a batch with a fresh spectrum.

        Parameters
        ----------
        scores : Tensor of shape (B,), (B, K), (B, m) or (B, m, K)
            Output of the network; m members if ``ensemble_dim=1``.
        target : Tensor of shape (B,)
            Classes 0, 1, ... of any dtype.
        sample_weight : Tensor of shape (B,), default=None
            Weights of the rows; those of weight zero take no rank.
        noise : Tensor of the shape of the margins, default=None
            Standard normal draws: of shape (B,) or (B, m) for two classes, with a last
            axis of K - 1 (``"pairwise"``) or K (``"ovr"``) margins for more.
        noise_is_sorted : bool, default=False
            Whether the noise descends along the rows, which saves a sort. Only where
            margins are a vector for each member, and no weight is zero.

        Returns
        -------
        loss : Tensor
            A scalar, or for ``reduction="none"`` of shape (B,) or (B, m).
        """
        layout = lay_out(scores, self.ensemble_dim, self.n_outputs)
        if not self.training:
            losses = log_hinge(
                compute_margins(layout, target, self.multiclass), self.tail
            )
            losses = losses.sum(-1) if layout.columns else losses
            return reduce_losses(losses, sample_weight, self.reduction)
        # The loss is linear in ``variable`` with a slope that is made here: autograd
        # would sort, gather and scatter once more to find the same.
        if layout.columns:
            variable = compute_margins(layout, target, self.multiclass)
            margins, signs = variable.detach(), None
        else:
            variable = layout.scores
            signs = signed_targets(target, variable)
            margins = variable.detach() * signs
        with torch.no_grad():
            # Signed from here on: the loss is masses times minus the log-hinge.
            masses = self._negative_masses(
                margins, layout, sample_weight, noise, noise_is_sorted
            )
            slope, intercept = log_hinge_tangent(margins, self.tail)
            slope.mul_(masses)
            if signs is not None:
                slope.mul_(signs)
            if self.reduction != "none":
                offset = torch.dot(intercept.reshape(-1), masses.reshape(-1))
        if self.reduction != "none":
            return torch.dot(variable.reshape(-1), slope.reshape(-1)) - offset
        losses = variable * slope - intercept * masses
        return losses.sum(-1) if layout.columns else losses

    def _negative_masses(self, margins, layout, sample_weight, noise, noise_is_sorted):
        """Minus the weight of each log-hinge in the reduced loss."""
        scale, weight = 1.0, None
        if self.reduction != "none" and layout.members:
            scale /= margins.shape[1]
        if sample_weight is not None:
            weight = sample_weight.to(margins.dtype)
            if self.reduction == "mean":
                weight = weight / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
            weight = _to_rows(align(weight, margins).expand_as(margins), layout)
        elif self.reduction == "mean":
            scale /= margins.shape[0]
        masses = draw_masses(
            _to_rows(margins, layout),
            weight,
            boxcox_lambda=self._lambda,
            clip=self.clip,
            floor=self.floor,
            primitive=self._primitive_on(margins.device),
            noise=noise if noise is None else _to_rows(noise.to(margins), layout),
            noise_is_sorted=noise_is_sorted,
            generator=self.generator,
        )
        return _from_rows(masses.mul_(-scale), layout, margins.shape)

    def _primitive_on(self, device):
        # A new table, made when lambda was set, starts on the CPU.
        primitive = self.primitive
        if primitive is None or primitive.closed or primitive.values.device == device:
            return primitive
        return primitive.to(device)


def _to_rows(values, layout):
    """Bring values of shape (B[, m][, C]) to (B * C[, m]): one axis to sort along."""
    if not layout.columns:
        return values
    if not layout.members:
        return values.reshape(-1)
    return values.transpose(1, 2).reshape(-1, values.shape[1])


def _from_rows(values, layout, shape):
    """Undo :func:`_to_rows`."""
    if layout.columns and layout.members:
        return values.reshape(shape[0], shape[2], shape[1]).transpose(1, 2)
    return values.reshape(shape)
