"""Comparison page of two runs."""
