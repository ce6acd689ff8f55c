"""Random and expected spectra: how much each rank of a batch weighs."""

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.special import ndtr
from torch import nn

from skext.neural_network._losses.base import align

# Below it the power is evaluated as its limit; the difference is of the same order.
SMALL_LAMBDA = 1e-6
# Normal quantiles beyond which the density times any magnitude here is negligible.
LOWEST, HIGHEST = -9.0, 12.0
N_CELLS = 4096


def inverse_box_cox(normal, boxcox_lambda):
    """Map normal draws to positive magnitudes.

    Parameters
    ----------
    normal : Tensor
        Standard normal draws z; minus infinity gives zero.
    boxcox_lambda : float
        Parameter of the transformation.

    Returns
    -------
    magnitude : Tensor
        max(1 + lambda z, 0)^(1 / lambda), or exp(z); infinite where the base is not
        positive and lambda is negative.
    """
    if abs(boxcox_lambda) < SMALL_LAMBDA:
        return normal.exp()
    # The plain power of 1 + lambda z loses digits when lambda is small.
    base = (normal * boxcox_lambda).clamp_min(-1.0)
    return (base.log1p() / boxcox_lambda).exp()


def normal_edge(boxcox_lambda, clip):
    """Return the normal draw beyond which magnitudes are clipped.

    Parameters
    ----------
    boxcox_lambda : float
        Parameter of the transformation.
    clip : float or None
        Bound of the magnitudes.

    Returns
    -------
    edge : float
        Box-Cox transform of the bound.
    """
    if clip is None:
        return HIGHEST
    log = math.log(clip)
    if abs(boxcox_lambda) < SMALL_LAMBDA:
        return log
    return math.expm1(boxcox_lambda * log) / boxcox_lambda


@lru_cache(maxsize=64)
def integrate_magnitudes(boxcox_lambda, clip):
    """Integrate magnitude times normal density from grid points up to the edge.

    Parameters
    ----------
    boxcox_lambda : float
        Parameter of the transformation, not zero.
    clip : float or None
        Bound of the magnitudes.

    Returns
    -------
    nodes : ndarray of shape (n_nodes,)
        Equally spaced normal quantiles.
    values : ndarray of shape (n_nodes,)
        Integrals from the nodes to the last one.
    slopes : ndarray of shape (n_nodes,)
        Derivatives of the values.
    """
    edge = normal_edge(boxcox_lambda, clip)
    low = max(LOWEST, -1.0 / boxcox_lambda) if boxcox_lambda > 0 else LOWEST
    # The bound can be so small that nearly everything is clipped.
    nodes = np.linspace(min(low, edge - 1e-3), edge, N_CELLS + 1)

    def density(z):
        base = np.maximum(boxcox_lambda * z, -1.0)
        with np.errstate(divide="ignore"):
            log = np.log1p(base) / boxcox_lambda
        return np.exp(log - 0.5 * z * z) / math.sqrt(2.0 * math.pi)

    points, weights = np.polynomial.legendre.leggauss(6)
    half = 0.5 * (nodes[1] - nodes[0])
    middle = 0.5 * (nodes[1:] + nodes[:-1])
    cells = half * (density(middle[:, None] + half * points) @ weights)
    values = np.append(np.cumsum(cells[::-1])[::-1], 0.0)
    return nodes, values, -density(nodes)


