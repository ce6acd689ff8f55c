"""Entries of the method catalogue for rare classes, and for resampling in general."""

from dataclasses import dataclass

from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from skext.benchmark._engine.factories import entries, estimator, logistic
from skext.benchmark._engine.kinds import CLASSIFICATION
from skext.benchmark._engine.methods import make_preprocessor, pipeline_of
from skext.benchmark._engine.tasks import resolve

_OURS = "skext.over_sampling"


@dataclass(frozen=True)
class Resampled:
    """A sampler before logistic regression, or logistic regression alone."""

    sampler: str | None = None
    class_weight: str | None = None
    tuned_threshold: bool = False
    corrected: bool = False
    parameters: tuple = ()

    def __call__(self):
        model = logistic(class_weight=self.class_weight)
        if self.tuned_threshold:
            return TunedThresholdClassifierCV(model, cv=5)
        if self.sampler is None:
            return model
        sampler = resolve(self.sampler)(**dict(self.parameters))
        if self.corrected:
            return resolve(f"{_OURS}:ResampledClassifier")(model, sampler)
        return pipeline_of([("sampler", sampler), ("model", model)])


@dataclass(frozen=True)
class SampledThen:
    """A sampler before some other estimator."""

    sampler: str
    model: str

    def __call__(self):
        parts = [("sampler", self.sampler), ("model", self.model)]
        return pipeline_of([(name, resolve(path)()) for name, path in parts])


def smotenc(info):
    """Over-sample the table as it is; encode and scale what comes out."""
    sampler = resolve(f"{_OURS}:SMOTENC")(categorical_features=list(info.categorical))
    return pipeline_of(
        [
            ("sampler", sampler),
            ("prepare", make_preprocessor(info)),
            ("model", logistic()),
        ]
    )


def smoten():
    """Cut numbers into five levels, over-sample, and encode the levels."""
    levels = KBinsDiscretizer(encode="ordinal", quantile_method="averaged_inverted_cdf")
    return pipeline_of(
        [
            ("levels", levels),
            ("sampler", resolve(f"{_OURS}:SMOTEN")()),
            ("encode", OneHotEncoder(handle_unknown="ignore")),
            ("model", logistic()),
        ]
    )


_entry = entries(task_types=CLASSIFICATION, tracks=("imbalanced",))


def _ours(name, cls, description, *, module="over_sampling", parameters=(), **options):
    """Register a sampler of ours, before the same logistic regression as all others."""
    options = {"cost": 1.5, **options}
    factory = Resampled(f"skext.{module}:{cls}", parameters=parameters)
    return _entry(f"skext-{name}", factory, "skext", description, **options)


_BASELINES = (
    _entry("logistic-plain", Resampled(), "baseline", "no resampling", cost=1.0),
    _entry(
        "logistic-balanced",
        Resampled(class_weight="balanced"),
        "baseline",
        "class weights",
    ),
    _entry(
        "logistic-tuned-threshold",
        Resampled(tuned_threshold=True),
        "baseline",
        "no resampling, threshold tuned for balanced accuracy",
        task_types=("binary",),
        cost=4.0,
    ),
    _entry(
        "random-over-sampling",
        Resampled("imblearn.over_sampling:RandomOverSampler"),
        "baseline",
        "rare rows repeated",
        cost=1.5,
    ),
    _entry(
        "balanced-random-forest",
        estimator(
            "sklearn.ensemble:RandomForestClassifier",
            n_estimators=100,
            class_weight="balanced",
        ),
        "baseline",
        "100 trees, class weights",
        preprocess="ordinal",
        cost=8.0,
    ),
    _entry(
        "boosting",
        estimator("sklearn.ensemble:HistGradientBoostingClassifier", max_iter=100),
        "baseline",
        "gradient boosting, 100 rounds, no resampling",
        preprocess="ordinal",
        cost=15.0,
    ),
    _entry(
        "imblearn-smote",
        Resampled("imblearn.over_sampling:SMOTE"),
        "peer",
        "imbalanced-learn's SMOTE",
        cost=1.5,
    ),
)

# A table without rows that a variant looks for is over-sampled by plain SMOTE.
_ELSE_SMOTE = (("on_empty", "smote"),)

