"""Tools for people who write estimators: discovery and extra estimator checks."""

__all__ = ["discovery", "estimator_checks"]


def __getattr__(name):
    if name in __all__:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
