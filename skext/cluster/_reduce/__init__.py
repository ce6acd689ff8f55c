"""From a table of any size to a few thousand weighted boxes."""
