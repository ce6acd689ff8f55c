"""Displays of ordinal classifiers."""
