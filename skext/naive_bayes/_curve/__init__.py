"""Learning curves of probes: nested training sets, fits, crossings."""
