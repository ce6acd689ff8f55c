"""Quantile levels, and how regressors of all kinds are asked for quantiles."""
