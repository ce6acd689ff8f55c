"""Local weights by a small network."""
