"""Over-sampling of rare classes by synthetic rows."""

from skext.over_sampling._adasyn import ADASYN
from skext.over_sampling._assembled import AssembledSMOTE
from skext.over_sampling._borderline import BorderlineSMOTE
from skext.over_sampling._ccr import CCR
from skext.over_sampling._dbscan import DBSMOTE
from skext.over_sampling._geometric import GeometricSMOTE
from skext.over_sampling._guided import GuidedSMOTE
from skext.over_sampling._ipf import SMOTEIPF
from skext.over_sampling._kmeans import KMeansSMOTE
from skext.over_sampling._lee import LeeSMOTE
from skext.over_sampling._lvq import LVQSMOTE
from skext.over_sampling._multilabel import MLSMOTE
from skext.over_sampling._mwmote import MWMOTE
from skext.over_sampling._nominal import SMOTEN, SMOTENC
from skext.over_sampling._polynomial import PolynomialFitSMOTE
from skext.over_sampling._prowsyn import ProWSyn
from skext.over_sampling._regression import SMOGN, SMOTER
from skext.over_sampling._resampled import ResampledClassifier
from skext.over_sampling._safe_level import SafeLevelSMOTE
from skext.over_sampling._smobd import SMOBD
from skext.over_sampling._smoothing import ROSE, GaussianSMOTE, RandomWalkSMOTE
from skext.over_sampling._smote import SMOTE
from skext.over_sampling._svm import SVMSMOTE

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
