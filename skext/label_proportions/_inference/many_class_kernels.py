"""Messages between neighbouring rows of several classes.

The same as with two classes, but a message is one score for each class, of which the
largest is zero.
"""

import math

from skext.utils._numba import jit


@jit
def _log_sum(x):
    top = x.max()
    total = 0.0
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


@jit
def send_classes(indptr, stay, total, received, sent, damping, start, stop):
    """Write the messages that the rows start:stop send.

    Parameters
    ----------
    indptr : ndarray of shape (n_samples + 1,)
        Of the graph.
    stay : ndarray of shape (n_edges,)
        ``exp(-weight)`` of each directed edge.
    total : ndarray of shape (n_samples, n_classes)
        Scores of the rows.
    received : ndarray of shape (n_edges, n_classes)
        Messages that rows got from their neighbours.
    sent : ndarray of shape (n_edges, n_classes)
        Old messages; gets the new ones.
    damping : float
        Share of the old message that is kept.
    """
    n_classes = total.shape[1]
    for i in range(start, stop):
        for e in range(indptr[i], indptr[i + 1]):
            top = total[i, 0] - received[e, 0]
            for c in range(1, n_classes):
                top = max(top, total[i, c] - received[e, c])
            mass = 0.0
            for c in range(n_classes):
                mass += math.exp(total[i, c] - received[e, c] - top)
            # The likeliest class also gets the largest message.
            best = math.log(1.0 + stay[e] * (mass - 1.0))
            for c in range(n_classes):
                x = total[i, c] - received[e, c] - top
                own = math.exp(x)
                value = own + stay[e] * (mass - own)
                # Without a way to change class, what is ruled out stays so.
                new = (math.log(value) if value > 1e-290 else x) - best
                sent[e, c] = damping * sent[e, c] + (1.0 - damping) * new


@jit
def receive_classes(indptr, reverse, unary, sent, received, collected, start, stop):
    """Fetch the messages to the rows start:stop, and add them up.

    Parameters
    ----------
    indptr : ndarray of shape (n_samples + 1,)
        Of the graph.
    reverse : ndarray of shape (n_edges,)
        Place of the opposite edge.
    unary : ndarray of shape (n_samples, n_classes)
        Scores of the rows before anything is said.
    sent : ndarray of shape (n_edges, n_classes)
        Messages, where their senders store them.
    received : ndarray of shape (n_edges, n_classes)
        Gets the messages.
    collected : ndarray of shape (n_samples, n_classes)
        Gets scores of the rows without their bags.
    """
    n_classes = unary.shape[1]
    for i in range(start, stop):
        for c in range(n_classes):
            collected[i, c] = unary[i, c]
        for e in range(indptr[i], indptr[i + 1]):
            for c in range(n_classes):
                received[e, c] = sent[reverse[e], c]
                collected[i, c] += received[e, c]


@jit
def edge_energies_classes(
    indptr, indices, reverse, stay, total, received, out, start, stop
):
    """Write what the edges of the rows start:stop add to the Bethe free energy.

    Each undirected edge counts once, at its row with the smaller number.
    """
    n_classes = total.shape[1]
    for i in range(start, stop):
        value = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j, back = indices[e], reverse[e]
            if j < i:
                continue
            u, v = total[i] - received[e], total[j] - received[back]
            top_u, top_v = u.max(), v.max()
            same, mass_u, mass_v = 0.0, 0.0, 0.0
            for c in range(n_classes):
                x, y = math.exp(u[c] - top_u), math.exp(v[c] - top_v)
                same += x * y
                mass_u += x
                mass_v += y
            joint = same + stay[e] * (mass_u * mass_v - same)
            value += top_u + top_v + math.log(max(joint, 1e-300))
            value -= _log_sum(total[i]) + _log_sum(total[j])
        out[i] = value


@jit
def settle_classes(
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

    Parameters are those of the kernel for two classes, with one column for each class
    where that has one entry for each row.
    """
    n_classes = total.shape[1]
    for b in range(start, stop):
        largest, product = 0.0, 0.0
        for i in range(indptr[b], indptr[b + 1]):
            for c in range(n_classes):
                message[i, c] = (
                    damping * message[i, c] + (1.0 - damping) * new_message[i, c]
                )
                total[i, c] = collected[i, c] + message[i, c]
            log_mass = _log_sum(total[i])
            for c in range(n_classes):
                p = math.exp(total[i, c] - log_mass)
                move = p - proba[i, c]
                largest = max(largest, abs(move))
                product += move * moves[i, c]
                moves[i, c] = move
                proba[i, c] = p
        changes[b] = largest
        agreement[b] = product
