import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skext.benchmark import Method, Task, TaskInfo, make_preprocessor
from skext.benchmark._engine.jobs import job_key
from skext.benchmark._engine.methods import build, from_user, job_seed
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import (
    METHODS,
    TRACKS,
    default_methods,
    select_methods,
)
from skext.exceptions import BenchmarkError


@pytest.fixture
def loaded():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    frame.loc[::7, "a"] = np.nan
    frame["kind"] = pd.Categorical(rng.choice(["u", "v", "w"], 60))
    return load_task(Task(id="t", arrays=(frame, np.arange(60) % 2), folds=(1, 2)))


@pytest.fixture
def info(loaded):
    return TaskInfo.of(loaded, primary_metric="accuracy")


@pytest.mark.parametrize(
    "name", ["toys:Counts", "toys:instance", "toys:by_task", "sklearn.svm:SVC"]
)
def test_factories_of_a_third_party(toys, info, name):
    method = from_user(name)
    assert method.family == "user"
    assert hasattr(method.make(info), "fit")


def test_a_factory_may_see_the_task(toys, info):
    assert from_user("toys:by_task").make(info).var_smoothing == 1e-3


def test_an_instance_is_never_fitted_itself(toys, info, loaded):
    made = from_user("toys:instance").make(info)
    assert made is not toys.instance


def test_a_factory_that_returns_no_estimator_is_named(toys, info):
    with pytest.raises(BenchmarkError, match="'toys:nothing'.*int.*neither fit"):
        from_user("toys:nothing").make(info)


@pytest.mark.parametrize("kind", ["scale", "ordinal"])
def test_preprocessing_copes_with_gaps_and_categories(info, loaded, kind):
    codes = make_preprocessor(info, kind).fit_transform(loaded.X)
    assert codes.shape == (60, 6 if kind == "scale" else 4)
    assert np.isfinite(codes).all()
    assert make_preprocessor(info, "none") is None


def test_levels_that_training_did_not_see(info, loaded):
    strange = loaded.X.copy()
    strange["kind"] = pd.Categorical(["never seen"] * 60)
    for kind in ("scale", "ordinal"):
        assert make_preprocessor(info, kind).fit(loaded.X).transform(strange).shape[0]


def test_a_bare_sampler_is_completed(info, loaded):
    method = from_user("imblearn.over_sampling:RandomOverSampler")
    model = build(method, info, seed=0).fit(loaded.X, loaded.y)
    assert model.predict(loaded.X).shape == (60,)


def test_tuning_searches_the_space_of_the_method(info, loaded):
    search = build(METHODS["logistic"], info, seed=0, n_tune=2)
    search.fit(loaded.X, loaded.y)
    assert set(search.best_params_) == {"model__C"}
    assert search.scoring == "accuracy"


def test_every_random_state_is_seeded_differently_and_reproducibly(info):
    method = METHODS["imblearn-smote"]

    def states(seed):
        found = build(method, info, seed=seed).get_params(deep=True)
        return {k: v for k, v in found.items() if k.endswith("random_state")}

    first = states(1)
    assert len(set(first.values())) == len(first) >= 2
    assert first == states(1)
    assert first != states(2)


def test_seed_depends_on_the_job_alone():
    assert job_seed(0, "t", "m", 0, 1) == job_seed(0, "t", "m", 0, 1)
    others = {job_seed(0, "t", "m", 0, f) for f in range(50)}
    others |= {job_seed(0, "t", "n", 0, f) for f in range(50)}
    assert len(others) == 100


def key(loaded, info, method, **changes):
    options = {
        "seed": 0,
        "repeat": 0,
        "fold": 0,
        "info": info,
        "n_tune": 0,
        "strict_env": False,
        **changes,
    }
    return job_key(loaded, method, **options)


def test_key_changes_with_everything_that_changes_the_result(loaded, info):
    base = Method("m", LogisticRegression())
    known = key(loaded, info, base)
    assert known == key(loaded, info, Method("m", LogisticRegression()))
    others = [
        key(loaded, info, Method("m", LogisticRegression(C=2.0))),
        key(loaded, info, Method("n", LogisticRegression())),
        key(loaded, info, Method("m", GaussianNB())),
        key(loaded, info, Method("m", LogisticRegression(), preprocess="none")),
        key(loaded, info, base, seed=1),
        key(loaded, info, base, fold=1),
        key(loaded, info, base, strict_env=True),
    ]
    assert len({known, *others}) == len(others) + 1


def test_key_is_the_same_in_another_process():
    code = (
        "import numpy as np\n"
        "from skext.benchmark import Task, TaskInfo\n"
        "from skext.benchmark._engine.track import METHODS\n"
        "from skext.benchmark._engine.jobs import job_key\n"
        "from skext.benchmark._engine.tasks import load_task\n"
        "task = load_task(Task(id='t', arrays=(np.eye(20), np.arange(20) % 2)))\n"
        "for name in ('skext-smote', 'hist-gradient-boosting', 'ridge'):\n"
        "    print(job_key(task, METHODS[name], seed=0, repeat=0, fold=0,\n"
        "          info=TaskInfo.of(task), n_tune=0, strict_env=False))\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].split()) == 3


def test_selection_by_name_and_glob():
    assert [m.name for m in select_methods(["dummy"])] == ["dummy"]
    names = [m.name for m in select_methods(["*learn-smote", "imblearn-smote"])]
    assert names == ["imblearn-smote"]
    with pytest.raises(BenchmarkError, match="'skext-smot'.*'skext-smote'"):
        select_methods(["skext-smot"])


def test_catalogue_is_consistent():
    for track in TRACKS.values():
        names = [method.name for method in default_methods(track.name)]
        assert track.baseline in names
        assert any("dummy" in name for name in names)
    for method in METHODS.values():
        assert method.description
        assert set(method.tracks) <= set(TRACKS)


def test_every_public_estimator_is_in_the_catalogue(info):
    from skext.utils.discovery import all_estimators

    made = set()
    for method in METHODS.values():
        if method.family == "skext":
            estimator = method.make(info)
            steps = getattr(estimator, "named_steps", {"model": estimator})
            made |= {type(step).__name__ for step in steps.values()}
            inner = (getattr(step, "estimator", None) for step in steps.values())
            made |= {type(estimator).__name__ for estimator in inner}
    # One takes predictions of other models, the other a function: no rows alone.
    without_tables = {"QuantileAggregator", "QuantileAdapter"}
    assert {name for name, _ in all_estimators()} - without_tables <= made


@pytest.mark.parametrize("name", ["skext-dllp", "skext-bag-proportion"])
def test_methods_that_are_told_counts_only(name, info):
    model = METHODS[name].make(info)
    model = getattr(model, "steps", [("model", model)])[-1][1]
    X, y = make_classification(200, random_state=0)
    model.fit(X, y)
    assert (model.predict(X) == y).mean() > 0.6
    assert model.predict_proba(X).shape == (200, 2)


def test_a_missing_package_is_a_reason_not_an_error():
    method = Method("m", "no_package_of_this_name:Thing", needs=("no_package_xyz",))
    assert "no_package_xyz" in method.missing()
    assert "pip install" in method.missing()
