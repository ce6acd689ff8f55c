"""Learning from label proportions.

Rows come in bags, of each of which only the number of positive rows is known; what is
learned is a classifier of rows.
"""

from skext.label_proportions._bags import bag_target
from skext.label_proportions._belief_propagation import (
    BeliefPropagationLLPClassifier,
)
from skext.label_proportions._count_likelihood import CountLikelihoodClassifier
from skext.label_proportions._cross_val import bag_cross_val_predict
from skext.label_proportions._linear import DLLPClassifier, EasyLLPClassifier
from skext.label_proportions._make_bags import bag_summary, make_bags
from skext.label_proportions._marginals import bp_marginals
from skext.label_proportions._mean_map import MeanMapClassifier
from skext.label_proportions._metrics import (
    bag_count_log_loss,
    bag_log_loss,
    bag_mean_absolute_error,
    bag_root_mean_squared_error,
    make_bag_scorer,
)
from skext.label_proportions._net import DLLPNetClassifier
from skext.label_proportions._plot._bag_size_curve import BagSizeCurveDisplay
from skext.label_proportions._plot._marginal_calibration import (
    MarginalCalibrationDisplay,
)
from skext.label_proportions._refiner import EmbeddingRefiner
from skext.label_proportions._soft_labels import (
    BagProportionClassifier,
    SelfLabelingLLPClassifier,
)
from skext.label_proportions._split import (
    BagKFold,
    BagShuffleSplit,
    LeaveOneBagOut,
    StratifiedBagKFold,
)

__all__ = [
    "BagKFold",
    "BagProportionClassifier",
    "BagShuffleSplit",
    "BagSizeCurveDisplay",
    "BeliefPropagationLLPClassifier",
    "CountLikelihoodClassifier",
    "DLLPClassifier",
    "DLLPNetClassifier",
    "EasyLLPClassifier",
    "EmbeddingRefiner",
    "LeaveOneBagOut",
    "MarginalCalibrationDisplay",
    "MeanMapClassifier",
    "SelfLabelingLLPClassifier",
    "StratifiedBagKFold",
    "bag_count_log_loss",
    "bag_cross_val_predict",
    "bag_log_loss",
    "bag_mean_absolute_error",
    "bag_root_mean_squared_error",
    "bag_summary",
    "bag_target",
    "bp_marginals",
    "make_bag_scorer",
    "make_bags",
]
