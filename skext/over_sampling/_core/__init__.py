"""What every sampler shares: check a table, plan new rows, write them."""
