"""Dense ARFF files, exactly and without holding more than the table.

Lines are split as liac-arff splits them; most are plain enough to be split at their
commas, many at a time. A line that breaks the rules is an error that names it: a laxer
reader would fill it up, cut it off or take part of it for a comment.
"""

import re
from itertools import islice

import numpy as np

from skext.utils._sklearn import arff_values

_BATCH = 8192
# Quotes, braces, and spaces elsewhere than after a comma need liac-arff.
_SPECIAL = re.compile(r"[\"'{}]|[^\S\n]")
_AFTER_COMMA = re.compile(r",[^\S\n]+")
# Values in quotes that hold nothing that needs them, but perhaps spaces.
_QUOTED = re.compile(r"(?<![^,\n])(['\"])([^'\",\\\n]*)\1(?=[,\n]|$)")
_QUOTED_MISSING = re.compile(r"(?<![^,\n])(['\"])\??\1(?=[,\n]|$)")
_AMBIGUOUS = re.compile(r"[\"'{}\\]")
_MISSING = ("?", "", None)


class ARFFError(ValueError):
    """A line of a file breaks the rules."""

    def __init__(self, line, what):
        super().__init__(f"line {line}: {what}")


def read_dense(file, columns):
    """Read all rows.

    Parameters
    ----------
    file : file object
        Opened for bytes.
    columns : list of dict
        What OpenML says of each column, in their order.

    Returns
    -------
    found : dict of str to ndarray or (ndarray, list of str)
        Numbers in float64, or codes of texts, -1 for missing ones, and the texts.
    undeclared : dict of str to (str, int)
        The first text, and its line, of nominal columns that the description does not
        know.

    Raises
    ------
    ARFFError
        Names the line.
    """
    lines = _lines(file)
    _skip_header(lines, len(columns))
    readers = [
        _Numbers(column) if is_number(column) else _Texts(column) for column in columns
    ]
    while batch := list(islice(lines, _BATCH)):
        rows = _split(batch, readers)
        for reader, values in zip(readers, zip(*rows, strict=True), strict=True):
            reader.add(values, batch)
    found = {reader.name: reader.result() for reader in readers}
    return found, {
        reader.name: reader.undeclared
        for reader in readers
        if getattr(reader, "undeclared", None)
    }


def is_number(column):
    """Tell whether OpenML says that a column is numeric."""
    return column["data_type"] in ("numeric", "real", "integer")


def _lines(file):
    """Yield (number, line) of all that is no comment and not empty."""
    number = 0
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as exc:
            raise ARFFError(number, f"no UTF-8 ({exc.reason})") from exc
        if text and not text.startswith("%"):
            yield number, text


def _skip_header(lines, n_columns):
    """Go to the data; their columns must be those that OpenML describes."""
    found = last = 0
    for number, text in lines:
        last = number
        start = text[:10].lower()
        if start.startswith("@data"):
            break
        found += start.startswith("@attribute")
    else:
        raise ARFFError(last, "the file ends before @DATA")
    if found != n_columns:
        raise ARFFError(
            last, f"the header has {found} columns, OpenML describes {n_columns}"
        )


def _split(batch, readers):
    """Return the values of lines; what is missing is "?" or empty, or None."""
    width = len(readers)
    plain = _plain("\n".join([text for _, text in batch]))
    if plain is not None:
        rows = [line.split(",") for line in plain.split("\n")]
    else:
        rows = [_split_line(*line, readers) for line in batch]
    for row, (number, text) in zip(rows, batch, strict=True):
        if len(row) != width:
            shown = text if len(text) <= 80 else text[:77] + "..."
            raise ARFFError(
                number, f"{len(row)} values instead of {width} in {shown!r}"
            )
    return rows


def _plain(text):
    """Return lines that can be split at their commas, or None."""
    if not _SPECIAL.search(text):
        return text
    text = _AFTER_COMMA.sub(",", text)
    # A quoted question mark is a value.
    if _QUOTED_MISSING.search(text) or _SPECIAL.search(_QUOTED.sub("", text)):
        return None
    return _QUOTED.sub(r"\2", text)


def _split_line(number, text, readers):
    try:
        values = arff_values(text)
    # liac-arff has an exception for each rule, and one for escapes.
    except Exception as exc:
        if not _AMBIGUOUS.search(text):
            # Spaces inside of a value, which can only mean one thing.
            return [value.strip() for value in text.split(",")]
        # liac-arff knows no line here.
        said = re.sub(r",? (at|in) line -1\.?", ".", str(exc)).removesuffix(".")
        raise ARFFError(number, f"{said} in {text[:80]!r}") from exc
    if not isinstance(values, dict):
        return [_literal(value) for value in values]
    # A sparse row; what it omits is zero, or the first nominal value.
    if values and max(values) >= len(readers):
        raise ARFFError(number, f"a value of column {max(values)} of {len(readers)}")
    return [
        _literal(values[j]) if j in values else reader.omitted
        for j, reader in enumerate(readers)
    ]


class _Literal:
    """A quoted text that would mean a missing value without its quotes."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def __eq__(self, other):
        return isinstance(other, _Literal) and self.text == other.text

    def __hash__(self):
        return hash(("literal", self.text))


def _literal(value):
    return _Literal(value) if value in _MISSING and value is not None else value


class _Numbers:
    omitted = "0"

    def __init__(self, column):
        self.name = column["name"]
        self._parts = []

    def add(self, values, batch):
        try:
            part = list(map(float, values))
        except (ValueError, TypeError):
            part = [
                self._parse(value, number)
                for value, (number, _) in zip(values, batch, strict=True)
            ]
        self._parts.append(np.array(part, dtype=np.float64))

    def _parse(self, value, number):
        if value in _MISSING:
            return np.nan
        try:
            return float(value)
        except (ValueError, TypeError):
            raise ARFFError(
                number, f"column {self.name!r} has {str(value)!r}, not a number"
            ) from None

    def result(self):
        return np.concatenate([np.empty(0), *self._parts])


class _Texts:
    def __init__(self, column):
        self.name = column["name"]
        self.undeclared = None
        declared = column.get("nominal_value") or ()
        declared = [declared] if isinstance(declared, str) else list(declared)
        self.omitted = unquoted(str(declared[0])) if declared else "0"
        self._declared = {unquoted(str(value)) for value in declared}
        self._codes = dict.fromkeys(_MISSING, -1)
        self._texts = []
        self._parts = []

    def add(self, values, batch):
        for value in sorted(set(values).difference(self._codes), key=str):
            self._codes[value] = len(self._texts)
            self._texts.append(str(value))
            known = not self._declared or unquoted(str(value)) in self._declared
            if not known and self.undeclared is None:
                self.undeclared = str(value), batch[values.index(value)][0]
        part = list(map(self._codes.__getitem__, values))
        self._parts.append(np.array(part, dtype=np.int32))

    def result(self):
        return np.concatenate([np.empty(0, np.int32), *self._parts]), self._texts


def unquoted(text):
    """Return a value without the quotes that a description may keep."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
