"""Evaluation runs: the questions of a data set, asked of one or several systems."""
