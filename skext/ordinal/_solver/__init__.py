"""Penalised cumulative-link models: problems, solvers, kernels."""
