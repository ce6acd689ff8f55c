"""Import everything public from the installed wheel, away from the checkout."""

import importlib
import pathlib

import skext

site = pathlib.Path(skext.__file__).resolve().parents[1]
assert (site / "skext" / "py.typed").is_file()
assert site.name == "site", f"imported from {site}, not from the wheel"
for name in skext.__all__:
    if name != "__version__":
        module = importlib.import_module(f"skext.{name}")
        for public in module.__all__:
            getattr(module, public)

from skext.benchmark._cli.main import main  # noqa: E402
from skext.datasets import list_suites, load_suite  # noqa: E402

assert all(load_suite(name).tasks for name in list_suites())
assert main(["bench", "list", "methods"]) == 0
print(f"skext {skext.__version__}: the wheel is complete.")
