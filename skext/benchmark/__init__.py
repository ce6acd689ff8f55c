"""Compare estimators on real and simulated tables, with statistics and a report.

The command ``skext bench`` and the class :class:`Benchmark` drive the same runner.
"""

# Makes the tracks known to the engine, in workers as well.
import skext.benchmark._families.catalog  # noqa: F401
from skext.benchmark._benchmark import Benchmark
from skext.benchmark._engine.methods import Method, TaskInfo, make_preprocessor
from skext.benchmark._engine.options import RunOptions
from skext.benchmark._engine.tasks import Task
from skext.benchmark._families.llp.from_bags import from_bags
from skext.benchmark._results import BenchmarkResults, read_results
from skext.benchmark._suites import load_tasks

__all__ = [
    "Benchmark",
    "BenchmarkResults",
    "Method",
    "RunOptions",
    "Task",
    "TaskInfo",
    "from_bags",
    "load_tasks",
    "make_preprocessor",
    "read_results",
]
