"""What several displays share."""

from skext.utils._optional import optional_import


def pyplot():
    """Return matplotlib's pyplot, or say how to install it."""
    return optional_import("matplotlib.pyplot", extra="plot", purpose="Plotting")


def one_axes(ax):
    """Return the given axes, or those of a new figure."""
    return ax if ax is not None else pyplot().subplots(layout="constrained")[1]


def shades(n):
    """Return colours of ordered things, from dark to light, apart also in grey."""
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    return [colours(0.05 + 0.87 * i / max(n - 1, 1)) for i in range(n)]


def last_step(estimator):
    """Return the model inside pipelines and searches."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif getattr(estimator, "steps", None):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
