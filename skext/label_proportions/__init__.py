"""Learning from label proportions.

Rows come in bags, of each of which only the number of positive rows is known; what is
learned is a classifier of rows.
"""

from skext.label_proportions._bags.cross_val import bag_cross_val_predict
from skext.label_proportions._bags.make_bags import bag_summary, make_bags
from skext.label_proportions._bags.metrics import (
    bag_count_log_loss,
    bag_log_loss,
    bag_mean_absolute_error,
    bag_root_mean_squared_error,
    make_bag_scorer,
)
from skext.label_proportions._bags.split import (
    BagKFold,
    BagShuffleSplit,
    LeaveOneBagOut,
    StratifiedBagKFold,
)
from skext.label_proportions._bags.targets import bag_target
from skext.label_proportions._inference.classifier import (
    BeliefPropagationLLPClassifier,
)
from skext.label_proportions._inference.leaves import LeafRefiner
from skext.label_proportions._inference.marginals import bp_marginals
from skext.label_proportions._linear.count_likelihood import CountLikelihoodClassifier
from skext.label_proportions._linear.dllp import DLLPClassifier
from skext.label_proportions._linear.easy_llp import EasyLLPClassifier
from skext.label_proportions._linear.mean_map import MeanMapClassifier
from skext.label_proportions._linear.soft_labels import (
    BagProportionClassifier,
    SelfLabelingLLPClassifier,
)
from skext.label_proportions._nets.classifier import DLLPNetClassifier
from skext.label_proportions._nets.refiner import EmbeddingRefiner
from skext.label_proportions._plot.bag_size_curve import BagSizeCurveDisplay
from skext.label_proportions._plot.marginal_calibration import (
    MarginalCalibrationDisplay,
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
    "LeafRefiner",
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
