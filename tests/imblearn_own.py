"""imbalanced-learn's own tests of its classes, run with ours in their place."""

import importlib.util
from pathlib import Path

import imblearn.combine
import imblearn.over_sampling
import pytest

import skext.combine
import skext.over_sampling

HOME = Path(imblearn.__file__).parent
SKIPPED = "imbalanced-learn was installed without its tests"
PAIRS = [
    (imblearn.over_sampling, skext.over_sampling),
    (imblearn.combine, skext.combine),
]


def collect(name, different=(), warned=None):
    """Their test functions, defined while our classes stand in the place of theirs.

    Parameters
    ----------
    name : str
        A file of theirs, below the package.
    different : container of str
        Tests that ask for what we do otherwise on purpose.
    warned : dict of str, default=None
        Tests whose result is right, but comes with a warning of ours.

    Returns
    -------
    found : dict
        Tests, their names made unique, and their fixture ``data``.
    """
    path, found, warned = HOME / name, {}, warned or {}
    if not path.is_file():
        return found
    with pytest.MonkeyPatch.context() as patch:
        for theirs, ours in PAIRS:
            for each in ours.__all__:
                if hasattr(theirs, each):
                    patch.setattr(theirs, each, getattr(ours, each))
        spec = importlib.util.spec_from_file_location(f"their_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    for each, thing in vars(module).items():
        if each == "data":
            # Two files have this fixture, with the same numbers.
            found[each] = thing
        elif each.startswith("test_") and each not in different:
            if each in warned:
                thing = pytest.mark.filterwarnings(f"ignore:.*{warned[each]}")(thing)
            found[f"{each}__{path.stem}"] = thing
    return found
