"""Clustering in the benchmark."""
