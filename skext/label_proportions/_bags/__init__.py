"""Bags: their names and targets, making and splitting them, counts and scores."""
