"""scikit-learn's cache of OpenML files: find, check, parse, download.

Files of the user are only ever read. A download goes to a folder of its own and is
moved in when it is complete, so that no failure can harm what is already there
(``fetch_openml`` deletes a cached file when its parser fails).
"""

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import numpy as np

from skext.datasets._arff import ARFFError, read_dense
from skext.exceptions import DataNotAvailableError
from skext.utils._sklearn import load_arff_from_gzip_file

_JSON = "api/v1/json/data"


@dataclass(frozen=True)
class CachedTable:
    """The files of one data set in scikit-learn's cache.

    Attributes
    ----------
    description : dict
        What OpenML says of the data set.
    columns : list of dict
        What OpenML says of each column.
    n_rows : int or None
        Number of rows, where the qualities are cached too.
    arff : Path
        The data, compressed.
    """

    description: dict
    columns: list
    n_rows: int | None
    arff: Path

    @property
    def md5(self) -> str:
        """Checksum of the uncompressed ARFF file, as OpenML gives it."""
        return self.description["md5_checksum"]

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are stored as index-value pairs."""
        return self.description.get("format", "").lower() == "sparse_arff"


def cache_root(data_home: Path) -> Path:
    """Folder below which scikit-learn mirrors the paths of OpenML."""
    return data_home / "openml" / "openml.org"


def find_table(data_id: int, data_home: Path) -> CachedTable:
    """Locate a data set in the cache.

    Raises
    ------
    DataNotAvailableError
        Names the file that is missing or cannot be read.
    """
    root = cache_root(data_home)
    description = _read_json(root / _JSON / f"{data_id}.gz", data_id)
    features = _read_json(root / _JSON / "features" / f"{data_id}.gz", data_id)
    try:
        description = description["data_set_description"]
        columns = features["data_features"]["feature"]
        arff = root / (urlparse(description["url"]).path.lstrip("/") + ".gz")
        description["md5_checksum"], [column["index"] for column in columns]
    except (KeyError, TypeError) as exc:
        raise DataNotAvailableError(
            f"OpenML data set {data_id} is described in a form that is not understood "
            f"({exc!r} is missing) below {str(root)!r}; delete its description and "
            "features there and load it online."
        ) from exc
    if not arff.is_file():
        raise _missing(data_id, arff)
    return CachedTable(description, columns, _n_rows(root, data_id), arff)


def _read_json(path, data_id):
    try:
        with gzip.open(path, "rb") as file:
            return json.loads(file.read().decode("utf-8"))
    except FileNotFoundError:
        raise _missing(data_id, path) from None
    except (OSError, EOFError, ValueError) as exc:
        raise DataNotAvailableError(
            f"OpenML data set {data_id}: the file {str(path)!r} cannot be read "
            f"({exc}); repair or delete it and load the data online."
        ) from exc


def _n_rows(root, data_id):
    try:
        found = _read_json(root / _JSON / "qualities" / f"{data_id}.gz", data_id)
        qualities = {q["name"]: q["value"] for q in found["data_qualities"]["quality"]}
        return int(float(qualities["NumberOfInstances"]))
    except (DataNotAvailableError, KeyError, TypeError, ValueError):
        return None  # Not every data set has them, and they are a convenience.


def _missing(data_id, path):
    return DataNotAvailableError(
        f"OpenML data set {data_id} is not here: {str(path)!r} does not exist. Load it "
        "once with offline=False (and SKEXT_OFFLINE unset) on a machine with a "
        "network, or name another folder with data_home."
    )


def sha256_checked(table: CachedTable, data_id: int) -> str:
    """SHA-256 of the ARFF file, after comparing its MD5 with OpenML's."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    try:
        with gzip.open(table.arff, "rb") as file:
            while chunk := file.read(1 << 20):
                md5.update(chunk)
                sha256.update(chunk)
    except (OSError, EOFError) as exc:
        raise DataNotAvailableError(
            f"OpenML data set {data_id}: the file {str(table.arff)!r} cannot be read "
            f"({exc}); delete it and load the data online."
        ) from exc
    if md5.hexdigest() != table.md5:
        raise DataNotAvailableError(
            f"OpenML data set {data_id}: the file {str(table.arff)!r} is damaged, its "
            f"MD5 is {md5.hexdigest()} instead of {table.md5}; delete it and load the "
            "data online."
        )
    return sha256.hexdigest()


