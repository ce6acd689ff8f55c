"""Schedules of a learning rate over the time of a fit."""

import math

import numpy as np

# One cycle: share of the rise, first and last rate relative to the peak.
_RISE, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25e4


def schedule_factors(schedule, n_steps, n_total, *, start=0):
    """Return the factors of consecutive steps.

    Parameters
    ----------
    schedule : str or callable
        A name in ``SCHEDULES`` or a function of the time in (0, 1).
    n_steps : int
        Number of steps wanted.
    n_total : int
        Steps of the whole fit.
    start : int, default=0
        Steps made before.

    Returns
    -------
    factors : ndarray of shape (n_steps,)
        Factors at the middle of each step: of two half steps as of one whole, so
        that no schedule wastes its first or last step on a factor of exactly 0.

    Raises
    ------
    ValueError
        If the schedule is unknown or a callable gives a negative or non-finite
        factor.
    """
    times = np.minimum((start + np.arange(n_steps) + 0.5) / max(n_total, 1), 1.0)
    if callable(schedule):
        return _call(schedule, times)
    if schedule not in SCHEDULES:
        raise ValueError(
            f"lr_schedule={schedule!r} is unknown; choose one of {tuple(SCHEDULES)} or "
            "give a function of the time in [0, 1]."
        )
    return SCHEDULES[schedule](times)


def _call(schedule, times):
    factors = np.array([float(schedule(float(time))) for time in times])
    if not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError(
            f"lr_schedule={schedule!r} returned {factors.min()!r}; it must return "
            "finite factors of at least 0 for every time in [0, 1]."
        )
    return factors


def _constant(times):
    return np.ones_like(times)


def _cosine(times):
    return 0.5 + 0.5 * np.cos(math.pi * times)


def _flat_cosine(times):
    return _cosine(np.maximum(2.0 * times - 1.0, 0.0))


def _one_cycle(times):
    rise = _between(_FIRST, 1.0, np.minimum(times / _RISE, 1.0))
    fall = _between(1.0, _LAST, np.maximum(times - _RISE, 0.0) / (1.0 - _RISE))
    return np.where(times < _RISE, rise, fall)


def _between(first, last, times):
    return last + (first - last) * _cosine(times)


def _coslog4(times):
    """Four cosine cycles, each twice as long as the one before."""
    return 0.5 - 0.5 * np.cos(2.0 * math.pi * np.log2(1.0 + 15.0 * times))


#: Factors of the learning rate, by name.
SCHEDULES = {
    "constant": _constant,
    "cosine": _cosine,
    "flat_cosine": _flat_cosine,
    "one_cycle": _one_cycle,
    "coslog4": _coslog4,
}
