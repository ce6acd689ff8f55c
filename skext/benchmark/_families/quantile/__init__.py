"""Quantile regressors in the benchmark."""
