"""What all quantile regressors share."""
