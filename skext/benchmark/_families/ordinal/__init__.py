"""Classifiers for ordered classes in the benchmark."""
