"""Summaries of parts, made anywhere, give one model."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import skext
from skext.cluster import PPPClustering, merge_summaries, summarize_rows
from skext.datasets import make_separated_clusters


@pytest.fixture(scope="module")
def data():
    return make_separated_clusters(
        40_000, 4, n_clusters=6, separation=6, shape="rotated", random_state=1
    )


def test_summary_of_rows(data):
    X = data.data
    summary = summarize_rows(X, n_representatives=500)
    assert summary.means.shape == (500, 4)
    assert summary.weights.sum() == len(X)
    # Small enough to travel: the rows have no part in it.
    assert len(pickle.dumps(summary)) < 0.1 * X.nbytes
    again = summarize_rows(X[::-1].astype(np.float64), n_representatives=500, n_jobs=2)
    np.testing.assert_array_equal(summary.means, again.means)


def test_bad_input_is_named(data):
    X = data.data[:10]
    with pytest.raises(ValueError, match="n_representatives=0"):
        summarize_rows(X, n_representatives=0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        summarize_rows(X, np.zeros(10))
    with pytest.raises(ValueError, match="Negative values"):
        summarize_rows(X, -np.ones(10))
    with pytest.raises(ValueError, match="NaN"):
        summarize_rows(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="summaries is empty"):
        merge_summaries([])
    parts = [summarize_rows(X), summarize_rows(X[:, :2])]
    with pytest.raises(ValueError, match=r"different numbers of features: \[2, 4\]"):
        merge_summaries(parts)


def test_parts_give_the_model_of_the_whole(data):
    X = data.data
    parts = [summarize_rows(X[i::3]) for i in range(3)]
    model = PPPClustering().fit_summary(merge_summaries(parts))
    other = PPPClustering().fit_summary(merge_summaries(parts[::-1], n_jobs=2))
    assert model.n_clusters_ == 6
    np.testing.assert_array_equal(model.cluster_centers_, other.cluster_centers_)
    labels = model.predict(X)
    np.testing.assert_array_equal(labels, other.predict(X))
    assert adjusted_rand_score(data.target, labels) > 0.99
    whole = PPPClustering().fit(X)
    assert adjusted_rand_score(whole.labels_, labels) > 0.99


# A process of its own: dask warns about busy ports and draws random numbers.
SCRIPT = """
import pickle, sys
import numpy as np
from distributed import Client, LocalCluster
from skext.cluster import summarize_rows

def summarize(path):
    return summarize_rows(np.load(path, mmap_mode="r"))

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                      dashboard_address=None) as cluster, Client(cluster) as client:
        parts = client.gather(client.map(summarize, sys.argv[2:]))
    with open(sys.argv[1], "wb") as file:
        pickle.dump(parts, file)
"""


def test_workers_of_a_local_cluster(data, tmp_path):
    """Each worker reads its own part; only summaries travel."""
    pytest.importorskip("distributed")
    paths = [str(tmp_path / f"part-{i}.npy") for i in range(4)]
    for i, path in enumerate(paths):
        np.save(path, data.data[i * 10_000 : (i + 1) * 10_000])
    script, result = tmp_path / "on_dask.py", tmp_path / "parts.pickle"
    script.write_text(SCRIPT)
    run = subprocess.run(
        [sys.executable, script, result, *paths],
        env={**os.environ, "PYTHONPATH": str(Path(skext.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    model = PPPClustering().fit_summary(
        merge_summaries(pickle.loads(result.read_bytes()))
    )
    here = [summarize_rows(np.load(path)) for path in paths]
    same = PPPClustering().fit_summary(merge_summaries(here))
    np.testing.assert_array_equal(model.cluster_centers_, same.cluster_centers_)
    assert model.n_clusters_ == 6
    assert adjusted_rand_score(data.target, model.predict(data.data)) > 0.99
