"""Noise of a random loss, drawn for a whole epoch at once."""

import torch


def takes_noise(criterion):
    """Tell whether a criterion is random and lets the loop draw its noise."""
    random = getattr(criterion, "spectrum", "random") == "random"
    return random and callable(getattr(criterion, "noise_shape", None))


def is_sortable(criterion, score_shape):
    """Tell whether the margins of a batch are a vector, for each member if any.

    Only then their ranks run along the axis of the rows, and noise can be sorted
    before the margins are known.
    """
    axes = len(criterion.noise_shape(score_shape))
    return axes == 1 or (axes == 2 and getattr(criterion, "n_outputs", None) == 1)


def epoch_noise(criterion, sizes, score_shape, generator, device, *, sort=False):
    """Draw the noise of all batches of an epoch.

    Parameters
    ----------
    criterion : nn.Module
        With ``noise_shape(shape of the scores)``.
    sizes : list of int
        Rows of each batch.
    score_shape : tuple
        Shape of the scores of one batch; the first entry does not matter.
    generator : torch.Generator
        Where it is drawn from.
    device : torch.device
        Where it is wanted.
    sort : bool, default=False
        Let the noise of each batch descend along its rows: one call for all batches
        of a size costs less than one in each step.

    Returns
    -------
    noises : list of Tensor
        Standard normal, one entry a batch.
    """
    shapes = [tuple(criterion.noise_shape((n, *score_shape[1:]))) for n in sizes]
    lengths = [shape[0] for shape in shapes]
    shape = (sum(lengths), *shapes[0][1:])
    drawn = torch.randn(shape, generator=generator, device=generator.device).to(device)
    if not sort:
        return list(drawn.split(lengths))
    n_equal = next(
        (i for i, length in enumerate(lengths) if length != lengths[0]), len(lengths)
    )
    start = n_equal * lengths[0]
    equal = drawn[:start].reshape(n_equal, lengths[0], *shape[1:])
    rest = drawn[start:].split(lengths[n_equal:]) if n_equal < len(lengths) else ()
    return [
        *equal.sort(dim=1, descending=True).values.unbind(0),
        *(part.sort(dim=0, descending=True).values for part in rest),
    ]
