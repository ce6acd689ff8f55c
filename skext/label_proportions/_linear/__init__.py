"""Classifiers that fit linear functions to bags, or any classifier to soft labels."""
