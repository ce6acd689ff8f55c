"""Samplers and classifiers for rare classes in the benchmark."""
