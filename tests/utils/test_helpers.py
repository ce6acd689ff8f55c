"""Warnings, random streams, threads and optional packages."""

import threading
import warnings

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from skext.exceptions import MissingDependencyError
from skext.utils._optional import optional_import
from skext.utils._parallel import run_chunks, single_blas_thread
from skext.utils._random import fit_rng
from skext.utils._warnings import warn_user


def test_warnings_point_at_the_caller():
    space = {"warn_user": warn_user, "__name__": "skext.somewhere"}
    exec("def inner():\n    warn_user('look')\n", space)
    exec("def outer():\n    inner()\n", space)
    with pytest.warns(UserWarning, match="look") as caught:
        space["outer"]()
    assert caught[0].filename == __file__


def test_category_of_warnings():
    with pytest.warns(FutureWarning):
        warn_user("soon", FutureWarning)


def test_one_stream_for_a_fit():
    assert fit_rng(3).random_sample() == np.random.RandomState(3).random_sample()
    stream = np.random.RandomState(3)
    assert fit_rng(stream) is stream
    generator = np.random.default_rng(3)
    first, second = (
        fit_rng(generator).random_sample(),
        fit_rng(generator).random_sample(),
    )
    assert first != second


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
@pytest.mark.parametrize("n_items", [0, 1, 3, 100])
def test_chunks_cover_all_items_once(n_jobs, n_items):
    seen = np.zeros(n_items, dtype=int)

    def kernel(step, start, stop):
        seen[start:stop] += step

    run_chunks(kernel, n_items, 2, n_jobs=n_jobs, min_chunk=1)
    assert (seen == 2).all()


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_errors_of_chunks_reach_the_caller(n_jobs):
    def kernel(start, stop):
        if stop == 9:
            raise ValueError("broken chunk")

    with pytest.raises(ValueError, match="broken chunk"):
        run_chunks(kernel, 9, n_jobs=n_jobs, min_chunk=1)


def test_small_work_starts_no_thread(no_new_threads):
    names = []
    run_chunks(
        lambda start, stop: names.append(threading.current_thread()), 10, n_jobs=4
    )
    assert names == [threading.current_thread()]


def blas_threads():
    return {
        pool["num_threads"]
        for pool in ThreadpoolController().info()
        if pool["user_api"] == "blas"
    }


def test_one_blas_thread_and_back():
    before = blas_threads()
    with single_blas_thread():
        with single_blas_thread():
            assert blas_threads() <= {1}
        assert blas_threads() <= {1}
    assert blas_threads() == before
    with pytest.raises(ZeroDivisionError), single_blas_thread():
        1 / 0  # noqa: B018
    assert blas_threads() == before


def test_optional_packages():
    assert optional_import("json", extra="none").dumps([1]) == "[1]"
    with pytest.raises(MissingDependencyError, match=r"Drawing needs.*skext\[plot\]"):
        optional_import("no_such_package.part", extra="plot", purpose="Drawing")


def test_threads_of_torch_are_put_back():
    torch = pytest.importorskip("torch")
    from skext.utils._torch.device import torch_threads

    before = torch.get_num_threads()
    with torch_threads(1):
        assert torch.get_num_threads() == 1
    with torch_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_nothing_here_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_rng(None)
