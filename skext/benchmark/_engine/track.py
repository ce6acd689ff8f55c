"""Tracks, and all that they bring: the one place where a method is looked up.

The engine knows no track by name. The package registers those of ``_families`` when it
is imported, in workers and children as well.
"""

import fnmatch
from dataclasses import dataclass, replace

from skext.benchmark._engine.kinds import KINDS
from skext.benchmark._engine.methods import Method, from_user
from skext.benchmark._engine.metrics import METRICS
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.tasks import resolve

# Figures that make sense for every comparison.
FIGURES = (
    "critical_difference",
    "probability_bars",
    "difference_dots",
    "score_against_time",
    "ranks_by_property",
    "reliability",
)


@dataclass(frozen=True)
class Track:
    """A kind of comparison: all that the engine and the report need to know of it.

    Parameters
    ----------
    name : str
        Name in tables and on the command line.
    description : str
        One line for the report.
    metrics : dict of str to tuple of str
        Names of the metrics of each type of task; the first is the headline, which
        tuning follows, too.
    baseline : str
        Method that all others are compared with.
    dummy : str, default="dummy"
        Trivial method that stands in for failures.
    kinds : tuple of Kind, default=()
        Kinds of targets that the track brings.
    own_metrics : tuple of Metric, default=()
        Metrics that the track brings.
    methods : tuple of Method, default=()
        Methods that the track brings.
    guests : tuple of str, default=()
        Methods of the tracks before it that take part.
    tasks : tuple of Task, default=()
        Its tasks in the main job, which need no network.
    suites : tuple of str, default=()
        Frozen lists of tables that are run under the track.
    speed : str, default=""
        ``package.module:name`` of a tuple of speed cases, imported when it is needed.
    figures : tuple of str, default=FIGURES
        Figures that the report shows; its own as ``package.module:name``.
    """

    name: str
    description: str
    metrics: dict
    baseline: str
    dummy: str = "dummy"
    kinds: tuple = ()
    own_metrics: tuple = ()
    methods: tuple = ()
    guests: tuple = ()
    tasks: tuple = ()
    suites: tuple = ()
    speed: str = ""
    figures: tuple = FIGURES


TRACKS: dict[str, Track] = {}
METHODS: dict[str, Method] = {}


def register(track):
    """Make a track known, after those whose methods are its guests."""
    for known, new in (
        (TRACKS, (track,)),
        (KINDS, track.kinds),
        (METRICS, track.own_metrics),
        (METHODS, track.methods),
    ):
        for thing in new:
            if thing.name in known:
                raise ValueError(
                    f"name={thing.name!r} is taken by another "
                    f"{type(thing).__name__.lower()}; give the one of track "
                    f"{track.name!r} a name of its own."
                )
            known[thing.name] = thing
    for name in track.guests:
        joined = (*METHODS[name].tracks, track.name)
        METHODS[name] = replace(METHODS[name], tracks=joined)


def dummy_of(track):
    """Name of the trivial method that stands in for failures."""
    return TRACKS[track].dummy if track in TRACKS else Track.dummy


def track_metrics(track, task_type):
    """Metrics of a task unless others are named."""
    for name in (track, KINDS[task_type].track):
        if name in TRACKS and task_type in TRACKS[name].metrics:
            return TRACKS[name].metrics[task_type]
    return ()


def track_of_suite(suite):
    """Track of a frozen list; where there is none the targets decide."""
    return next((t.name for t in TRACKS.values() if suite in t.suites), "auto")


def offline_tasks() -> list:
    """Tasks of the main job, those of each track together."""
    return [task for track in TRACKS.values() for task in track.tasks]


def speed_cases() -> dict:
    """Speed cases by name. Their modules load estimators and peers."""
    paths = [track.speed for track in TRACKS.values() if track.speed]
    return {case.name: case for path in paths for case in resolve(path)}


def select_methods(patterns) -> list[Method]:
    """Methods by name, by glob, or as ``package.module:factory``."""
    chosen = {}
    for pattern in patterns:
        if isinstance(pattern, Method):
            found = [pattern]
        elif ":" in pattern:
            found = [from_user(pattern)]
        else:
            names = fnmatch.filter(METHODS, pattern)
            if not names:
                raise unknown("method", pattern, METHODS)
            found = [METHODS[name] for name in names]
        chosen.update((method.name, method) for method in found)
    return list(chosen.values())


def default_methods(track) -> list[Method]:
    """Methods that join a track unless others are named."""
    return [method for method in METHODS.values() if track in method.tracks]
