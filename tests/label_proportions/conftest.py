"""Slow and plain ways to the same numbers."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest


def count_messages(h, count, strength):
    """Messages and log-expectation of a small bag, over all labellings."""
    size = h.size
    labels = np.array(list(itertools.product([0, 1], repeat=size)))
    log_p = labels @ h - np.logaddexp(0, h).sum()
    k = labels.sum(axis=1)
    if np.isinf(strength):
        log_f = np.where(k == count, 0.0, -np.inf)
    else:
        log_f = -strength * (k - count) ** 2
    log_total = np.logaddexp.reduce(log_p + log_f)
    messages = np.empty(size)
    for i in range(size):
        others = log_p + log_f - labels[:, i] * h[i]
        positive = np.logaddexp.reduce(others[labels[:, i] == 1])
        negative = np.logaddexp.reduce(others[labels[:, i] == 0])
        messages[i] = positive - negative
    return messages, log_total


def enumerate_model(weights, bags, counts, unary, strength):
    """Marginals and log-partition of the whole model, over all labellings."""
    n_samples = unary.size
    labels = np.array(list(itertools.product([0, 1], repeat=n_samples)))
    energy = labels @ unary
    for i, j in zip(*np.nonzero(np.triu(weights)), strict=True):
        energy = energy - weights[i, j] * (labels[:, i] != labels[:, j])
    for b, count in counts.items():
        k = labels[:, bags == b].sum(axis=1)
        if np.isinf(strength):
            energy = np.where(k == count, energy, -np.inf)
        else:
            energy = energy - strength * (k - count) ** 2
    log_partition = np.logaddexp.reduce(energy)
    return np.exp(energy - log_partition) @ labels, log_partition


def all_pairs_marginals(weights, bags, counts, unary, strength, n_sweeps=400):
    """Belief propagation with a factor for each pair of rows of a bag.

    The soft count is expanded into an Ising model; a different factor graph of the
    same distribution, which agrees where coupling is weak.
    """
    n = unary.size
    pair = 2.0 * weights
    field = unary - weights.sum(axis=1)
    for b, count in counts.items():
        rows = np.flatnonzero(bags == b)
        field[rows] -= strength * (1 - 2 * count)
        pair[np.ix_(rows, rows)] -= 2 * strength
    np.fill_diagonal(pair, 0.0)
    message = np.zeros((n, n))
    for _ in range(n_sweeps):
        total = field + message.sum(axis=0)
        cavity = total[:, np.newaxis] - message.T
        new = np.logaddexp(0, cavity + pair) - np.logaddexp(0, cavity)
        message = 0.5 * message + 0.5 * np.where(pair != 0, new, 0.0)
    return 1 / (1 + np.exp(-(field + message.sum(axis=0))))


@pytest.fixture
def oracle():
    return SimpleNamespace(
        count_messages=count_messages,
        enumerate_model=enumerate_model,
        all_pairs_marginals=all_pairs_marginals,
    )
