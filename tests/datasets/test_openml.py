"""load_openml: what it reads, what it refuses, and what it leaves alone."""

import gzip
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from numpy.testing import assert_array_equal

from skext.datasets import load_openml
from skext.exceptions import DataNotAvailableError

pytestmark = pytest.mark.usefixtures("no_network")


def test_types(credit):
    bunch = load_openml(7, data_home=credit.home, offline=True)
    assert bunch.feature_names == ["flag", "kind of thing", "amount"]
    assert list(bunch.X.columns) == bunch.feature_names
    assert bunch.task_type == "binary"
    assert bunch.target_name == "class"
    assert_array_equal(bunch.categorical_mask, [True, True, False])
    flag, kind, amount = (bunch.X[name] for name in bunch.feature_names)
    assert flag.cat.categories.tolist() == ["0", "1"]
    # Values that never occur are no category, and the quotes are gone.
    assert kind.cat.categories.tolist() == ["a b", "c"]
    assert not any(c.cat.ordered for c in (flag, kind, bunch.y))
    assert kind.isna().sum() == 13
    assert amount.dtype == np.float64
    assert amount.isna().sum() == 8
    assert bunch.y.cat.categories.tolist() == ["2", "1"]
    assert (np.asarray(bunch.y) == "2").sum() == 10
    assert all(type(label) is str for label in np.asarray(bunch.y))
    assert (bunch.licence, bunch.version, bunch.data_id) == ("Public", "1", 7)
    assert bunch.splits is None


def test_the_cache_stays_byte_identical(credit):
    before = credit.checksums()
    for _ in range(2):
        load_openml(7, data_home=credit.home, offline=True)
    assert credit.checksums() == before


def test_copy_is_read_and_equals_the_original(credit, monkeypatch):
    pytest.importorskip("pyarrow")
    first = load_openml(7, data_home=credit.home, offline=True)
    copies = list((credit.home / "skext" / "openml").glob("*"))
    assert sorted(path.suffix for path in copies) == [".json", ".parquet"]
    monkeypatch.setattr(
        "skext.datasets._openml_cache.parse_frame", lambda *a: pytest.fail("parsed")
    )
    again = load_openml(7, data_home=credit.home, offline=True)
    pd.testing.assert_frame_equal(first.X, again.X)
    pd.testing.assert_series_equal(first.y, again.y)
    assert first.sha256 == again.sha256
    # One copy serves another target, too.
    other = load_openml(7, target="flag", data_home=credit.home, offline=True)
    assert other.y.cat.categories.tolist() == ["0", "1"]


def test_damaged_copy_is_replaced(credit):
    pytest.importorskip("pyarrow")
    first = load_openml(7, data_home=credit.home, offline=True)
    (copy,) = (credit.home / "skext" / "openml").glob("*.parquet")
    copy.write_bytes(b"nonsense")
    again = load_openml(7, data_home=credit.home, offline=True)
    pd.testing.assert_frame_equal(first.X, again.X)
    assert copy.stat().st_size > 100


