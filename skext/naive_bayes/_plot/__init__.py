"""Displays of probes."""
