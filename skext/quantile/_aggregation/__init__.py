"""Aggregation and stacking of quantile predictions."""
