"""Real tables by number, frozen lists of them, and simulations with known truth."""

from skext.datasets._generators import make_gaussian_mixture, make_imbalanced_mixture

__all__ = [
    "make_gaussian_mixture",
    "make_imbalanced_mixture",
]
