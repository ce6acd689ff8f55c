"""What all classifiers that learn from bags share."""