class ExpectedSpectrum(nn.Module):
    r"""Primitive of the expected weight of the ranks of a batch.

    With z standard normal, u(z) the magnitude and c its bound, the fraction t of
    smallest margins has the expected weight

    .. math::
        Q(t) = \int_{\Phi^{-1}(1 - t)}^\infty \min(u(z), c) \, \varphi(z) \, dz .

    For lambda = 0 this is closed; otherwise it is integrated on a grid and interpolated
    by cubics with the exact derivative.

    Parameters
    ----------
    boxcox_lambda : float
        Parameter of the transformation.
    clip : float or None
        Bound c of the magnitudes.
    floor : float
        Added to every magnitude.
    """

    def __init__(self, boxcox_lambda, clip, floor):
        super().__init__()
        self.clip, self.floor = clip, floor
        self._steps = {}
        self.edge = normal_edge(boxcox_lambda, clip)
        self.closed = abs(boxcox_lambda) < SMALL_LAMBDA
        # Fraction of the draws that are clipped, and what they weigh.
        self.clipped = 0.0 if clip is None else float(ndtr(-self.edge))
        if self.closed:
            self.top = float(ndtr(self.edge - 1.0))
            return
        nodes, values, slopes = integrate_magnitudes(boxcox_lambda, clip)
        self.start, self.step = float(nodes[0]), float(nodes[1] - nodes[0])
        self.register_buffer("values", torch.tensor(values), persistent=False)
        self.register_buffer("slopes", torch.tensor(slopes), persistent=False)

    def forward(self, fraction):
        """Evaluate the primitive.

        Parameters
        ----------
        fraction : Tensor
            Fractions t in [0, 1].

        Returns
        -------
        primitive : Tensor
            Q(t), increasing from 0 to the mean magnitude.
        """
        z = torch.special.ndtri(1.0 - fraction).clamp_max(self.edge)
        if self.closed:
            rest = math.exp(0.5) * (self.top - torch.special.ndtr(z - 1.0))
        else:
            rest = self._interpolate(z)
        rest = rest + self.floor * fraction
        if self.clip is None:
            return rest
        return rest + self.clip * fraction.clamp_max(self.clipped)

    def steps(self, n_margins, device):
        """Return the expected weights of the ranks of a batch without weights.

        Parameters
        ----------
        n_margins : int
            Size N of the batch.
        device : torch.device
            Where the weights are needed.

        Returns
        -------
        steps : Tensor of shape (N,)
            N (Q(i / N) - Q((i - 1) / N)), descending.
        """
        # A run has one or two sizes; the compiler makes constants by itself.
        key, compiling = (n_margins, device), torch.compiler.is_compiling()
        if not compiling and key in self._steps:
            return self._steps[key]
        rank = torch.arange(n_margins + 1, device=device, dtype=_precise(device))
        steps = self(rank / n_margins).diff() * n_margins
        if not compiling:
            if len(self._steps) >= 8:
                self._steps.clear()
            self._steps[key] = steps
        return steps

    def _interpolate(self, z):
        last = self.values.shape[0] - 2
        place = ((z - self.start) / self.step).clamp(0.0, last + 1.0)
        cell = place.floor().clamp_max(last).long()
        t = place - cell
        left, right = self.values[cell], self.values[cell + 1]
        rise = self.slopes[cell] * self.step
        end_rise = self.slopes[cell + 1] * self.step
        jump = right - left
        # Hermite cubic in its nested form.
        bend = 3.0 * jump - 2.0 * rise - end_rise
        twist = rise + end_rise - 2.0 * jump
        return left + t * (rise + t * (bend + t * twist))


def expected_masses(order, sample_weight, primitive):
    """Weigh margins by their expected ranks.

    Parameters
    ----------
    order : Tensor of shape (N,) or (N, m)
        Indices that sort the margins in ascending order.
    sample_weight : Tensor of shape (N,) or (N, m), or None
        Weights of the margins.
    primitive : ExpectedSpectrum
        Q of the fraction of smaller margins.

    Returns
    -------
    masses : Tensor of shape (N,) or (N, m)
        Sum of the weights times Q(W_i) - Q(W_(i-1)), W being the fraction of the
        weights up to a margin; in the order of the margins, not of the ranks.
    """
    if sample_weight is None:
        steps = primitive.steps(order.shape[0], order.device)
        steps = align(steps, order).expand_as(order)
    else:
        weight = sample_weight.to(_precise(order.device))
        cumulated = weight.gather(0, order).cumsum(0)
        # The last entry is the total, so that the last fraction is exactly 1.
        total = cumulated[-1:]
        fraction = cumulated / total.clamp_min(torch.finfo(total.dtype).tiny)
        reached = primitive(fraction)
        steps = reached.diff(dim=0, prepend=torch.zeros_like(total)) * total
    return torch.empty_like(steps).scatter(0, order, steps)


def _precise(device):
    """Return a dtype for differences of neighbours; one device has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def random_masses(
    order, normal, sample_weight, boxcox_lambda, clip, floor, is_sorted=False
):
    """Weigh margins by random magnitudes, the largest for the smallest margin.

    Parameters
    ----------
    order : Tensor of shape (N,) or (N, m)
        Indices that sort the margins in ascending order; those without weight last.
    normal : Tensor of shape (N,) or (N, m)
        Standard normal draws; minus infinity for margins without weight.
    sample_weight : Tensor of shape (N,) or (N, m), or None
        Weights of the margins.
    boxcox_lambda : float
        Parameter of the transformation.
    clip : float or None
        Bound of the magnitudes.
    floor : float
        Added to every magnitude.
    is_sorted : bool, default=False
        Whether the draws descend along axis 0.

    Returns
    -------
    masses : Tensor of shape (N,) or (N, m)
        Magnitudes times weights in the order of the margins.
    """
    if not is_sorted:
        normal = normal.sort(dim=0, descending=True).values
    magnitude = inverse_box_cox(normal, boxcox_lambda)
    if clip is not None:
        magnitude.clamp_max_(clip)
    masses = torch.empty_like(magnitude).scatter_(0, order, magnitude.add_(floor))
    return masses if sample_weight is None else masses * sample_weight
