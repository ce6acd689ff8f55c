"""The only place where private scikit-learn names are imported.

scikit-learn moves these names between releases; when one moves, this file changes
and nothing else does.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._array_api import (
    check_same_namespace,
    get_namespace_and_device,
    move_to,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_params,
)
from sklearn.utils.metadata_routing import (
    _raise_for_params as raise_for_params,
)
from sklearn.utils.metadata_routing import (
    _routing_enabled as routing_enabled,
)
from sklearn.utils.metaestimators import _BaseComposition as BaseComposition
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "BaseComposition",
    "HasMethods",
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "arff_values",
    "base_search_cv",
    "check_method_params",
    "check_same_namespace",
    "check_sample_weight",
    "fit_context",
    "get_namespace_and_device",
    "load_arff_from_gzip_file",
    "move_to",
    "raise_for_params",
    "routing_enabled",
    "safe_indexing",
    "validate_params",
]


def load_arff_from_gzip_file(*args, **kwargs):
    """Call scikit-learn's ARFF reader, which touches no network and no file."""
    # Few need it, and scikit-learn's data sets take a while to import.
    from sklearn.datasets._arff_parser import load_arff_from_gzip_file

    return load_arff_from_gzip_file(*args, **kwargs)


def arff_values(line):
    """Split a line of an ARFF file as liac-arff does; a dict for a sparse row."""
    from sklearn.externals._arff import _parse_values

    return _parse_values(line)


def base_search_cv():
    """Return the common base of all searches over parameters."""
    # Few need it, and model selection takes a while to import.
    from sklearn.model_selection._search import BaseSearchCV

    return BaseSearchCV
