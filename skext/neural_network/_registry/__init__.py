"""Losses and modules by name: the one list of them, and how each is made."""
