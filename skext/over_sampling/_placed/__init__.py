"""Samplers whose new rows lie anywhere near given rows."""
