"""Errors and warnings that a caller may want to catch."""

__all__ = ["BenchmarkError", "DataNotAvailableError", "MissingDependencyError"]


class MissingDependencyError(ImportError):
    """An optional package is needed for this call but is not installed."""


class DataNotAvailableError(OSError):
    """A data set is not on this machine and may not, or cannot, be downloaded."""


class BenchmarkError(ValueError):
    """A benchmark was asked for something that it does not know or cannot do."""
