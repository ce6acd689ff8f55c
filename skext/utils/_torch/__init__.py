"""What all networks share of torch: devices, threads, random states."""
