"""Linear classifiers that learn from bags, and their solver."""
