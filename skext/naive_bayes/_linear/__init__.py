"""From class moments to a linear classifier and its probabilities."""
