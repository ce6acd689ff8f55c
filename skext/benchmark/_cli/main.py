"""From the words of a command line to an exit code."""

import sqlite3
import sys

from skext.benchmark._cli import commands as _commands
from skext.benchmark._cli import run as _run
from skext.benchmark._cli.parser import parse
from skext.exceptions import (
    BenchmarkError,
    DataNotAvailableError,
    MissingDependencyError,
)

_ERRORS = (BenchmarkError, DataNotAvailableError, MissingDependencyError)
_ACTIONS = {**vars(_commands), **vars(_run)}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    code : int
        0 if all is well, 1 if jobs failed or a bar was missed, 2 if the call is
        wrong or cannot be carried out, 130 if interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = parse(argv)
        return _ACTIONS[arguments.action](arguments) or 0
    except _ERRORS as exc:
        return _complain(exc)
    except KeyboardInterrupt:
        return _complain("interrupted; finished jobs are kept", code=130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; that is no error of ours.
        sys.stderr.close()
        return 0
    except sqlite3.Error as exc:
        return _complain(
            f"The results could not be written ({exc}); finished jobs are kept: make "
            "room or repair the folder and run the same command again."
        )
    except OSError as exc:
        where = f" {str(exc.filename)!r}" if exc.filename else ""
        return _complain(
            f"Cannot read or write{where}: {exc.strerror or exc}; finished jobs are "
            "kept: make room or correct the path and run the same command again."
        )


def _complain(message, code=2):
    text = " ".join(str(message).split())
    print(f"skext: error: {text}", file=sys.stderr)  # noqa: T201
    return code
