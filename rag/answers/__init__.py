"""Composition of answers with citations from evidence."""
