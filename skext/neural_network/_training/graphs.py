"""A training step as a CUDA graph: one launch instead of some dozens."""

import torch

# Eager steps on a side stream first: they fill the states of the optimiser and the
# caches of the libraries, and are ordinary steps of the training.
WARM_UP = 3


class GraphedStep:
    """Replay the steps of full batches, run those of other sizes as they are.

    Only a step with fixed addresses and shapes can be replayed. So the rows of a batch
    are copied into fixed tensors, rates are tensors that the caller fills, and the
    incomplete last batch of an epoch takes the eager way, on the same parameters and
    states; it needs no padding, and ranks inside it stay what they are.

    Parameters
    ----------
    step : callable
        From ``make_step``, with an optimiser that is capturable.
    """

    def __init__(self, step):
        self._step = step
        self._graph = None
        self._n_calls = 0
        self._inputs = None
        self._outputs = None

    def __call__(self, *inputs):
        """Make one step.

        Parameters
        ----------
        *inputs : Tensor or None
            Rows, targets, weights and noise of a batch.

        Returns
        -------
        loss, scores : Tensor
            Copies, since the next replay overwrites the originals.
        """
        if self._inputs is None:
            self._inputs = [None if x is None else torch.empty_like(x) for x in inputs]
        if not self._fits(inputs):
            return self._step(*inputs)
        if self._n_calls < WARM_UP:
            self._n_calls += 1
            return self._warm_up(inputs)
        self._copy(inputs)
        if self._graph is None:
            self._capture()
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)

    def _fits(self, inputs):
        return all(
            (x is None) == (held is None) and (x is None or x.shape == held.shape)
            for x, held in zip(inputs, self._inputs, strict=True)
        )

    def _copy(self, inputs):
        for x, held in zip(inputs, self._inputs, strict=True):
            if x is not None:
                held.copy_(x)

    def _warm_up(self, inputs):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            result = self._step(*inputs)
        torch.cuda.current_stream().wait_stream(side)
        return result

    def _capture(self):
        """Record the step; recording runs nothing, the replay that follows does."""
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = self._step(*self._inputs)
