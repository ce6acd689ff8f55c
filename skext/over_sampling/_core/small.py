"""What happens to classes with fewer rows than neighbours are asked for."""

from skext.utils._warnings import warn_user


def usable_neighbors(
    label, n_rows, k, on_small_class, name="k_neighbors", with_self=False
):
    """Tell how many neighbours the rows of a class have.

    Parameters
    ----------
    label : object
        The class, for messages.
    n_rows : int
        Its number of rows.
    k : int
        Number of neighbours that are wanted.
    on_small_class : {"shrink", "duplicate", "raise"}
        What to do if there are fewer.
    name : str, default="k_neighbors"
        Parameter that says so, for messages.
    with_self : bool, default=False
        Whether the parameter counts the row itself.

    Returns
    -------
    k : int
        Number of neighbours; 0 if the rows are to be repeated.
    """
    if n_rows > k:
        return k
    which = f"Class {str(label)!r} has {n_rows} {'row' if n_rows == 1 else 'rows'}"
    if on_small_class == "duplicate":
        warn_user(f"{which}, too few for {k} neighbours; its rows are repeated.")
        return 0
    if on_small_class == "raise" or n_rows == 1:
        fewer = f"at most {name}={n_rows - 1 + with_self}, or "
        raise ValueError(
            f"{which}, too few for {name}={k + with_self} (Expected n_neighbors <= "
            f"n_samples_fit); give {fewer if n_rows > 1 else ''}"
            "on_small_class='duplicate'."
        )
    others = "the other is" if n_rows == 2 else f"all {n_rows - 1} others are"
    warn_user(f"{which}, too few for {k} neighbours; {others} used.")
    return n_rows - 1
