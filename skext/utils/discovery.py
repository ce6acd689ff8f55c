"""Find every public estimator, display and function of skext.

Nothing has to be registered: whatever the ``__all__`` of a public sub-module names is
found, so that the common tests, the documentation and ``skext warm-up`` cannot miss
anything.
"""

import importlib
import inspect

import skext
from skext.exceptions import MissingDependencyError

__all__ = ["all_displays", "all_estimators", "all_functions"]


def public_objects():
    """Yield (dotted path of the module, name, object) of everything public.

    What needs an optional package that is not installed is left out.
    """
    waiting = [f"skext.{name}" for name in skext.__all__ if name != "__version__"]
    while waiting:
        path = waiting.pop(0)
        module = importlib.import_module(path)
        for name in module.__all__:
            try:
                found = getattr(module, name)
            except MissingDependencyError:
                continue
            if inspect.ismodule(found):
                waiting.append(f"{path}.{name}")
            else:
                yield path, name, found


def _select(wanted):
    found = {name: thing for _, name, thing in public_objects() if wanted(thing)}
    return sorted(found.items())


def all_estimators():
    """List all public estimators.

    Returns
    -------
    estimators : list of (str, type)
        Name and class, sorted by name. Abstract classes and mixins are left out.

    Examples
    --------
    >>> from skext.utils.discovery import all_estimators
    >>> [name for name, cls in all_estimators() if name.endswith("NB")]
    ['LinearGaussianNB']
    """
    from sklearn.base import BaseEstimator

    return _select(
        lambda thing: (
            inspect.isclass(thing)
            and issubclass(thing, BaseEstimator)
            and not inspect.isabstract(thing)
        )
    )


def all_displays():
    """List all public displays.

    Returns
    -------
    displays : list of (str, type)
        Name and class, sorted by name.

    Examples
    --------
    >>> from skext.utils.discovery import all_displays
    >>> "CriticalDifferenceDisplay" in dict(all_displays())
    True
    """
    return _select(
        lambda thing: inspect.isclass(thing) and thing.__name__.endswith("Display")
    )


def all_functions():
    """List all public functions.

    Returns
    -------
    functions : list of (str, callable)
        Name and function, sorted by name.

    Examples
    --------
    >>> from skext.utils.discovery import all_functions
    >>> "load_openml" in dict(all_functions())
    True
    """
    return _select(inspect.isroutine)
