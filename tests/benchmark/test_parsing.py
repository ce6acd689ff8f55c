import pytest

from skext.benchmark._engine.parsing import (
    parse_duration,
    parse_folds,
    parse_size,
    unknown,
)
from skext.exceptions import BenchmarkError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        (30, 30.0),
        ("45", 45.0),
        ("90s", 90.0),
        ("1.5m", 90.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("2 h", 7200.0),
        ("3min", 180.0),
    ],
)
def test_parse_duration(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-3s", "0", "1h x"])
def test_parse_duration_rejects(text):
    with pytest.raises(BenchmarkError, match="Duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, None),
        (1000, 1000),
        ("2kB", 2000),
        ("1.5GB", 1_500_000_000),
        ("512MiB", 512 * 2**20),
        ("4g", 4_000_000_000),
        ("100", 100),
    ],
)
def test_parse_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1MB", "0", "5 XB"])
def test_parse_size_rejects(text):
    with pytest.raises(BenchmarkError, match="Size"):
        parse_size(text)


def test_parse_folds():
    assert parse_folds("task") == "task"
    assert parse_folds("5") == (1, 5)
    assert parse_folds(3) == (1, 3)
    assert parse_folds("2x10") == (2, 10)


@pytest.mark.parametrize("text", ["1", "x5", "0x3", "five", "2x", ""])
def test_parse_folds_rejects(text):
    with pytest.raises(BenchmarkError, match="Folds"):
        parse_folds(text)


def test_unknown_names_the_nearest():
    error = unknown("metric", "roc_acu", ["roc_auc", "accuracy", "rmse"])
    assert "'roc_acu'" in str(error)
    assert "'roc_auc'" in str(error)
    assert "Known: a, b." in str(unknown("metric", "zzz", ["b", "a"]))


@pytest.mark.parametrize("size", [float("inf"), 1e300, "1e9gb", float("nan"), 10**30])
def test_sizes_beyond_any_machine(size):
    with pytest.raises(BenchmarkError, match="Size"):
        parse_size(size)
