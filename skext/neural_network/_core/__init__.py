"""What the estimators share: the base, rows and hold-outs, probabilities, files."""
