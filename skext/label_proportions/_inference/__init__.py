"""Belief propagation over rows and bags: graphs, messages, marginals."""
