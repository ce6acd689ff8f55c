"""Exact nearest neighbours among the rows of a table, of numbers and of categories.

The engine is ours because of its speed and of whom it finds. Inside SMOTE and its
variants it is measured to be 1.8 to 6.8 times as fast as scikit-learn's search, in
tables with categories, which need no one-hot codes here, 125 to 143 times (see
docs/user_guide/over_sampling.md). It is exact where rows are far from zero, as it sums
differences, knows missing values and sparse tables, and excludes a row from its own
neighbours by its number, so that duplicates are neighbours of each other.
"""
