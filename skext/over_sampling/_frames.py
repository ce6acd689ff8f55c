"""Data frames on their way into and out of a sampler."""

import sys

import numpy as np


class Table:
    """What the user gave, in a form that imbalanced-learn's base class takes.

    pandas objects pass through; polars objects become pandas and numpy ones, and
    :meth:`restore` turns the result back.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The table.
    y : array-like of shape (n_samples,)
        The labels.

    Attributes
    ----------
    X, y : object
        The table and the labels for the base class.
    integer_columns : ndarray of shape (n_features,) or None
        Which columns hold integers; None if ``X`` is not a data frame.
    """

    def __init__(self, X, y):
        self._schema = self._target = None
        if _is_polars(X, "DataFrame"):
            import pandas as pd

            self._schema = X.schema
            X = pd.DataFrame({name: X[name].to_numpy() for name in X.columns})
        if _is_polars(y, "Series"):
            self._target = (y.name, y.dtype)
            y = y.to_numpy()
        self.X, self.y = X, y
        self.integer_columns = None
        if hasattr(X, "iloc") and hasattr(X, "dtypes"):
            self.integer_columns = _check_numeric(X)

    def restore(self, X, y):
        """Turn the result back into the library that the user works with."""
        if self._schema is not None:
            polars = sys.modules["polars"]
            X = polars.DataFrame(
                [
                    polars.Series(name, X[name].to_numpy()).cast(dtype)
                    for name, dtype in self._schema.items()
                ]
            )
        if self._target is not None:
            name, dtype = self._target
            y = sys.modules["polars"].Series(name, y).cast(dtype)
        return X, y


def _is_polars(thing, name):
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(thing, getattr(polars, name))


def _check_numeric(frame):
    """Refuse columns that cannot be interpolated; return which hold integers."""
    from pandas.api import types

    wrong = [
        str(name)
        for name, dtype in frame.dtypes.items()
        if not types.is_numeric_dtype(dtype)
        or types.is_bool_dtype(dtype)
        or types.is_complex_dtype(dtype)
    ]
    if wrong:
        shown = ", ".join(repr(name) for name in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(
            f"X has columns that are not numbers ({shown}{more}), between whose values "
            "nothing lies; encode them, or use SMOTENC of imbalanced-learn."
        )
    return np.array([types.is_integer_dtype(dtype) for dtype in frame.dtypes])
