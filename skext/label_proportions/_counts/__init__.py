"""What the count of a bag says about its rows: exact posteriors and their kernels."""
