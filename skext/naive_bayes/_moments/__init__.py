"""Class moments: sums over rows, made anywhere and merged."""
