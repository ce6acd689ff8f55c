"""The report of a run: a page, its figures, and plain tables."""
