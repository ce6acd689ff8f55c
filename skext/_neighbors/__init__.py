"""Exact nearest neighbours: the engine, its kernels, nominal columns."""
