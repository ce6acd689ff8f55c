"""The samplers that imbalanced-learn has, too."""
