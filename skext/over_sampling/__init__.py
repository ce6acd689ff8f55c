"""Over-sampling of rare classes by synthetic rows."""

from skext.over_sampling._drop_in.adasyn import ADASYN
from skext.over_sampling._drop_in.borderline import BorderlineSMOTE
from skext.over_sampling._drop_in.kmeans import KMeansSMOTE
from skext.over_sampling._drop_in.smote import SMOTE
from skext.over_sampling._drop_in.svm import SVMSMOTE
from skext.over_sampling._ipf import SMOTEIPF
from skext.over_sampling._mixed.multilabel import MLSMOTE
from skext.over_sampling._mixed.nominal import SMOTEN, SMOTENC
from skext.over_sampling._mixed.regression import SMOGN, SMOTER
from skext.over_sampling._placed.ccr import CCR
from skext.over_sampling._placed.dbscan import DBSMOTE
from skext.over_sampling._placed.geometric import GeometricSMOTE
from skext.over_sampling._placed.lvq import LVQSMOTE
from skext.over_sampling._placed.polynomial import PolynomialFitSMOTE
from skext.over_sampling._placed.smoothing import ROSE, GaussianSMOTE, RandomWalkSMOTE
from skext.over_sampling._resampled import ResampledClassifier
from skext.over_sampling._segment.assembled import AssembledSMOTE
from skext.over_sampling._segment.guided import GuidedSMOTE
from skext.over_sampling._segment.lee import LeeSMOTE
from skext.over_sampling._segment.mwmote import MWMOTE
from skext.over_sampling._segment.prowsyn import ProWSyn
from skext.over_sampling._segment.safe_level import SafeLevelSMOTE
from skext.over_sampling._segment.smobd import SMOBD

__all__ = [
    "ADASYN",
    "CCR",
    "DBSMOTE",
    "LVQSMOTE",
    "MLSMOTE",
    "MWMOTE",
    "ROSE",
    "SMOBD",
    "SMOGN",
    "SMOTE",
    "SMOTEIPF",
    "SMOTEN",
    "SMOTENC",
    "SMOTER",
    "SVMSMOTE",
    "AssembledSMOTE",
    "BorderlineSMOTE",
    "GaussianSMOTE",
    "GeometricSMOTE",
    "GuidedSMOTE",
    "KMeansSMOTE",
    "LeeSMOTE",
    "PolynomialFitSMOTE",
    "ProWSyn",
    "RandomWalkSMOTE",
    "ResampledClassifier",
    "SafeLevelSMOTE",
]
