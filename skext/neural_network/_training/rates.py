"""Learning rates of the steps of an epoch, set without waiting."""

import torch

from skext.neural_network._training.schedules import schedule_factors


class Rates:
    """Multiply the learning rates of an optimiser's groups by scheduled factors.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Its groups hold the peak rates when the schedule begins.
    schedule : str or callable
        Schedule. A constant one leaves the rates alone, so that callbacks may set them.
    as_tensors : bool, default=False
        Keep rates as tensors on the device of the parameters, for CUDA graphs.
    """

    def __init__(self, optimizer, schedule, *, as_tensors=False):
        self._groups = optimizer.param_groups
        self._schedule = schedule
        self._peaks = [float(group["lr"]) for group in self._groups]
        if as_tensors:
            for group, peak in zip(self._groups, self._peaks, strict=True):
                rate = torch.as_tensor(peak, dtype=torch.float32)
                group["lr"] = rate.to(group["params"][0].device)

    @property
    def active(self):
        """Whether anything changes from step to step."""
        return self._schedule != "constant"

    def plan(self, n_steps, n_total, start):
        """Compute the factors of the steps of an epoch.

        Parameters
        ----------
        n_steps, n_total, start : int
            Steps of the epoch, of the fit, and made before.
        """
        factors = schedule_factors(self._schedule, n_steps, n_total, start=start)
        self._factors = factors.tolist()

    def set(self, step):
        """Set the rates of a step of the planned epoch.

        Parameters
        ----------
        step : int
            Number in the epoch.
        """
        self._multiply(self._factors[step])

    def reset(self):
        """Put the peak rates back, for whoever trains on."""
        if self.active:
            self._multiply(1.0)

    def _multiply(self, factor):
        for group, peak in zip(self._groups, self._peaks, strict=True):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(peak * factor)
            else:
                group["lr"] = peak * factor
