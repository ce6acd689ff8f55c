"""Warnings that point at the line of the user."""

import sys
import warnings

_LIBRARIES = ("skext.", "sklearn.", "imblearn.")


def warn_user(message, category=UserWarning):
    """Warn at the nearest line outside of the libraries that led here.

    Parameters
    ----------
    message : str
        What is said.
    category : type, default=UserWarning
        Class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_library(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_library(frame):
    return frame.f_globals.get("__name__", "").startswith(_LIBRARIES)
