"""A data set asked of one or several systems."""
