"""Factories of the method catalogue: importable, picklable, cheap to hold."""

from dataclasses import dataclass

CLASSIFIERS = ("binary", "multiclass")


def resolve(path):
    """Import ``package.module:name`` when it is needed."""
    from skext.benchmark._engine.tasks import resolve

    return resolve(path)


def logistic(**parameters):
    """Return the classifier that follows every sampler."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, **parameters)


def estimator(path, **parameters):
    """Return a factory of an estimator."""
    return _Factory(path, tuple(sorted(parameters.items())))


@dataclass(frozen=True)
class _Factory:
    path: str
    parameters: tuple

    def __call__(self):
        return resolve(self.path)(**dict(self.parameters))


@dataclass(frozen=True)
class Resampled:
    """A sampler before logistic regression, or logistic regression alone."""

    sampler: str | None = None
    class_weight: str | None = None
    tuned_threshold: bool = False
    corrected: bool = False
    parameters: tuple = ()

    def __call__(self):
        from imblearn.pipeline import Pipeline
        from sklearn.model_selection import TunedThresholdClassifierCV

        model = logistic(class_weight=self.class_weight)
        if self.tuned_threshold:
            return TunedThresholdClassifierCV(model, cv=5)
        if self.sampler is None:
            return model
        sampler = resolve(self.sampler)(**dict(self.parameters))
        if self.corrected:
            from skext.over_sampling import ResampledClassifier

            return ResampledClassifier(model, sampler)
        return Pipeline([("sampler", sampler), ("model", model)])


@dataclass(frozen=True)
class SampledThen:
    """A sampler before some other estimator."""

    sampler: str
    model: str

    def __call__(self):
        from imblearn.pipeline import Pipeline

        parts = [("sampler", self.sampler), ("model", self.model)]
        return Pipeline([(name, resolve(path)()) for name, path in parts])


def smotenc(info):
    """Over-sample the table as it is; encode and scale what comes out."""
    from imblearn.pipeline import Pipeline

    from skext.benchmark._engine.methods import make_preprocessor
    from skext.over_sampling import SMOTENC

    return Pipeline(
        [
            ("sampler", SMOTENC(categorical_features=list(info.categorical))),
            ("prepare", make_preprocessor(info)),
            ("model", logistic()),
        ]
    )


def smoten():
    """Cut numbers into five levels, over-sample, and encode the levels."""
    from imblearn.pipeline import Pipeline
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

    from skext.over_sampling import SMOTEN

    levels = KBinsDiscretizer(encode="ordinal", quantile_method="averaged_inverted_cdf")
    return Pipeline(
        [
            ("levels", levels),
            ("sampler", SMOTEN()),
            ("encode", OneHotEncoder(handle_unknown="ignore")),
            ("model", logistic()),
        ]
    )
