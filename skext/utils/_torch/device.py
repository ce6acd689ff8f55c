"""Device and thread settings of torch, resolved and put back."""

import contextlib
import threading

import torch

from skext.utils._warnings import warn_user


def resolve_device(device, *, missing="raise"):
    """Return the torch device that a request means here.

    Parameters
    ----------
    device : {"auto"}, str or torch.device
        "auto" is the current GPU if there is one, else the CPU.
    missing : {"raise", "warn", "silent"}, default="raise"
        What to do about a device that this machine lacks: refuse, or take the CPU (a
        model that was trained elsewhere), with a warning or without.

    Returns
    -------
    device : torch.device
        Device to use.

    Raises
    ------
    ValueError
        If the device is unknown or not there.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as exc:
        raise ValueError(
            f"device={device!r} is unknown to torch; use 'auto', 'cpu', 'cuda' or "
            "'cuda:<index>'."
        ) from exc
    if _is_available(found):
        return found
    if missing == "warn":
        warn_user(f"The device {str(device)!r} is not available here: using the CPU.")
    if missing in ("warn", "silent"):
        return torch.device("cpu")
    raise ValueError(
        f"device={str(device)!r} is not available here; use device='auto' or 'cpu'."
    )


def _is_available(device):
    if device.type == "cuda":
        index = 0 if device.index is None else device.index
        return torch.cuda.is_available() and index < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type in ("cpu", "meta")


# Blocks that overlap in several threads put back what was before the first of them.
_THREADS_LOCK = threading.Lock()
_threads = {"blocks": 0, "before": 0}


@contextlib.contextmanager
def torch_threads(n_threads):
    """Run a block on a number of torch threads; None leaves the setting alone."""
    if n_threads is None:
        yield
        return
    with _THREADS_LOCK:
        if not _threads["blocks"]:
            _threads["before"] = torch.get_num_threads()
        _threads["blocks"] += 1
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        with _THREADS_LOCK:
            _threads["blocks"] -= 1
            torch.set_num_threads(_threads["before"])
