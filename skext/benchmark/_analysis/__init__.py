"""From stored results to ranks, tests and comparisons."""
