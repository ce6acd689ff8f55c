"""Samplers for numbers beside categories, and for targets that are no classes."""
