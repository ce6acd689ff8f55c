"""What the method lists of the families are written with: cheap to hold and to send."""

from dataclasses import dataclass

from sklearn.linear_model import LogisticRegression

from skext.benchmark._engine.methods import Method
from skext.benchmark._engine.tasks import resolve


def entries(**shared):
    """Return a maker of methods that share options, unless they have their own.

    Returns
    -------
    entry : callable
        ``entry(name, factory, family, description, **options)``.
    """

    def entry(name, factory, family, description, **options):
        told = {"family": family, "description": description}
        return Method(name, factory, **{**shared, **told, **options})

    return entry


def logistic(**parameters):
    """Return the classifier that follows every sampler."""
    return LogisticRegression(max_iter=1000, **parameters)


def estimator(path, **parameters):
    """Return a factory of an estimator, which is imported when it is made."""
    return _Factory(path, tuple(sorted(parameters.items())))


@dataclass(frozen=True)
class _Factory:
    path: str
    parameters: tuple

    def __call__(self):
        return resolve(self.path)(**dict(self.parameters))
