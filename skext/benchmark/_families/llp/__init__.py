"""Learning from label proportions in the benchmark."""
