"""Exact weights of an aggregation: problems, solvers, kernels."""
