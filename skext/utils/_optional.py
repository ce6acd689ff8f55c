"""Optional packages: imported where they are needed, with one error sentence."""

import importlib

from skext.exceptions import MissingDependencyError


def optional_import(name, *, extra, purpose=None):
    """Import an optional package or say how to install it.

    Parameters
    ----------
    name : str
        Module to import, e.g. ``"matplotlib.pyplot"``.
    extra : str
        Extra of skext that brings the package.
    purpose : str, default=None
        What needs the package; starts the error sentence.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        package = name.partition(".")[0]
        raise MissingDependencyError(
            f"{purpose or 'This call'} needs the package '{package}', which is not "
            f"installed. Install it with: pip install 'skext[{extra}]'"
        ) from exc
