"""The opinions of rows that belief propagation starts from, and how they improve."""
