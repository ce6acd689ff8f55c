"""Quantile regressors: linear, any regressor's, and conformal calibration."""
