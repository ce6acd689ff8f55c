"""Public docstrings are complete, agree with signatures, and their examples run."""

import doctest
import importlib
import inspect
import os
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

from skext.utils.discovery import public_objects

# What numpydoc would complain about, and why we do not.
IGNORED = {
    "ES01": "a summary can say it all",
    "EX01": "required of classes and functions below, not of methods",
    "GL01": "the summary stands on the line of the quotes, as in scikit-learn",
    "GL08": "reported for attributes that a dataclass makes; methods are tested below",
    "RT02": "a named return value reads better than a bare type",
    "SA01": "not everything has a relative",
    "SA04": "names of relatives often say enough",
    "SS06": "a summary fits one line; ruff checks its length",
    "YD01": "generators document what they yield where it is not obvious",
}


def public_things():
    """Every public class and function, and every public method of ours."""
    found = {}
    for module, name, thing in public_objects():
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        found[f"{module}.{name}"] = thing
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                ours = inspect.isroutine(value) or isinstance(value, property)
                if ours and not method.startswith("_") and method != "set_fit_request":
                    found[f"{module}.{name}.{method}"] = value
    return found


THINGS = public_things()


@pytest.mark.parametrize("path", sorted(THINGS))
def test_no_line_is_continued_in_a_raw_string(path):
    """A backslash that stays in the text makes a block quote of the next line."""
    text = THINGS[path].__doc__ or ""
    assert not re.search(r"\\\n", text)


@pytest.mark.parametrize("path", sorted(THINGS))
def test_numpydoc(path):
    thing = THINGS[path]
    if re.search(r"\.set_\w+_request$", path):
        return
    result = validate(path)
    errors = [
        f"{code}: {text}" for code, text in result["errors"] if code not in IGNORED
    ]
    assert not errors, "\n".join(errors)
    assert inspect.getdoc(thing), f"{path} has no docstring"


@pytest.mark.parametrize("path", sorted(THINGS))
def test_arrays_have_shapes(path):
    text = inspect.getdoc(THINGS[path]) or ""
    for line in text.splitlines():
        match = re.match(r"\w+(, \w+)* : .*(array-like|ndarray|sparse matrix)", line)
        if match and "of shape" not in line and not line.endswith("\\"):
            pytest.fail(f"no shape: {line.strip()}")


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path, thing in THINGS.items()
        if inspect.isclass(thing) or path.count(".") == 2
    ),
)
def test_classes_and_functions_have_examples(path):
    thing = THINGS[path]
    if inspect.isclass(thing) and not hasattr(thing, "fit"):
        return
    if path.startswith("skext.utils.estimator_checks."):
        return
    assert ">>>" in inspect.getdoc(thing), f"{path} has no example"


@pytest.mark.parametrize("module", sorted({m for m, _, _ in public_objects()}))
def test_examples_run(module, tmp_path, monkeypatch):
    """Doctests of all the private modules behind a public one."""
    monkeypatch.chdir(tmp_path)
    homes = {
        thing.__module__
        for path, _, thing in public_objects()
        if path == module and hasattr(thing, "__module__")
    }
    for home in homes:
        _run_doctests(importlib.import_module(home))


def _run_doctests(module):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(module, optionflags=flags, report=True)
    assert result.failed == 0


GUIDE = Path(__file__).parents[1] / "docs" / "user_guide"


@pytest.mark.parametrize(
    "page",
    [*sorted(GUIDE.glob("*.md")), GUIDE.parents[1] / "README.md"],
    ids=lambda page: page.name,
)
def test_python_blocks_of_the_guide_run(page, tmp_path, monkeypatch):
    """All blocks of a page run one after the other."""
    if not page.exists():
        pytest.skip("documentation is not part of this installation")
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    if "import torch" in text:
        pytest.importorskip("torch")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    namespace = {"__name__": "guide"}
    for block in blocks:
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(
                block, namespace, page.name, str(page), 0
            )
            runner = doctest.DocTestRunner(
                optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
            )
            assert runner.run(test, clear_globs=False).failed == 0
            namespace.update(test.globs)
        else:
            exec(compile(block, str(page), "exec"), namespace)
    assert os.getcwd() == str(tmp_path)
