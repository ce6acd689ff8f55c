"""One comparison of speed: ours, the peer, and what must be equal between them."""

from collections.abc import Callable
from dataclasses import dataclass

from skext.benchmark._engine.methods import missing_package


@dataclass(frozen=True)
class SpeedCase:
    """One comparison with a peer.

    Parameters
    ----------
    name : str
        Name on the command line.
    peer_name : str
        Who we are compared with.
    make : callable
        ``make(*size)`` returns the data, any object.
    ours, peer : callable
        ``ours(data, n_jobs)`` and ``peer(data, n_jobs)`` do the same work.
    check : callable
        ``check(ours_result, peer_result, data)`` raises AssertionError if they
        differ. It runs before anything is timed.
    sizes : dict of str to tuple
        "small", "typical" and "large" arguments of ``make``.
    peer_share : callable, default=None
        ``peer_share(data)`` is the share of the work that the peer is given where
        the whole would take minutes; its time is divided by the share.
    needs : tuple of str, default=()
        Packages without which the case is left out.
    """

    name: str
    peer_name: str
    description: str
    make: Callable
    ours: Callable
    peer: Callable
    check: Callable
    sizes: dict
    peer_share: Callable | None = None
    needs: tuple = ()

    def missing(self) -> str | None:
        """Say why the case cannot be measured here; None if it can."""
        return missing_package(self.needs)


def by_size(*sizes) -> dict:
    """Name sizes from "small" (overhead counts) over "typical" to "large"."""
    return dict(zip(("small", "typical", "large"), sizes, strict=False))
