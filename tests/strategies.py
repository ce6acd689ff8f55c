"""Tables as people have them: columns of all types, gaps, sentinels, repeated rows."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

DAY = datetime.date(2020, 1, 1)
_SENTINELS = [-(2**63), 2**63 - 1, 2**53 + 1, -99999, 0]


def _series(values, n_rows, dtype):
    return st.lists(values, min_size=n_rows, max_size=n_rows).map(
        lambda found: pd.Series(found, dtype=dtype)
    )


def _numbers(n_rows):
    real = st.floats(-1e6, 1e6, width=32)
    whole = st.one_of(st.integers(-1000, 1000), st.sampled_from(_SENTINELS))
    small = st.integers(-128, 127)
    return {
        "float": _series(real, n_rows, "float64"),
        "float32": _series(real, n_rows, "float32"),
        "whole": _series(whole, n_rows, "int64"),
        "int8": _series(small, n_rows, "int8"),
        "uint64": _series(
            st.sampled_from([0, 1, 2**53 + 1, 2**64 - 1]), n_rows, "uint64"
        ),
        "nullable": _series(whole, n_rows, "Int64"),
        "arrow": _series(whole, n_rows, "int64[pyarrow]"),
        "constant": st.just(pd.Series([5.0] * n_rows)),
    }


def _categories(n_rows):
    words = st.sampled_from(["a", "b", "", "ä b"])
    gaps = st.one_of(st.none(), words)
    flags = st.sampled_from([True, False, None])
    dictionary = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    return {
        "category": _series(gaps, n_rows, pd.CategoricalDtype(["ä b", "b", "a", ""])),
        "text": _series(gaps, n_rows, object),
        "string": _series(gaps, n_rows, "string"),
        "dictionary": _series(gaps, n_rows, dictionary),
        "flag": _series(st.booleans(), n_rows, bool),
        "flag with gaps": _series(flags, n_rows, object),
        "nullable flag": _series(flags, n_rows, "boolean"),
    }


def _refused(n_rows):
    days = st.integers(0, 999).map(lambda i: DAY + datetime.timedelta(days=i))
    return {
        "date": _series(days, n_rows, "datetime64[ns]"),
        "object date": _series(days, n_rows, object),
        "arrow date": _series(days, n_rows, "date32[pyarrow]"),
    }


@st.composite
def tables(draw, n_rows=24, *, numbers=True, categories=False, refused=False):
    """Draw a frame of named columns of the wanted kinds.

    The name of a column begins with its kind.
    """
    kinds = {}
    if numbers:
        kinds |= _numbers(n_rows)
    if categories:
        kinds |= _categories(n_rows)
    if refused:
        kinds |= _refused(n_rows)
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=2, max_size=5))
    if numbers and not set(chosen) & set(_numbers(1)):
        chosen.append("float")
    columns = [draw(kinds[kind]) for kind in chosen]
    frame = pd.concat(columns, axis=1)
    frame.columns = [f"{kind} {j}" for j, kind in enumerate(chosen)]
    return frame


@st.composite
def labels(draw, n_rows=24, n_rare=8):
    """Draw two classes, of which one is rare, in some order."""
    order = draw(st.permutations(range(n_rows)))
    return (np.argsort(order) < n_rare).astype(int)
