"""Random streams of one fit from one integer seed, and the lock of torch's own.

No stream is kept as a live generator: each is rebuilt from the seed, its name and a
key (the epoch, say), so that a net resumed from a pickle continues with the numbers
it would have drawn anyway.
"""

import contextlib
import threading

import numpy as np
import torch

# Whoever draws from the default generators holds this, in whichever family.
_LOCK = threading.RLock()
# Streams in the order of their spawn keys; append only, or seeds change meaning.
STREAMS = ("init", "shuffle", "dropout", "noise", "sampler", "boxcox", "split")


@contextlib.contextmanager
def seeded_torch(seed, device="cpu"):
    """Run a block on torch's default generators, seeded, and put them back.

    Needed where torch takes no generator: parameter initialisation and dropout. A
    lock keeps two threads from drawing from each other's stream.

    Parameters
    ----------
    seed : int
        Non-negative seed.
    device : str or torch.device, default="cpu"
        Device whose generator is seeded beside that of the CPU.
    """
    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with _LOCK, torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


class SeedStreams:
    """Named, independent streams of random numbers from one integer.

    Parameters
    ----------
    seed : int
        Non-negative seed of the whole fit.

    Examples
    --------
    >>> from skext.utils._torch.seeds import SeedStreams
    >>> seeds = SeedStreams(0)
    >>> seeds.integer("shuffle", 3) == seeds.integer("shuffle", 3)
    True
    >>> seeds.integer("shuffle", 3) == seeds.integer("shuffle", 4)
    False
    """

    def __init__(self, seed):
        self.seed = int(seed)

    def __repr__(self):
        return f"SeedStreams({self.seed})"

    def sequence(self, name, *key):
        """Return the ``numpy.random.SeedSequence`` of a stream.

        Parameters
        ----------
        name : str
            One of ``STREAMS``.
        *key : int
            Position inside the stream, e.g. the epoch.

        Returns
        -------
        sequence : numpy.random.SeedSequence
            The child that ``SeedSequence(seed).spawn`` would give at this place.
        """
        spawn_key = (STREAMS.index(name), *(int(part) for part in key))
        return np.random.SeedSequence(self.seed, spawn_key=spawn_key)

    def integer(self, name, *key):
        """Return a 63-bit seed of a stream."""
        state = self.sequence(name, *key).generate_state(1, np.uint64)
        return int(state[0]) >> 1

    def rng(self, name, *key):
        """Return a numpy generator of a stream."""
        return np.random.default_rng(self.sequence(name, *key))

    def generator(self, name, *key, device="cpu"):
        """Return a torch generator of a stream on a device."""
        return torch.Generator(device).manual_seed(self.integer(name, *key))

    @contextlib.contextmanager
    def forked(self, name, *key, device="cpu"):
        """Run a block on torch's default generators, seeded, and put them back.

        Needed where torch takes no generator: parameter initialisation and dropout.
        A lock keeps two threads from drawing from each other's stream.
        """
        with seeded_torch(self.integer(name, *key), device):
            yield
