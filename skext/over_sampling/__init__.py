"""Over-sampling of rare classes by synthetic rows."""

from skext.over_sampling._smote import SMOTE

__all__ = ["SMOTE"]
