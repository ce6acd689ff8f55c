"""Where networks are trained."""


def choose_device(torch, device):
    """Return the torch device for ``"auto"`` or a name.

    Parameters
    ----------
    torch : module
        Imported by the caller.
    device : str
        ``"auto"`` is a GPU if torch sees one.

    Returns
    -------
    device : str
        What torch understands.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
