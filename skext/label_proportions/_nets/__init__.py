"""Networks that learn from bags."""
