"""Losses by name."""

import copy
import inspect

from torch import nn

from skext.neural_network._losses.base import TabularLoss
from skext.neural_network._losses.foreign import ModuleLoss
from skext.neural_network._registry.names import LOSSES, losses_for


def make_loss(
    name_or_module,
    *,
    n_classes=None,
    multiclass="pairwise",
    params=None,
    n_outputs=None,
):
    """Make a criterion.

    Parameters
    ----------
    name_or_module : str, nn.Module or callable
        Name, module (copied) or class of a module. A module that knows neither weights
        of rows nor members gets them, if its reduction can be set to ``"none"``.
    n_classes : int, default=None
        Number of classes; ``None`` for regression.
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        Margins of losses that are functions of margins.
    params : dict, default=None
        Further parameters of the loss.
    n_outputs : int, default=None
        Outputs of the network for a row and member. By default one for regression and
        two classes, else one a class.

    Returns
    -------
    criterion : nn.Module
        Called with (scores, target, sample_weight). Its ``link`` says what scores are:
        ``"logit"`` for logits (of class 1, or of a softmax), ``"symlog"`` for scores
        whose sign(f) log(1 + abs(f)) are logits up to a factor, ``"identity"`` for
        numbers. ``link_scale`` is the factor where none is fitted, ``link_scores`` the
        normalisation before it.

    Raises
    ------
    ValueError
        If the name, or one of the parameters, is not known.
    """
    params = dict(params or {})
    if n_outputs is None:
        n_outputs = 1 if n_classes is None or n_classes == 2 else n_classes
    if isinstance(name_or_module, nn.Module):
        if params:
            raise ValueError(
                f"loss_params={params!r} cannot be used with the finished loss "
                f"{name_or_module!r}; set them in its constructor."
            )
        return _adopt(copy.deepcopy(name_or_module), n_classes, n_outputs)
    name, make = name_or_module, name_or_module
    if isinstance(name, str):
        known = losses_for("numbers" if n_classes is None else "classes")
        if name not in known:
            kind = "regression" if n_classes is None else "classification"
            raise ValueError(
                f"loss={name!r} is no loss for {kind}; choose one of {sorted(known)}."
            )
        make = LOSSES[name].find()
        known = inspect.signature(make).parameters
        given = {"n_classes": n_classes, "multiclass": multiclass}
        params = {
            **{key: value for key, value in given.items() if key in known},
            **make.defaults(n_outputs),
            **LOSSES[name].options,
            **params,
        }
    _check_params(name, make, params)
    try:
        criterion = make(**params)
    except TypeError as error:
        raise TypeError(
            f"loss={name!r} must be a name, a module of torch, or a class of one that "
            f"takes loss_params={params!r}: {error}."
        ) from error
    if not isinstance(criterion, nn.Module):
        raise TypeError(
            f"loss={name!r} must make a torch.nn.Module, and makes a "
            f"{type(criterion).__name__}; give a class of such modules."
        )
    return _adopt(criterion, n_classes, n_outputs)


def _check_params(name, make, params):
    known = inspect.signature(make).parameters
    if any(item.kind is item.VAR_KEYWORD for item in known.values()):
        return
    unknown = sorted(set(params) - set(known))
    if unknown:
        raise ValueError(
            f"loss_params={params!r} has {unknown}, which {name!r} does not take; give "
            f"some of {sorted(known)}."
        )


def _adopt(criterion, n_classes, n_outputs):
    """Tell a criterion of ours the outputs, and wrap those that need it."""
    if isinstance(criterion, TabularLoss):
        criterion.n_outputs = n_outputs
        return criterion
    accepted = inspect.signature(criterion.forward).parameters
    if "sample_weight" in accepted or not hasattr(criterion, "reduction"):
        return criterion
    return ModuleLoss(criterion, n_outputs, numbers=n_classes is None)
