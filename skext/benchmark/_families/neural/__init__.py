"""Networks for tables in the benchmark."""
