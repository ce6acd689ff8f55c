"""The training of a network: batches, steps, epochs, seeds. Its files load torch."""
