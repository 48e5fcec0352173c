"""Embedded store: one folder per collection, no server."""
