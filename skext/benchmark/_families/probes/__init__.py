"""Linear probes in the benchmark."""
