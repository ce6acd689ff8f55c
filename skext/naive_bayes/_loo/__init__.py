"""Exact leave-one-out scores without refits, and what they choose."""
