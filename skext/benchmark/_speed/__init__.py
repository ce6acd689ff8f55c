"""Speed ratios against peers: how they are measured, and of what."""
