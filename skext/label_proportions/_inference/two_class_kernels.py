"""Messages between neighbouring rows.

The graph is in CSR form, symmetric, without a diagonal. A message is one number for
each directed edge: the log-odds that the neighbour reports to a row. Messages are
written where their sender stores them, which is sequential, and fetched by their
receivers in a second pass.
"""

import math

from skext.utils._numba import jit


@jit
def _pass_on(h, stay):
    """Return the message across an edge; ``stay`` is ``exp(-weight)``.

    Equal to ``2 * atanh(tanh(weight / 2) * tanh(h / 2))`` without its overflow and
    cancellation.
    """
    x = math.exp(-abs(h))
    value = math.log((1.0 + stay * x) / (x + stay))
    return value if h >= 0.0 else -value


@jit
def send(indptr, stay, total, received, sent, damping, start, stop):
    """Write the messages that the rows start:stop send.

    Parameters
    ----------
    indptr : ndarray of shape (n_samples + 1,)
        Of the graph.
    stay : ndarray of shape (n_edges,)
        ``exp(-weight)`` of each directed edge.
    total : ndarray of shape (n_samples,)
        Log-odds of the rows.
    received : ndarray of shape (n_edges,)
        Messages that rows got from their neighbours.
    sent : ndarray of shape (n_edges,)
        Old messages; gets the new ones.
    damping : float
        Share of the old message that is kept.
    """
    for i in range(start, stop):
        for e in range(indptr[i], indptr[i + 1]):
            new = _pass_on(total[i] - received[e], stay[e])
            sent[e] = damping * sent[e] + (1.0 - damping) * new


@jit
def receive(indptr, reverse, unary, sent, received, collected, start, stop):
    """Fetch the messages to the rows start:stop, and add them up.

    Parameters
    ----------
    indptr : ndarray of shape (n_samples + 1,)
        Of the graph.
    reverse : ndarray of shape (n_edges,)
        Place of the opposite edge.
    unary : ndarray of shape (n_samples,)
        Log-odds of the rows before anything is said.
    sent : ndarray of shape (n_edges,)
        Messages, where their senders store them.
    received : ndarray of shape (n_edges,)
        Gets the messages.
    collected : ndarray of shape (n_samples,)
        Gets log-odds of the rows without their bags.
    """
    for i in range(start, stop):
        value = unary[i]
        for e in range(indptr[i], indptr[i + 1]):
            received[e] = sent[reverse[e]]
            value += received[e]
        collected[i] = value


@jit
def edge_energies(indptr, indices, reverse, stay, total, received, out, start, stop):
    """Write what the edges of the rows start:stop add to the Bethe free energy.

    Each undirected edge counts once, at its row with the smaller number.
    """
    for i in range(start, stop):
        value = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            if j < i:
                continue
            u, v = total[i] - received[e], total[j] - received[reverse[e]]
            weight = -math.log(stay[e])
            terms = (0.0, u - weight, v - weight, u + v)
            top = max(max(terms[0], terms[1]), max(terms[2], terms[3]))
            lse = 0.0
            for t in terms:
                lse += math.exp(t - top)
            value += top + math.log(lse)
            for t in (total[i], total[j]):
                value -= max(t, 0.0) + math.log1p(math.exp(-abs(t)))
        out[i] = value


@jit
def settle(
    collected,
    message,
    new_message,
    damping,
    indptr,
    total,
    proba,
    moves,
    changes,
    agreement,
    start,
    stop,
):
    """Add the word of the bags start:stop; note how far probabilities moved.

    Parameters
    ----------
    collected : ndarray of shape (n_samples,)
        Log-odds of the rows without their bags.
    message : ndarray of shape (n_samples,)
        Messages of the bags; gets the damped ones.
    new_message : ndarray of shape (n_samples,)
        New messages of the bags.
    damping : float
        Share of the old message that is kept.
    indptr : ndarray of shape (n_bags + 1,)
        Where bags start and end.
    total : ndarray of shape (n_samples,)
        Gets the log-odds of the rows.
    proba : ndarray of shape (n_samples,)
        Probabilities; gets the new ones.
    moves : ndarray of shape (n_samples,)
        Last changes of the probabilities; gets the new ones.
    changes : ndarray of shape (n_bags,)
        Gets the largest change in each bag.
    agreement : ndarray of shape (n_bags,)
        Gets the inner product of the last and the new changes.
    """
    for b in range(start, stop):
        largest, product = 0.0, 0.0
        for i in range(indptr[b], indptr[b + 1]):
            message[i] = damping * message[i] + (1.0 - damping) * new_message[i]
            total[i] = collected[i] + message[i]
            if total[i] >= 0.0:
                p = 1.0 / (1.0 + math.exp(-total[i]))
            else:
                e = math.exp(total[i])
                p = e / (1.0 + e)
            move = p - proba[i]
            largest = max(largest, abs(move))
            product += move * moves[i]
            moves[i] = move
            proba[i] = p
        changes[b] = largest
        agreement[b] = product
