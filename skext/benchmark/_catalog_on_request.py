"""Entries of the method catalogue that have no track of their own yet.

They run when they are named: classifiers that are told the counts of random bags of 32
rows in the place of labels, and quantile regressors by their medians.
"""

from dataclasses import dataclass

from skext.benchmark._factories import CLASSIFIERS, estimator, resolve
from skext.benchmark._methods import Method


@dataclass(frozen=True)
class _Bagged:
    """A factory of classifiers that learn from bags."""

    name: str

    def __call__(self):
        from skext.benchmark._from_bags import FromBags

        return FromBags(resolve(f"skext.label_proportions:{self.name}")())


@dataclass(frozen=True)
class _Embedded:
    """A factory of logistic regressions on an embedding that a network learns."""

    def __call__(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        refiner = resolve("skext.label_proportions:EmbeddingRefiner")()
        return make_pipeline(refiner, LogisticRegression(max_iter=1000))


def _bagged(name, cls, description, **options):
    return Method(
        f"skext-{name}",
        _Bagged(cls),
        family="skext",
        description=f"from counts of bags of 32 rows: {description}",
        task_types=CLASSIFIERS,
        tracks=(),
        **options,
    )


def _quantile(name, cls, description, **options):
    return Method(
        f"skext-{name}",
        estimator(f"skext.quantile:{cls}"),
        family="skext",
        description=f"{description}, its median",
        task_types=("regression",),
        tracks=(),
        **options,
    )


ON_REQUEST = (
    _bagged(
        "bp-llp",
        "BeliefPropagationLLPClassifier",
        "belief propagation and boosted trees",
        cost=5.0,
    ),
    _bagged("dllp", "DLLPClassifier", "mean probabilities match proportions"),
    _bagged(
        "dllp-net",
        "DLLPNetClassifier",
        "mean probabilities of a network match proportions",
        cost=10.0,
    ),
    Method(
        "skext-embedding-refiner",
        _Embedded(),
        family="skext",
        description="logistic regression on a network's embedding, with all labels",
        task_types=CLASSIFIERS,
        tracks=(),
        cost=10.0,
    ),
    _bagged("count-likelihood", "CountLikelihoodClassifier", "exact likelihood"),
    _bagged("easy-llp", "EasyLLPClassifier", "unbiased loss"),
    _bagged("mean-map", "MeanMapClassifier", "class means by least squares"),
    _bagged("self-labeling-llp", "SelfLabelingLLPClassifier", "hard labels by turns"),
    _bagged("bag-proportion", "BagProportionClassifier", "the proportion as label"),
    _quantile("linear-quantile", "LinearQuantileRegressor", "linear quantiles"),
    _quantile("multi-quantile", "MultiQuantileRegressor", "a model per quantile"),
    _quantile(
        "quantile-stack", "QuantileStackingRegressor", "stacked quantiles", cost=10.0
    ),
    _quantile(
        "conformal-quantile", "ConformalQuantileRegressor", "calibrated quantiles"
    ),
)
