"""What each family brings to the benchmark: methods, tasks, metrics, speed cases."""
