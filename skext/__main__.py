"""Entry point of the ``skext`` command and of ``python -m skext``."""

import contextlib
import os
import sys

from skext.benchmark._cli.main import main as run


def main(argv=None):
    """Run the command line and return its exit code."""
    # The script does as ``python -m skext`` does: modules that lie in the current
    # folder can be named.
    with contextlib.suppress(OSError):
        folder = os.getcwd()
        if folder not in sys.path and "" not in sys.path:
            sys.path.insert(0, folder)
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
