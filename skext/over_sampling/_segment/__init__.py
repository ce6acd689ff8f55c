"""Samplers whose new rows lie between two given rows."""
