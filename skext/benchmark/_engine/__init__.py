"""Plans, runs and stores jobs; knows no family of methods."""
