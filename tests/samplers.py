"""The samplers of each room of skext.over_sampling, so that tests find new ones."""

from skext import over_sampling


def samplers_in(room):
    """Public classes that are defined in a folder of the package."""
    classes = (getattr(over_sampling, name) for name in over_sampling.__all__)
    place = f"skext.over_sampling.{room}."
    return [cls for cls in classes if cls.__module__.startswith(place)]
