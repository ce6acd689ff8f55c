"""The speed cases of clustering: ours finds the number of clusters, peers are told."""

from functools import partial

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.cluster import PPPClustering
from skext.datasets import make_separated_clusters


def _clusters(n_samples, n_features, n_clusters):
    """Generate normal clusters with random covariances, five deviations apart."""
    found = make_separated_clusters(
        n_samples, n_features, n_clusters=n_clusters, shape="rotated", random_state=0
    )
    return found.data, found.target


def _ppp(data, n_jobs):
    return PPPClustering(n_jobs=n_jobs).fit(data[0])


def _kmeans(data, n_jobs, *, n_init=1):
    k = np.unique(data[1]).size
    return KMeans(k, n_init=n_init, random_state=0).fit(data[0])


def _mixture_sweep(data, n_jobs):
    # Every sixth number of components from 1 to 25 stands for all of them.

    X = data[0]
    models = [GaussianMixture(k, random_state=0).fit(X) for k in range(1, 26, 6)]
    return min(models, key=lambda model: model.bic(X))


def _finds_the_truth(ours, peer, data):
    # A peer that is told the number of clusters may still miss some of them; the
    # answer that counts is ours.

    truth = data[1]
    agreement = adjusted_rand_score(truth, ours.labels_)
    k = np.unique(truth).size
    if ours.n_clusters_ != k or agreement < 0.99:
        raise AssertionError(
            f"Found {ours.n_clusters_} of {k} clusters, adjusted Rand {agreement:.4f}."
        )


_case = partial(SpeedCase, make=_clusters, ours=_ppp, check=_finds_the_truth)


_TALL = by_size((2000, 10, 10), (100_000, 10, 20), (1_000_000, 10, 20))
_TOLD = "the peer is told the number of clusters"

CASES = (
    _case(
        "ppp-kmeans",
        "sklearn.cluster.KMeans(n_init=1)",
        f"10 columns; {_TOLD}",
        peer=_kmeans,
        sizes=_TALL,
    ),
    _case(
        "ppp-kmeans-10",
        "sklearn.cluster.KMeans(n_init=10)",
        f"10 columns; {_TOLD}",
        peer=partial(_kmeans, n_init=10),
        sizes=_TALL,
    ),
    _case(
        "ppp-kmeans-wide",
        "sklearn.cluster.KMeans(n_init=1)",
        f"50 columns; {_TOLD}",
        peer=_kmeans,
        sizes=by_size((2000, 50, 10), (100_000, 50, 20)),
    ),
    _case(
        "ppp-mixture-sweep",
        "sklearn.mixture.GaussianMixture, 1 to 25 components",
        "10 columns; the peer chooses by BIC",
        peer=_mixture_sweep,
        sizes=by_size((2000, 10, 10), (100_000, 10, 20)),
        peer_share=lambda data: 0.2,
    ),
)
