"""Threads over chunks of rows: the one way in which kernels run in parallel."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import effective_n_jobs


def run_chunks(kernel, n_items, *args, n_jobs=None, min_chunk=2048):
    """Call ``kernel(*args, start, stop)`` over ``n_items`` items on several threads.

    Results do not depend on the number of threads as long as the kernel writes
    only into the rows ``start:stop`` of its outputs.

    Parameters
    ----------
    kernel : callable
        Releases the GIL and takes ``start`` and ``stop`` last.
    n_items : int
        Number of items (rows, bags, columns ...) to split.
    *args : tuple
        Passed on unchanged to every call.
    n_jobs : int, default=None
        As in scikit-learn: None is 1 unless in a ``joblib.parallel_config``
        context, -1 is all cores.
    min_chunk : int, default=2048
        Never start a thread for fewer items than this.
    """
    workers = min(effective_n_jobs(n_jobs), max(1, n_items // min_chunk))
    if workers == 1:
        kernel(*args, 0, n_items)
        return
    edges = np.linspace(0, n_items, workers + 1).astype(np.intp)
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(kernel, *args, int(start), int(stop))
            for start, stop in itertools.pairwise(edges)
        ]
        for future in futures:
            future.result()
