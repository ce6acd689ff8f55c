"""What every estimator of skext has in common."""

__all__ = ["SkextMixin"]


class SkextMixin:
    """Mixin that points scikit-learn's HTML representation to our documentation.

    It stands left of scikit-learn's mixins and of ``BaseEstimator``.
    """

    _doc_link_module = "skext"
    _doc_link_template = (
        "https://skext.readthedocs.io/en/latest/generated/"
        "{estimator_module}.{estimator_name}.html"
    )