_FAMILY = (
    _ours("smote", "SMOTE", "SMOTE, exact neighbours with self excluded by index"),
    _entry(
        "skext-smote-corrected",
        Resampled("skext.over_sampling:SMOTE", corrected=True),
        "skext",
        "SMOTE, probabilities corrected for the changed prior",
        cost=1.5,
    ),
    _ours(
        "borderline-smote",
        "BorderlineSMOTE",
        "SMOTE from rows in danger",
        parameters=_ELSE_SMOTE,
    ),
    _ours(
        "svm-smote",
        "SVMSMOTE",
        "SMOTE from support vectors",
        parameters=_ELSE_SMOTE,
        cost=3.0,
    ),
    _ours(
        "kmeans-smote",
        "KMeansSMOTE",
        "SMOTE within sparse clusters of the class",
        parameters=_ELSE_SMOTE,
        cost=3.0,
    ),
    _ours(
        "adasyn",
        "ADASYN",
        "more rows where other classes are near",
        parameters=_ELSE_SMOTE,
    ),
    _ours("smote-enn", "SMOTEENN", "SMOTE, then edited neighbours", module="combine"),
    _ours(
        "smote-tomek", "SMOTETomek", "SMOTE, then Tomek links removed", module="combine"
    ),
    _ours("prowsyn", "ProWSyn", "ProWSyn, rows weighted by their level"),
    _ours(
        "safe-level-smote", "SafeLevelSMOTE", "Safe-level SMOTE", parameters=_ELSE_SMOTE
    ),
    _ours("lee-smote", "LeeSMOTE", "SMOTE, rows in foreign surroundings rejected"),
    _ours(
        "mwmote",
        "MWMOTE",
        "MWMOTE, weighted rows within clusters",
        parameters=_ELSE_SMOTE,
    ),
    _ours("smote-ipf", "SMOTEIPF", "SMOTE, noise filtered iteratively", cost=20.0),
    _ours("guided-smote", "GuidedSMOTE", "SMOTE along the principal direction"),
    _ours("assembled-smote", "AssembledSMOTE", "SMOTE within chains of border rows"),
    _ours(
        "smobd", "SMOBD", "SMOTE weighted by density", parameters=_ELSE_SMOTE, cost=3.0
    ),
    _ours("geometric-smote", "GeometricSMOTE", "rows in deformed balls"),
    _ours("rose", "ROSE", "smoothed bootstrap"),
    _ours("random-walk-smote", "RandomWalkSMOTE", "noise of the mean's size"),
    _ours("gaussian-smote", "GaussianSMOTE", "local Gaussian distributions"),
    _ours("polynomial-fit-smote", "PolynomialFitSMOTE", "rows on a star"),
    _ours("lvq-smote", "LVQSMOTE", "offsets between codewords"),
    _ours("ccr", "CCR", "cleaning and resampling in L1 balls"),
    _ours("dbsmote", "DBSMOTE", "paths to the centres of DBSCAN clusters"),
)

# These suit some tables only, and join a run when they are named.
_ON_REQUEST = (
    _entry(
        "skext-smotenc",
        smotenc,
        "skext",
        "SMOTE for numbers and categories; needs a table with both",
        preprocess="none",
        tracks=(),
    ),
    _entry(
        "skext-smoten",
        smoten,
        "skext",
        "SMOTE for categories; numbers are cut into five levels",
        tracks=(),
    ),
    _entry(
        "skext-smoter",
        SampledThen("skext.over_sampling:SMOTER", "sklearn.linear_model:RidgeCV"),
        "skext",
        "SMOTE for regression, then ridge; needs a target with rare values",
        task_types=("regression",),
        tracks=(),
    ),
    _entry(
        "skext-smogn",
        SampledThen("skext.over_sampling:SMOGN", "sklearn.linear_model:RidgeCV"),
        "skext",
        "SMOTE and noise for regression, then ridge; needs a target with rare values",
        task_types=("regression",),
        tracks=(),
    ),
    _entry(
        "skext-mlsmote",
        SampledThen(
            "skext.over_sampling:MLSMOTE", "sklearn.neighbors:KNeighborsClassifier"
        ),
        "skext",
        "SMOTE for several labels, then nearest neighbours",
        task_types=("multilabel",),
        tracks=(),
    ),
)

SAMPLERS = (*_BASELINES, *_FAMILY, *_ON_REQUEST)
