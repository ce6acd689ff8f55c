"""Tables of OpenML in one form, parsed once: after that a copy is read."""

import contextlib
import json
import os
import uuid
from zipfile import BadZipFile

import numpy as np

from skext.datasets import _openml_cache as cache
from skext.datasets._arff import unquoted
from skext.utils._warnings import warn_user

# Changes whenever the form of the copies does.
_COPY_FORMAT = 2


def _copy_path(table, data_id, home, suffix):
    return home / "skext" / "openml" / f"{data_id}-{table.md5}{suffix}"


def load_frame(table, data_id, names, home):
    """Read our parquet copy, or parse the ARFF file and leave a copy."""
    path = _copy_path(table, data_id, home, ".parquet")
    copy = _read_copy(path, _read_parquet)
    if copy is not None and set(names) <= set(copy[0].columns):
        return copy[0][names], copy[1]
    sha256 = cache.sha256_checked(table, data_id)
    # All columns, so that one copy serves every choice of the target.
    frame, undeclared = cache.parse_frame(table)
    frame = _normalise(frame, table)
    _check_rows(frame.shape[0], table, data_id)
    story = {"sha256": sha256, "undeclared": undeclared}
    _write_copy(path, frame.to_parquet, story)
    return frame[names], story


def load_sparse(table, data_id, names, target, home):
    """Return features, target, names of codes and checksum of a sparse table."""
    from scipy import sparse

    path = _copy_path(table, data_id, home, ".npz")
    copy = _read_copy(path, sparse.load_npz)
    columns = [column["name"] for column in cache.sorted_columns(table)]
    if copy is not None and copy[0].shape[1] == len(columns):
        X, story = copy
    else:
        sha256 = cache.sha256_checked(table, data_id)
        X, categories = cache.parse_sparse(table)
        _check_rows(X.shape[0], table, data_id)
        story = {"sha256": sha256, "categories": categories}
        _write_copy(path, lambda file: _write_npz(file, X), story)
    categories = dict(story["categories"])
    y = X[:, [columns.index(target)]].toarray().ravel()
    if target in categories:
        y = np.asarray(categories[target], dtype=object)[y.astype(np.intp)]
    found = {name: categories[name] for name in names if name in categories}
    X = sparse.csr_array(X[:, [columns.index(name) for name in names]])
    return X, y, found, story["sha256"]


def _write_npz(path, X):
    from scipy import sparse

    with open(path, "wb") as file:
        sparse.save_npz(file, X)


def _read_parquet(path):
    import pandas as pd

    return pd.read_parquet(path)


def _check_rows(n_rows, table, data_id):
    if table.n_rows is not None and n_rows != table.n_rows:
        warn_user(
            f"OpenML data set {data_id} should have {table.n_rows} rows and has "
            f"{n_rows}.",
        )


def _normalise(frame, table):
    """One type for each kind of column, whatever the parser made of it."""
    import pandas as pd

    columns = {}
    for column in table.columns:
        values = frame[column["name"]]
        if column["data_type"] in ("numeric", "real", "integer"):
            columns[column["name"]] = as_numbers(values)
        else:
            columns[column["name"]] = as_categories(values, column.get("nominal_value"))
    return pd.DataFrame(columns)


def as_numbers(values):
    import pandas as pd

    return pd.to_numeric(pd.Series(values)).astype("float64")


def as_categories(values, declared=None):
    """Unordered categories of text, in the declared order as far as they occur."""
    import pandas as pd

    values = pd.Series(values)
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(pd.Categorical(np.asarray(values, dtype=object)))
    # A parser that kept the quotes of a nominal value means the value inside.
    texts = [unquoted(str(value)) for value in values.cat.categories]
    found = set(texts)
    if isinstance(declared, str):
        declared = [declared]
    order = list(dict.fromkeys(unquoted(str(name)) for name in declared or ()))
    order = [name for name in order if name in found]
    order += sorted(found - set(order))
    place = {name: code for code, name in enumerate(order)}
    # The last one is for the code -1 of missing values.
    codes = np.array([*(place[text] for text in texts), -1], dtype=np.intp)
    kind = pd.CategoricalDtype(order, ordered=False)
    found = pd.Categorical.from_codes(codes[values.cat.codes.to_numpy()], dtype=kind)
    return pd.Series(found, index=values.index)


def _read_copy(path, read):
    """Read a copy and its story; None if there is none that can be read."""
    try:
        story = json.loads(path.with_suffix(".json").read_text())
        if story["format"] != _COPY_FORMAT:
            return None
        return read(path), story
    # No copy, no pyarrow, or a damaged file: the original is still there.
    except (OSError, ImportError, ValueError, KeyError, BadZipFile):
        return None


def _write_copy(path, write, story):
    """Leave a copy; it is a convenience, so failing to is no failure."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        os.replace(temporary, path)
        temporary.write_text(json.dumps({"format": _COPY_FORMAT, **story}))
        os.replace(temporary, path.with_suffix(".json"))
    # A read-only folder, a full disk, no pyarrow, or a column that it refuses.
    except (OSError, ImportError, ValueError):
        with contextlib.suppress(OSError):
            temporary.unlink()
