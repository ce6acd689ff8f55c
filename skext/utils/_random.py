"""One random generator per fit."""

import numpy as np
from sklearn.utils import check_random_state


def fit_rng(random_state):
    """Return the one ``RandomState`` that a fit draws from.

    Call it once per fit and hand the result down; calling it again with an integer
    seed would restart the stream.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        A ``numpy.random.Generator`` is wrapped, not copied: its stream advances.

    Returns
    -------
    rng : numpy.random.RandomState
        Source of all random numbers of the fit.
    """
    if isinstance(random_state, np.random.Generator):
        return np.random.RandomState(random_state.bit_generator)
    return check_random_state(random_state)
