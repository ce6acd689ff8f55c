"""The Gaussian mixture: its fit, the search for its components, and its answers."""
