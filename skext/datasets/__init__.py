"""Real tables by number, frozen lists of them, and simulations with known truth."""

from skext.datasets._clusters import (
    make_cluster_problem,
    make_separated_clusters,
    make_unclustered,
)
from skext.datasets._generators import make_gaussian_mixture, make_imbalanced_mixture
from skext.datasets._openml import load_openml
from skext.datasets._ordinal import load_wine_bitterness, make_ordinal
from skext.datasets._quantile_experts import make_quantile_experts
from skext.datasets._suite_lists import Suite, SuiteTask, list_suites, load_suite
from skext.datasets._suites import fetch_suite, load_suite_task

__all__ = [
    "Suite",
    "SuiteTask",
    "fetch_suite",
    "list_suites",
    "load_openml",
    "load_suite",
    "load_suite_task",
    "load_wine_bitterness",
    "make_cluster_problem",
    "make_gaussian_mixture",
    "make_imbalanced_mixture",
    "make_ordinal",
    "make_quantile_experts",
    "make_separated_clusters",
    "make_unclustered",
]
