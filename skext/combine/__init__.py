"""Over-sampling followed by cleaning."""

from skext.combine._clean import SMOTEENN, SMOTETomek

__all__ = ["SMOTEENN", "SMOTETomek"]
