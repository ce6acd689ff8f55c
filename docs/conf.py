"""Sphinx configuration; also writes the pages that follow from the code."""

import importlib
import inspect
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import skext
from skext.benchmark._engine.metrics import METRICS
from skext.benchmark._engine.track import METHODS, TRACKS, speed_cases

# Examples and doctests must build without network.
os.environ.setdefault("SKEXT_OFFLINE", "1")

project = "skext"
author = "The skext developers"
copyright = "2026, the skext developers"
release = version = skext.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "changes", "examples"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "skext"
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc", "sourcelink"],
}
html_sidebars = {"changelog": [], "developers": []}

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]

autosummary_generate = True
autodoc_default_options = {"inherited-members": False}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "plot_gallery": True,
    "abort_on_example_error": True,
    "min_reported_time": 1,
    "show_memory": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "parallel": False,
    "reset_modules": ("matplotlib",),
}


def public_names(module):
    """Names in ``__all__`` of a sub-module, sorted into classes and functions."""
    names = [name for name in module.__all__ if not name.startswith("_")]
    classes = [n for n in names if inspect.isclass(getattr(module, n))]
    functions = [n for n in names if inspect.isroutine(getattr(module, n))]
    modules = [n for n in names if inspect.ismodule(getattr(module, n))]
    return classes, functions, modules


def write_api(path):
    """One table for each public module; nothing has to be listed by hand."""
    lines = ["# Reference", ""]
    names = [name for name in skext.__all__ if name != "__version__"]
    while names:
        name = names.pop(0)
        module = importlib.import_module(f"skext.{name}")
        classes, functions, modules = public_names(module)
        names = [f"{name}.{m}" for m in modules] + names
        if not classes + functions:
            continue
        summary = inspect.getdoc(module).splitlines()[0]
        lines += [f"## `skext.{name}`", "", summary, "", "```{eval-rst}"]
        for kind, template in ((classes, "class.rst"), (functions, "function.rst")):
            if kind:
                lines += [".. autosummary::", "   :toctree: ", "   :nosignatures:"]
                lines += [f"   :template: {template}", ""]
                lines += [f"   skext.{name}.{item}" for item in sorted(kind)] + [""]
        lines += ["```", ""]
    write(path, lines)


def write_catalogue(path):
    """Tables of tracks, methods, metrics and speed cases, from the catalogue."""
    lines = ["# Catalogue", "", "What `skext bench` knows by name.", ""]
    lines += ["## Tracks", "", "| track | headline metrics | baseline | what |"]
    lines += ["|:--|:--|:--|:--|"]
    for track in TRACKS.values():
        heads = ", ".join(dict.fromkeys(names[0] for names in track.metrics.values()))
        cells = (track.name, heads, track.baseline, track.description)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Methods", "", "| method | whose | tracks | what |"]
    lines += ["|:--|:--|:--|:--|"]
    for method in METHODS.values():
        tracks = ", ".join(method.tracks)
        cells = (f"`{method.name}`", method.family, tracks, method.description)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Metrics", "", "| metric | better | tasks | what |"]
    lines += ["|:--|:--|:--|:--|"]
    for metric in METRICS.values():
        better = "higher" if metric.greater_is_better else "lower"
        kinds = ", ".join(metric.task_types)
        lines.append(f"| `{metric.name}` | {better} | {kinds} | {metric.description} |")
    lines += ["", "## Speed cases", "", "| case | peer | what |", "|:--|:--|:--|"]
    for case in speed_cases().values():
        lines.append(f"| `{case.name}` | `{case.peer_name}` | {case.description} |")
    write(path, lines)


def write(path, lines):
    """Write a page unless it is the same already."""
    text = "\n".join(lines) + "\n"
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


write_api(HERE / "generated" / "api.md")
write_catalogue(HERE / "generated" / "catalogue.md")
