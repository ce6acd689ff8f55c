"""Entry point of the ``skext`` command and of ``python -m skext``."""

import sys


def main(argv=None):
    """Run the command line and return its exit code."""
    from skext.benchmark._cli import main as run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
