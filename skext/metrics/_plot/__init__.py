"""Displays, one file each."""
