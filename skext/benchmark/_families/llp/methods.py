"""Entries of the method catalogue for learning from label proportions.

Each cuts the training rows into bags of the size that the task names and is told the
counts of these bags; :func:`from_bags` keeps the labels. None has a space to be tuned
in, since the search would score by labels.
"""

from dataclasses import dataclass

from sklearn.pipeline import make_pipeline

from skext.benchmark._engine.factories import entries, logistic
from skext.benchmark._engine.kinds import CLASSIFICATION
from skext.benchmark._engine.tasks import resolve
from skext.benchmark._families.llp.from_bags import from_bags

_entry = entries(task_types=CLASSIFICATION, tracks=("llp",))


@dataclass(frozen=True)
class _Bagged:
    """A factory of classifiers that learn from bags.

    Parameters
    ----------
    path : str
        ``package.module:name`` of the classifier.
    control : str or None, default=None
        As in :func:`from_bags`.
    linear : bool, default=False
        Whether logistic regression learns the labels that the classifier finds.
    alone : bool, default=False
        Whether neighbours are all that belief propagation hears of rows.
    """

    path: str
    control: str | None = None
    linear: bool = False
    alone: bool = False

    def __call__(self, info):
        options = {"estimator": logistic()} if self.linear else {}
        if self.alone:
            options |= {"start": "flat", "similarity_strength": 1.0, "n_rounds": 1}
        model = resolve(self.path)(**options)
        return from_bags(model, info, control=self.control)


def _bagged(name, cls, description, *, linear=False, **options):
    return _entry(
        f"skext-{name}",
        _Bagged(f"skext.label_proportions:{cls}", linear=linear),
        "skext",
        f"from counts of bags: {description}",
        **options,
    )


@dataclass(frozen=True)
class _Embedded:
    """A factory of logistic regressions on an embedding that is learned.

    Parameters
    ----------
    path : str
        ``package.module:name`` of the refiner.
    """

    path: str

    def __call__(self):
        return make_pipeline(resolve(self.path)(), logistic())


def _control(name, cls, control, description, **options):
    told = {
        "flat": "each bag said to have the overall share",
        "shuffled": "shares dealt to the wrong bags",
    }
    return _entry(
        f"control-{name}-{control}",
        _Bagged(f"skext.label_proportions:{cls}", control, **options),
        "baseline",
        f"{description}, {told[control]}",
        cost=2.0,
    )


_BP = "BeliefPropagationLLPClassifier"

LLP = (
    _bagged(
        "bp-llp",
        _BP,
        "belief propagation, then logistic regression",
        linear=True,
        cost=2.0,
    ),
    _bagged("dllp", "DLLPClassifier", "mean probabilities match proportions"),
    _bagged("count-likelihood", "CountLikelihoodClassifier", "exact likelihood"),
    _bagged("easy-llp", "EasyLLPClassifier", "unbiased loss"),
    _bagged("mean-map", "MeanMapClassifier", "class means by least squares"),
    _bagged(
        "bag-proportion",
        "BagProportionClassifier",
        "the proportion as label, logistic regression",
        linear=True,
    ),
    _control("bp", _BP, "flat", "neighbours alone", linear=True, alone=True),
    _control("bp", _BP, "shuffled", "neighbours alone", linear=True, alone=True),
    _control("dllp", "DLLPClassifier", "shuffled", "matched means"),
    _entry(
        "ridge-on-bag-means",
        _Bagged("skext.benchmark._families.llp.rivals:RidgeOnBagMeans"),
        "baseline",
        "ridge regression of shares on the mean rows of bags",
        task_types=("binary",),
    ),
    _entry(
        "logistic-all-labels",
        logistic,
        "baseline",
        "told all labels: the upper line",
    ),
    # On request: these need more time than the main job has, or torch.
    _bagged(
        "dllp-net",
        "DLLPNetClassifier",
        "mean probabilities of a network match proportions",
        tracks=(),
        cost=10.0,
    ),
    _entry(
        "skext-embedding-refiner",
        _Embedded("skext.label_proportions:EmbeddingRefiner"),
        "skext",
        "logistic regression on a network's embedding, with all labels",
        tracks=(),
        cost=10.0,
    ),
    _entry(
        "skext-leaf-refiner",
        _Embedded("skext.label_proportions:LeafRefiner"),
        "skext",
        "logistic regression on an embedding by leaves of trees, with all labels",
        tracks=(),
        cost=10.0,
    ),
    _bagged(
        "bp-llp-trees",
        _BP,
        "belief propagation, then trees or a line",
        tracks=(),
        cost=30.0,
    ),
    _bagged(
        "self-labeling-llp",
        "SelfLabelingLLPClassifier",
        "hard labels by turns",
        tracks=(),
        cost=3.0,
    ),
    _bagged(
        "bag-proportion-trees",
        "BagProportionClassifier",
        "the proportion as label, boosted trees",
        tracks=(),
        cost=30.0,
    ),
)
