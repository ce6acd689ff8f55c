"""Bags: their numbers and targets, making and splitting them, scores."""
