"""Conversion functions, one module per file format."""
