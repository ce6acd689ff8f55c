"""Dense ARFF files: many lines at a time as liac-arff splits each of them."""

import io

import numpy as np
import pytest

from skext.datasets._arff import ARFFError, read_dense
from skext.utils._sklearn import arff_values

TOKENS = [
    "a", "b-c", "<=50K", "50%", "1.5", "?", "", "'a'", "'two words'", '"q"', "'?'",
    "''", "'a,b'", "'it\\'s'", '"it\'s"', "'{x}'", "' lead'", "x=y", "'%'", "'\\t'",
]  # fmt: skip
SEPARATORS = [",", ", ", ",\t", ",  "]


def make_columns(n):
    return [{"name": f"c{j}", "data_type": "string", "index": str(j)} for j in range(n)]


def read(lines, columns):
    header = ["@relation r", *(f"@attribute {c['name']} string" for c in columns)]
    text = "\n".join([*header, "@data", *lines, ""])
    found, undeclared = read_dense(io.BytesIO(text.encode()), columns)
    assert not undeclared
    return found


def texts(found):
    codes, names = found
    return [None if code < 0 else names[code] for code in codes]


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_equal_to_liac_line_by_line(seed, plain):
    rng = np.random.default_rng(seed)
    tokens = [t for t in TOKENS if plain is False or not set(t) & set("\"'")]
    lines = []
    for _ in range(200):
        row = rng.choice(tokens, 4)
        row[0] = row[0] or "a"
        if row[0].startswith("%"):
            row[0] = "a"
        separator = SEPARATORS[rng.integers(len(SEPARATORS) if not plain else 1)]
        lines.append(separator.join(row))
    expected = list(zip(*[arff_values(line.strip()) for line in lines], strict=True))
    found = read(lines, make_columns(4))
    for j, values in enumerate(expected):
        assert texts(found[f"c{j}"]) == list(values)


def test_numbers():
    columns = make_columns(2)
    columns[0]["data_type"] = "numeric"
    found = read(["1e3,a", " -.5 ,b", "?,c", ",d", "'7',e", "nan,f"], columns)
    np.testing.assert_array_equal(found["c0"], [1000, -0.5, np.nan, np.nan, 7, np.nan])
    with pytest.raises(ARFFError, match="line 6: column 'c0' has 'x', not a number"):
        read(["1,a", "x,b"], columns)


def test_no_rows():
    columns = make_columns(2)
    columns[0]["data_type"] = "real"
    found = read([], columns)
    assert found["c0"].shape == (0,)
    assert texts(found["c1"]) == []


def test_headers_that_do_not_fit():
    with pytest.raises(ARFFError, match="the header has 2 columns, OpenML describes 3"):
        text = b"@relation r\n@attribute a real\n@attribute b real\n@data\n1,2\n"
        read_dense(io.BytesIO(text), make_columns(3))
    with pytest.raises(ARFFError, match="line 2: the file ends before @DATA"):
        read_dense(io.BytesIO(b"@relation r\n@attribute a real\n"), make_columns(1))
