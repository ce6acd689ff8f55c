"""Learning rates and weight decays of the steps of an epoch, set without waiting."""

import torch

from skext.neural_network._schedules import schedule_factors


class Rates:
    """Multiply the values of an optimiser's groups by scheduled factors.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Its groups hold the peak values when the schedule begins.
    schedules : dict
        Schedule by the name of the entry, "lr" or "weight_decay". Constant ones are
        left alone, so that callbacks may set them.
    as_tensors : bool, default=False
        Keep rates as tensors on the device of the parameters, for CUDA graphs.
    """

    def __init__(self, optimizer, schedules, *, as_tensors=False):
        self._groups = optimizer.param_groups
        self._schedules = {
            name: schedule
            for name, schedule in schedules.items()
            if schedule != "constant" and name in self._groups[0]
        }
        self._peaks = {
            name: [float(group[name]) for group in self._groups]
            for name in self._schedules
        }
        if as_tensors:
            for group in self._groups:
                rate = torch.as_tensor(float(group["lr"]), dtype=torch.float32)
                group["lr"] = rate.to(group["params"][0].device)

    @property
    def active(self):
        """Whether anything changes from step to step."""
        return bool(self._schedules)

    def plan(self, n_steps, n_total, start):
        """Compute the factors of the steps of an epoch.

        Parameters
        ----------
        n_steps, n_total, start : int
            Steps of the epoch, of the fit, and made before.
        """
        self._factors = {
            name: schedule_factors(schedule, n_steps, n_total, start=start).tolist()
            for name, schedule in self._schedules.items()
        }

    def set(self, step):
        """Set the values of a step of the planned epoch.

        Parameters
        ----------
        step : int
            Number in the epoch.
        """
        for name, factors in self._factors.items():
            factor = factors[step]
            for group, peak in zip(self._groups, self._peaks[name], strict=True):
                value = group[name]
                if isinstance(value, torch.Tensor):
                    value.fill_(peak * factor)
                else:
                    group[name] = peak * factor

    def reset(self):
        """Put the peak values back, for whoever trains on."""
        for name, peaks in self._peaks.items():
            for group, peak in zip(self._groups, peaks, strict=True):
                value = group[name]
                if isinstance(value, torch.Tensor):
                    value.fill_(peak)
                else:
                    group[name] = peak
