"""Losses of the networks, each in a module that needs torch."""