def parse_frame(table: CachedTable):
    """Read a dense ARFF file into a data frame.

    Parameters
    ----------
    table : CachedTable
        The files.

    Returns
    -------
    frame : pandas.DataFrame
        In the order of the file; numbers are float64, the rest is categories of text.
    undeclared : dict of str to (str, int)
        For nominal columns with values that the description does not know the first
        one and its line.
    """
    import pandas as pd

    try:
        with gzip.open(table.arff, "rb") as file:
            found, undeclared = read_dense(file, sorted_columns(table))
    # No laxer reader comes after it: it would invent what a damaged line lacks.
    except (OSError, EOFError, ARFFError) as exc:
        raise _unreadable(table, exc) from exc
    columns = {
        name: values
        if isinstance(values, np.ndarray)
        else pd.Categorical.from_codes(values[0], pd.Index(values[1], dtype=object))
        for name, values in found.items()
    }
    return pd.DataFrame(columns), undeclared


def sorted_columns(table):
    """Return what OpenML says of the columns, in the order of the file."""
    return sorted(table.columns, key=lambda column: int(column["index"]))


def _unreadable(table, exc):
    return DataNotAvailableError(
        f"The file {str(table.arff)!r} cannot be parsed: {exc}. It was left as it is; "
        "repair or delete it, or choose another table."
    )


def parse_sparse(table: CachedTable):
    """Read a sparse ARFF file.

    Returns
    -------
    X : scipy.sparse.csr_array of shape (n_samples, n_columns)
        All columns in the order of the file, nominal ones as codes.
    categories : dict of str to list of str
        Names of the codes of the nominal columns.
    """
    from scipy import sparse

    names = [column["name"] for column in sorted_columns(table)]
    try:
        with gzip.open(table.arff, "rb") as file:
            # The target comes along as a feature: scikit-learn leaves those of its
            # values uninitialised that the file omits because they are zero.
            X, _, _, categories = load_arff_from_gzip_file(
                file,
                parser="liac-arff",
                output_type="sparse",
                openml_columns_info={c["name"]: c for c in table.columns},
                feature_names_to_select=names,
                target_names_to_select=[],
            )
    # liac-arff has an exception for each rule, and errors of conversions.
    except Exception as exc:
        raise _unreadable(table, exc) from exc
    X = sparse.csr_array(X)
    if table.n_rows is not None and table.n_rows > X.shape[0]:
        X.resize((table.n_rows, X.shape[1]))  # Empty rows at the end of the file.
    return X, {name: list(values) for name, values in categories.items()}


def download(data_id: int, data_home: Path) -> None:
    """Bring a data set into the cache.

    Raises
    ------
    DataNotAvailableError
        If there is no network, no such data set, or no room.
    """
    from sklearn.datasets import fetch_openml

    root = cache_root(data_home)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_home, prefix=".download-") as home:
            # What is here already need not come again; links protect the originals.
            stage = cache_root(Path(home))
            _link_existing(root, stage, data_id)
            _fetch(fetch_openml, data_id, home)
            _move_new_files(stage, root)
    except OSError as exc:
        raise DataNotAvailableError(
            f"OpenML data set {data_id} could not be downloaded to {str(data_home)!r}: "
            f"{exc}. Check the network, the number and the folder, or load with "
            "offline=True what is already there."
        ) from exc


def _fetch(fetch_openml, data_id, home):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Without a target nothing is refused before the data are down.
            fetch_openml(
                data_id=data_id,
                data_home=home,
                target_column=None,
                parser="liac-arff",
            )
        except OSError:
            raise
        except Exception as exc:
            # A parser's trouble is not the download's: the file may well be whole.
            try:
                find_table(data_id, Path(home))
            except DataNotAvailableError:
                raise OSError(f"{type(exc).__name__}: {exc}") from exc


def _link_existing(root, stage, data_id):
    for part in ("", "features", "qualities"):
        source = root / _JSON / part / f"{data_id}.gz"
        if source.is_file():
            (stage / _JSON / part).mkdir(parents=True, exist_ok=True)
            os.symlink(source.resolve(), stage / _JSON / part / f"{data_id}.gz")


def _move_new_files(stage, root):
    for path in stage.rglob("*.gz"):
        target = root / path.relative_to(stage)
        if path.is_symlink() or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
