"""The track of linear probes: nested training sets, methods, speed cases."""

import numpy as np
import pytest

from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import METHODS, default_methods, speed_cases
from skext.benchmark._families.probes.tasks import TASKS, few_labels


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_tasks_have_few_training_rows_of_all_classes(task):
    loaded = load_task(task)
    size = dict(task.arguments)["size"]
    assert loaded.track == "probes"
    for train, test in loaded.splits[0]:
        assert len(train) == size
        assert len(test) == 300 if task.id.startswith("digits") else len(test) > 100
        assert not set(train) & set(test)
        assert np.unique(loaded.y[train]).size == loaded.n_classes


def test_training_sets_are_nested_and_tests_the_same():
    small, large = (few_labels("digits", size)["splits"] for size in (30, 1000))
    for (few, test), (many, same) in zip(small, large, strict=True):
        assert set(few) < set(many)
        np.testing.assert_array_equal(test, same)


def test_who_takes_part():
    names = {method.name for method in default_methods("probes")}
    assert {
        "dummy",
        "logistic",
        "gaussian-nb",
        "lda-shrinkage-auto",
        "nearest-centroid",
        "skext-generative-logistic",
        "skext-linear-gaussian-nb",
        "skext-linear-gaussian-nb-tempered",
        "skext-nearest-class-mean",
        "skext-shrinkage-lda",
    } == names
    assert METHODS["logistic"].tracks[0] == "classification"
    assert {"shrinkage-lda-fit", "nearest-mean-predict"} <= set(speed_cases())
