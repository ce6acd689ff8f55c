"""Threads over chunks of rows: the one way in which kernels run in parallel."""

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController


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


class _SingleBlasThread:
    """Count who wants a single thread; the last to leave restores the number."""

    def __init__(self):
        self.lock = threading.Lock()
        self.users, self.limit, self.controller = 0, None, None

    @contextlib.contextmanager
    def __call__(self):
        with self.lock:
            if self.users == 0:
                if self.controller is None:
                    self.controller = ThreadpoolController()
                self.limit = self.controller.limit(limits=1, user_api="blas")
            self.users += 1
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if self.users == 0:
                    self.limit.restore_original_limits()
                    self.limit = None


# A context in which linear algebra runs on one thread, so that its sums have one
# order whatever the machine; threads may enter it at the same time.
single_blas_thread = _SingleBlasThread()