def test_no_copy_without_pyarrow_or_room(credit, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    assert load_openml(7, data_home=credit.home, offline=True).X.shape == (40, 3)
    monkeypatch.setattr(
        pd.DataFrame, "to_parquet", lambda *a, **k: os.open("/dev/full/x", os.O_RDONLY)
    )
    assert load_openml(7, data_home=credit.home, offline=True).X.shape == (40, 3)
    assert list((credit.home / "skext" / "openml").glob("*")) == []


def test_copy_and_parser_agree_with_both_parsers(credit, monkeypatch):
    expected = load_openml(7, data_home=credit.home, offline=True)
    shutil.rmtree(credit.home / "skext")
    from skext.datasets import _openml_cache

    real = _openml_cache.load_arff_from_gzip_file

    def only_pandas(file, *, parser, **kwargs):
        if parser == "liac-arff":
            raise ValueError("refused")
        kwargs["read_csv_kwargs"]["quotechar"] = "'"
        return real(file, parser=parser, **kwargs)

    monkeypatch.setattr(_openml_cache, "load_arff_from_gzip_file", only_pandas)
    found = load_openml(7, data_home=credit.home, offline=True)
    pd.testing.assert_frame_equal(found.X, expected.X)
    pd.testing.assert_series_equal(found.y, expected.y)


def test_unreadable_table_is_named_and_left(cache):
    columns = [("a", "numeric"), ("b", "numeric")]
    path = cache.add(3, columns, ["1,2", "x,y,z", "3,u"], "b")
    before = cache.checksums()
    with pytest.raises(DataNotAvailableError, match="cannot be parsed") as error:
        load_openml(3, data_home=cache.home, offline=True)
    assert str(path) in str(error.value)
    assert "left as it is" in str(error.value)
    assert cache.checksums() == before


BROKEN = {
    "cut off": (["1,yes", "2"], r"line 6: 1 values instead of 2 in '2'"),
    "too long": (["1,yes", "2,no,3"], r"line 6: 3 values instead of 2 in '2,no,3'"),
    "no number": (["1,yes", "2,no", "x,no"], r"line 7: column 'a' has 'x', not a num"),
    "open quote": (["1,'yes", "2,no"], r"line 5: .*'yes"),
    "not UTF-8": (["1,yes", "2,n\udcff"], "UTF-8"),
    "escape": (["1,'y\\qes'"], "line 5: Unsupported escape"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_lines_are_named(cache, name):
    """No laxer reader makes values of what is not there."""
    rows, said = BROKEN[name]
    rows = [*rows]
    columns = [("a", "numeric"), ("c", ["yes", "no"])]
    if "udcff" in ascii(rows):
        rows = [row.replace("\udcff", "\u00ff") for row in rows]
    short = [row if "," in row else row + ",yes" for row in rows]
    path = cache.add(1, columns, short, "c")
    text = (
        "\n".join(["% a", "@RELATION t", "@ATTRIBUTE a NUMERIC", "@DATA", *rows, ""])
        .replace("@DATA", "@ATTRIBUTE c {yes,no}\n@DATA")
        .replace("% a\n", "")
    )
    cache.replace(1, path, text.encode("latin-1"))
    before = cache.checksums()
    for _ in range(2):
        with pytest.raises(DataNotAvailableError, match=f"cannot be parsed.*{said}"):
            load_openml(1, data_home=cache.home, offline=True)
    assert cache.checksums() == before


def test_values_that_nobody_declared(cache):
    columns = [("a", ["u", "v"]), ("b", "numeric"), ("c", ["yes", "no"])]
    cache.add(1, columns, ["u,1,yes", "w,2,no", "v,3,no"], "c")
    for _ in range(2):  # The file, and then the copy.
        with pytest.warns(UserWarning, match=r"'w' of 'a' \(line 8\)"):
            found = load_openml(1, data_home=cache.home, offline=True)
        assert found.X["a"].tolist() == ["u", "w", "v"]
    cache.add(2, columns, ["u,1,yes", "u,2,ye", "v,3,no"], "c")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"class 'ye' in line 8"):
            load_openml(2, data_home=cache.home, offline=True)
    assert load_openml(2, data_home=cache.home, target="a").y.tolist() == list("uuv")


def test_quotes_spaces_and_escapes(cache):
    columns = [("a", "string"), ("b", "string"), ("c", "numeric")]
    rows = [
        "'50% off, now', \"it's\" , 1e3",
        "'?', ?, ?",
        "'a\\'b', 'two words', -0.5",
        "bare, two words, 4",
        "{0 x, 2 7}",
        "plain,,2",
    ]
    path = cache.add(1, columns, ["x,y,1"] * 5, "c")
    header = ["@RELATION t", "@ATTRIBUTE a STRING", "@attribute b string"]
    text = "\n".join([*header, "@ATTRIBUTE c REAL", "@DATA", *rows, ""])
    cache.replace(1, path, text.encode())
    frame, undeclared = cache.parse(1)
    assert not undeclared
    assert frame["a"].astype(object).tolist() == [
        "50% off, now", "?", "a'b", "bare", "x", "plain",
    ]  # fmt: skip
    assert frame["b"].isna().tolist() == [False, True, False, False, False, True]
    assert frame["b"].astype(object)[0] == "it's"
    assert frame["b"].astype(object)[2:4].tolist() == ["two words"] * 2
    assert_array_equal(frame["c"], [1000, np.nan, -0.5, 4, 7, 2])


def test_one_class_and_no_checksum(cache):
    columns = [("a", "numeric"), ("c", ["yes", "no"])]
    cache.add(1, columns, ["1,yes", "2,yes"], "c")
    assert load_openml(1, data_home=cache.home, offline=True).task_type == "binary"
    path = cache.root / "api/v1/json/data/1.gz"
    path.write_bytes(
        gzip.compress(gzip.decompress(path.read_bytes()).replace(b"md5_check", b"no"))
    )
    with pytest.raises(DataNotAvailableError, match="md5_checksum.*is missing"):
        load_openml(1, data_home=cache.home, offline=True)


def test_missing_data_are_named(credit, monkeypatch):
    with pytest.raises(DataNotAvailableError, match=r"data set 8 .*8\.gz.*offline"):
        load_openml(8, data_home=credit.home, offline=True)
    arff = credit.root / "data/v1/download/7/t.arff.gz"
    arff.unlink()
    with pytest.raises(DataNotAvailableError, match=r"t\.arff\.gz"):
        load_openml(7, data_home=credit.home, offline=True)
    with pytest.raises(DataNotAvailableError, match="no such place"):
        load_openml(7, data_home=credit.home / "no such place", offline=True)
    assert not (credit.home / "no such place").exists()
    # The environment says the same.
    monkeypatch.setenv("SKEXT_OFFLINE", "1")
    with pytest.raises(DataNotAvailableError, match="not here"):
        load_openml(7, data_home=credit.home)


def test_damaged_files_are_named_and_left(credit):
    arff = credit.root / "data/v1/download/7/t.arff.gz"
    text = gzip.decompress(arff.read_bytes())
    arff.write_bytes(gzip.compress(text + b"\n"))
    before = credit.checksums()
    with pytest.raises(DataNotAvailableError, match="damaged, its MD5"):
        load_openml(7, data_home=credit.home, offline=True)
    assert credit.checksums() == before
    arff.write_bytes(b"this is not compressed")
    with pytest.raises(DataNotAvailableError, match="cannot be read"):
        load_openml(7, data_home=credit.home, offline=True)
    description = credit.root / "api/v1/json/data/7.gz"
    description.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(DataNotAvailableError, match="not understood"):
        load_openml(7, data_home=credit.home, offline=True)
    description.write_bytes(b"")
    with pytest.raises(DataNotAvailableError, match=r"7\.gz"):
        load_openml(7, data_home=credit.home, offline=True)


def test_read_only_home(credit):
    """As a user who may not write there: everything works, nothing is left."""
    if not hasattr(os, "setuid"):
        pytest.skip("no users on this system")
    for path in [credit.home, *credit.home.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    other = credit.home.with_name("writable")
    shutil.copytree(credit.home, other)
    code = (
        "import os, sys\n"
        "from skext.datasets import load_openml\n"
        # Whatever is imported late may lie where the other user may not look.
        f"load_openml(7, data_home={str(other)!r}, offline=True)\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        f"b = load_openml(7, data_home={str(credit.home)!r}, offline=True)\n"
        "print(b.X.shape)"
    )
    for parent in credit.home.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    for path in [credit.home, *credit.home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert found.stdout.strip() == "(40, 3)", found.stderr
    assert not (credit.home / "skext").exists()


def test_choosing_the_target(credit):
    found = load_openml(7, target="flag", data_home=credit.home, offline=True)
    # The official target is no feature of another one.
    assert found.feature_names == ["kind of thing", "amount"]
    with pytest.raises(ValueError, match="'amount'.*8 missing"):
        load_openml(7, target="amount", data_home=credit.home, offline=True)
    with pytest.raises(ValueError, match=r"target='clas' is not a column.*'class'"):
        load_openml(7, target="clas", data_home=credit.home, offline=True)


def test_tables_without_a_single_target(cache):
    columns = [("a", "numeric"), ("b", "numeric"), ("c", "integer")]
    rows = ["1,2,3", "2,3,4", "3,4,5"]
    cache.add(1, columns, rows, None)
    cache.add(2, columns, rows, "b,c")
    with pytest.raises(ValueError, match="names no target.*target=.*'a', 'b', 'c'"):
        load_openml(1, data_home=cache.home, offline=True)
    with pytest.raises(ValueError, match="'b,c'"):
        load_openml(2, data_home=cache.home, offline=True)
    found = load_openml(2, target="c", data_home=cache.home, offline=True)
    assert found.feature_names == ["a"]
    assert found.task_type == "regression"
    assert found.y.dtype == np.float64


def test_ignored_columns(cache):
    columns = [("a", "numeric"), ("b", "numeric", "ignore"), ("c", ["x", "y", "z"])]
    cache.add(1, columns, ["1,2,x", "2,3,y", "3,4,z", "5,6,z"], "c")
    found = load_openml(1, data_home=cache.home, offline=True)
    assert found.feature_names == ["a"]
    assert found.task_type == "multiclass"


def test_boolean_categories_and_text(cache):
    columns = [("a", ["False", "True"]), ("b", "string"), ("c", ["TRUE", "FALSE"])]
    rows = ["True,'it is',TRUE", "False,so,FALSE", "True,?,FALSE"]
    cache.add(1, columns, rows, "c")
    found = load_openml(1, data_home=cache.home, offline=True)
    assert found.X["a"].tolist() == ["True", "False", "True"]
    assert found.X["b"].tolist()[:2] == ["it is", "so"]
    assert pd.isna(found.X["b"][2])
    assert found.categorical_mask.all()
    assert found.y.tolist() == ["TRUE", "FALSE", "FALSE"]


def test_arrays(credit):
    found = load_openml(7, data_home=credit.home, offline=True, as_frame=False)
    assert found.X.dtype == np.float64
    assert_array_equal(found.X[:4, 0], [0, 1, 0, 1])
    assert_array_equal(found.X[:3, 1], [0, 1, np.nan])
    assert_array_equal(found.y[:4], ["2", "1", "1", "1"])
    # What the codes mean.
    assert found.categories == {"flag": ["0", "1"], "kind of thing": ["a b", "c"]}


def test_sparse_tables(cache):
    columns = [("a", "numeric"), ("b", "numeric"), ("c", ["no", "yes"])]
    rows = ["{0 1.5,2 yes}", "{1 2}", "{2 yes}", "{0 3,1 4}", "{}"]
    cache.add(1, columns, rows, "c", fmt="Sparse_ARFF")
    found = load_openml(1, data_home=cache.home, offline=True)
    assert_array_equal(found.X.toarray(), [[1.5, 0], [0, 2], [0, 0], [3, 4], [0, 0]])
    assert found.y.tolist() == ["yes", "no", "yes", "no", "no"]
    assert found.task_type == "binary"
    some = load_openml(1, data_home=cache.home, offline=True, max_rows=3)
    assert some.X.shape == (3, 2)


def test_sparse_tables_are_parsed_once(cache, monkeypatch):
    columns = [("a", "numeric"), ("b", ["red", "green"]), ("c", ["no", "yes"])]
    rows = ["{0 1.5,2 yes}", "{1 green}", "{2 yes}", "{0 3,1 green}", "{}"]
    cache.add(1, columns, rows, "c", fmt="Sparse_ARFF")
    first = load_openml(1, data_home=cache.home, offline=True)
    assert first.categories == {"b": ["red", "green"]}
    assert_array_equal(first.X[:, [1]].toarray().ravel(), [0, 1, 0, 1, 0])
    monkeypatch.setattr(
        "skext.datasets._openml_cache.parse_sparse", lambda *a: pytest.fail("parsed")
    )
    again = load_openml(1, data_home=cache.home, offline=True)
    assert_array_equal(again.X.toarray(), first.X.toarray())
    pd.testing.assert_series_equal(again.y, first.y)
    assert again.categories == first.categories
    assert type(again.X) is type(first.X)
    other = load_openml(1, target="b", data_home=cache.home, offline=True)
    assert other.y.tolist() == ["red", "green", "red", "green", "red"]


def test_damaged_copy_of_a_sparse_table(cache):
    columns = [("a", "numeric"), ("c", ["no", "yes"])]
    cache.add(1, columns, ["{0 1.5,1 yes}", "{}"], "c", fmt="Sparse_ARFF")
    first = load_openml(1, data_home=cache.home, offline=True)
    (copy,) = (cache.home / "skext" / "openml").glob("*.npz")
    copy.write_bytes(b"nonsense")
    again = load_openml(1, data_home=cache.home, offline=True)
    assert_array_equal(again.X.toarray(), first.X.toarray())


def sample_of(cache, counts, max_rows, seed=0):
    rows = [f"{i},{name}" for name, n in counts.items() for i in range(n)]
    cache.add(1, [("a", "numeric"), ("c", list(counts))], rows, "c")
    found = load_openml(
        1, data_home=cache.home, offline=True, max_rows=max_rows, random_state=seed
    )
    assert found.X.shape[0] == max_rows
    return found.y.value_counts().to_dict()


@pytest.mark.parametrize("seed", range(4))
def test_max_rows_keeps_classes_of_one_row(cache, seed):
    counts = sample_of(cache, {"a": 4949, "b": 50, "r": 1}, 100, seed)
    assert counts == {"a": 98, "b": 1, "r": 1}


def test_max_rows_keeps_every_class(cache):
    few = {"a": 500, "b": 3, "c": 2, "d": 2}
    assert min(sample_of(cache, few, 20).values()) >= 1
    assert min(sample_of(cache, few, 4).values()) == 1
    assert min(sample_of(cache, few, 505).values()) >= 1
    many = {f"k{i}": 1 for i in range(30)}
    with pytest.warns(UserWarning, match="leaves no row of 20 of 30 classes, 'k"):
        assert sum(sample_of(cache, many, 10).values()) == 10


def test_max_rows_is_stratified_and_seeded(credit):
    options = {"data_home": credit.home, "offline": True, "max_rows": 20}
    found = load_openml(7, **options)
    assert found.X.shape == (20, 3)
    assert (found.y == "2").sum() == 5
    assert_array_equal(found.X.index, np.arange(20))
    again = load_openml(7, **options)
    pd.testing.assert_frame_equal(found.X, again.X)
    other = load_openml(7, **options, random_state=1)
    assert not other.X.equals(found.X)
    assert load_openml(7, **{**options, "max_rows": 99}).X.shape == (40, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "exactly one"),
        ({"data_id": 1, "task_id": 2}, "exactly one"),
        ({"data_id": "adult"}, "data_id"),
        ({"data_id": 0}, "data_id"),
        ({"data_id": 1, "max_rows": 1}, "max_rows"),
        ({"data_id": 1, "offline": "no"}, "offline"),
    ],
)
def test_bad_arguments_are_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        load_openml(**arguments)


@pytest.fixture
def task(credit, tmp_path, monkeypatch):
    """Task 99 of openml-python's cache: table 7 in two repeats of two folds."""
    monkeypatch.setenv("OPENML_CACHE_DIR", str(tmp_path / "openml"))
    folder = tmp_path / "openml" / "org" / "openml" / "www" / "tasks" / "99"
    folder.mkdir(parents=True)
    (folder / "task.xml").write_text(
        '<oml:task xmlns:oml="http://openml.org/openml"><oml:input name="source_data">'
        "<oml:data_set><oml:data_set_id>7</oml:data_set_id>"
        "<oml:target_feature>class</oml:target_feature></oml:data_set></oml:input>"
        "</oml:task>".replace("oml:data_set>", "oml:source_data>").replace(
            "</oml:data_set>", "</oml:source_data>"
        )
    )
    lines = ["@relation splits", "@attribute type {TRAIN,TEST}"]
    lines += [f"@attribute {name} numeric" for name in ("rowid", "repeat", "fold")]
    lines.append("@data")
    for repeat in range(2):
        for fold in range(2):
            for row in range(40):
                kind = "TEST" if (row + repeat) % 2 == fold else "TRAIN"
                lines.append(f"{kind},{row},{repeat},{fold}")
    (folder / "datasplits.arff").write_text("\n".join(lines) + "\n")
    return folder


def test_task_with_splits(credit, task):
    found = load_openml(task_id=99, data_home=credit.home, offline=True)
    assert found.data_id == 7
    assert found.n_folds == 2
    assert len(found.splits) == 4
    assert_array_equal(found.splits[0][1], np.arange(0, 40, 2))
    assert_array_equal(found.splits[2][1], np.arange(1, 40, 2))
    for train, test in found.splits:
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(40))
    assert (
        load_openml(task_id=99, data_home=credit.home, offline=True, max_rows=20).splits
        is None
    )


def test_splits_of_another_table_are_left_out(credit, task):
    path = task / "datasplits.arff"
    path.write_text(path.read_text() + "TEST,40,0,0\n")
    with pytest.warns(UserWarning, match="task 99 do not fit"):
        found = load_openml(task_id=99, data_home=credit.home, offline=True)
    assert found.splits is None
    path.write_text("nonsense")
    with pytest.raises(DataNotAvailableError, match=r"datasplits\.arff"):
        load_openml(task_id=99, data_home=credit.home, offline=True)


def test_task_of_a_frozen_list(cache, monkeypatch, tmp_path):
    """Without openml-python's cache the table is known, and the splits are not."""
    monkeypatch.setenv("OPENML_CACHE_DIR", str(tmp_path / "nothing"))
    columns = [("a", "numeric"), ("class", ["won", "nowin"])]
    cache.add(3, columns, ["1,won", "2,nowin"], "class")
    found = load_openml(task_id=3, data_home=cache.home, offline=True)
    assert found.data_id == 3
    assert found.splits is None
    with pytest.raises(DataNotAvailableError, match="task 99999999 is not here"):
        load_openml(task_id=99999999, data_home=cache.home, offline=True)


# Downloads, from a server that is a dictionary.


class Answer(io.BytesIO):
    def info(self):
        return {"Content-Encoding": "gzip"}


@pytest.fixture
def server(credit, monkeypatch, tmp_path):
    """Serve the files of the cache; the cache itself is emptied."""
    files = {
        "https://www.openml.org/" + str(path.relative_to(credit.root))[:-3]: (
            path.read_bytes()
        )
        for path in credit.root.rglob("*.gz")
    }
    shutil.rmtree(credit.home)
    asked = []

    def urlopen(request, *args, **kwargs):
        url = request.full_url.replace("api.openml", "www.openml")
        asked.append(url)
        if url not in files:
            raise URLError("nobody there")
        return Answer(files[url])

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", urlopen)
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    return files, asked


def test_download(credit, server):
    _, asked = server
    found = load_openml(7, data_home=credit.home, offline=False)
    assert found.X.shape == (40, 3)
    assert len(asked) == len(set(asked)) == 4
    assert len(credit.checksums()) == 4
    # scikit-learn finds the same files, and we do offline.
    load_openml(7, data_home=credit.home, offline=True)
    assert len(asked) == 4
    assert not list(credit.home.glob(".download*"))


def test_only_what_is_missing_is_downloaded(credit, server):
    _, asked = server
    load_openml(7, data_home=credit.home, offline=False)
    (credit.root / "data/v1/download/7/t.arff.gz").unlink()
    before = credit.checksums()
    asked.clear()
    load_openml(7, data_home=credit.home, offline=False)
    assert [url.rpartition("/")[2] for url in asked] == ["t.arff"]
    assert before.items() <= credit.checksums().items()


def test_failed_download_leaves_nothing(credit, server):
    files, _ = server
    del files["https://www.openml.org/data/v1/download/7/t.arff"]
    with pytest.raises(DataNotAvailableError, match="7 could not be downloaded.*netw"):
        load_openml(7, data_home=credit.home, offline=False)
    assert [path for path in credit.home.rglob("*") if path.is_file()] == []


def test_scikit_learns_own_files(tmp_path):
    """The tables that scikit-learn ships for its tests, read as it would read them."""
    shipped = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml"
    if not shipped.is_dir():
        pytest.skip("scikit-learn was installed without its tests")
    root = tmp_path / "openml" / "openml.org"
    tables = {61: "id_61", 2: "id_2", 40945: "id_40945", 40675: "id_40675"}
    for data_id, folder in tables.items():
        for path in (shipped / folder).glob("*.gz"):
            _place(path, data_id, root)
    iris = load_openml(61, data_home=tmp_path, offline=True)
    expected = sklearn.datasets.fetch_openml(
        data_id=61, data_home=tmp_path, parser="liac-arff"
    )
    assert_array_equal(iris.X.to_numpy(), expected.data.to_numpy())
    assert_array_equal(np.asarray(iris.y), np.asarray(expected.target))
    for data_id in (2, 40945, 40675):
        found = load_openml(data_id, data_home=tmp_path, offline=True)
        assert found.X.shape[0] == found.y.shape[0] > 2
        assert not found.y.isna().any()


def _place(path, data_id, root):
    name = path.name
    import json

    if name == f"api-v1-jd-{data_id}.json.gz":
        target = root / f"api/v1/json/data/{data_id}.gz"
    elif name == f"api-v1-jdf-{data_id}.json.gz":
        target = root / f"api/v1/json/data/features/{data_id}.gz"
    elif name == f"api-v1-jdq-{data_id}.json.gz":
        target = root / f"api/v1/json/data/qualities/{data_id}.gz"
    elif name.endswith(".arff.gz"):
        said = json.loads(
            gzip.decompress((path.parent / f"api-v1-jd-{data_id}.json.gz").read_bytes())
        )
        url = said["data_set_description"]["url"]
        target = root / (url.partition("openml.org/")[2] + ".gz")
    else:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
