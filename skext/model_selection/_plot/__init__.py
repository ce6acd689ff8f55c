"""Displays of comparisons."""
