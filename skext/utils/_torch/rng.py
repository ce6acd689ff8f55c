"""torch's default generators, of which a process has one for all threads.

Nothing at the top of this module needs torch.
"""

import contextlib
import threading

# Whoever draws from the default generators holds this, in whichever family.
_LOCK = threading.RLock()


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
    import torch

    device = torch.device(device)
    devices = [device] if device.type == "cuda" else []
    with _LOCK, torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
