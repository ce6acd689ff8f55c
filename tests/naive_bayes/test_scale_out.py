"""Statistics of parts of the data, from other processes, give the model of all data."""

import random
from functools import reduce
from operator import add

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skext.naive_bayes import (
    ClassMoments,
    LinearGaussianNB,
    NearestClassMean,
    ShrinkageLDA,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROBES = [LinearGaussianNB(), ShrinkageLDA(), NearestClassMean()]


@pytest.fixture(scope="module")
def data():
    """Rows sorted by class, so that parts do not know all classes."""
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 5, 600))
    X = 100 + rng.normal(size=(600, 12)) + rng.normal(size=(5, 12))[y]
    X[:, 1] += X[:, 0]
    return X, np.array(list("abcde"))[y]


@pytest.fixture(scope="module")
def client():
    """Two processes. Work for them names nothing of this module, which they lack."""
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def restore_random_state(guard_random_state):
    """Undo what dask draws from the global state for its own purposes."""
    state = random.getstate()
    yield
    random.setstate(state)


def assert_same_model(found, expected, X):
    np.testing.assert_array_equal(found.classes_, expected.classes_)
    np.testing.assert_allclose(found.class_count_, expected.class_count_, rtol=1e-12)
    np.testing.assert_allclose(found.theta_, expected.theta_, rtol=1e-10)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-10)
    scores = expected.decision_function(X)
    np.testing.assert_allclose(found.decision_function(X), scores, rtol=1e-9, atol=1e-9)


def test_blocks_of_a_dask_array(client, data):
    dask = pytest.importorskip("dask")
    import dask.array as da

    X, y = data
    blocks = zip(
        da.from_array(X, chunks=(80, 12)).to_delayed().ravel(),
        da.from_array(y, chunks=80).to_delayed().ravel(),
        strict=True,
    )
    parts = [dask.delayed(ClassMoments("full").update)(*block) for block in blocks]
    assert len(parts) == 8
    halves = [dask.delayed(reduce)(add, half) for half in (parts[:4], parts[4:])]
    found = dask.delayed(add)(*halves).compute()
    expected = ClassMoments("full").update(X, y)
    assert found.classes.tolist() == list("abcde")
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-10)
    np.testing.assert_allclose(found.ss, expected.ss, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
def test_partitions_of_a_dask_dataframe(client, data, probe):
    dask = pytest.importorskip("dask")
    dd = pytest.importorskip("dask.dataframe")
    X, y = data
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(12)])
    table = dd.from_pandas(frame.assign(label=y), npartitions=5)
    parts = [
        dask.delayed(clone(probe).partial_fit)(
            part.drop(columns="label"), part["label"]
        )
        for part in table.to_delayed()
    ]
    found = dask.delayed(reduce)(add, parts).compute()
    assert found.feature_names_in_.tolist() == list(frame)
    assert_same_model(found, clone(probe).fit(frame, y), frame)


def test_parts_in_the_order_in_which_workers_finish(client, data):
    from dask.distributed import as_completed

    X, y = data
    parts = np.array_split(np.random.default_rng(1).permutation(len(y)), 6)
    futures = [
        client.submit(LinearGaussianNB().fit, X[rows], y[rows]) for rows in parts
    ]
    model = None
    for _, part in as_completed(futures, with_results=True):
        model = part if model is None else model.merge(part)
    assert_same_model(model, LinearGaussianNB().fit(X, y), X)


def test_joblib_on_the_cluster(client, data):
    X, y = data
    with joblib.parallel_config("dask"):
        check_joblib(X, y)


def test_joblib_in_threads(data):
    with joblib.parallel_config("threading"):
        check_joblib(*data)


def check_joblib(X, y):
    for probe in PROBES:
        parts = joblib.Parallel(n_jobs=2)(
            joblib.delayed(clone(probe).fit)(X[rows], y[rows])
            for rows in np.array_split(np.arange(len(y)), 3)
        )
        assert_same_model(reduce(add, parts), clone(probe).fit(X, y), X)
