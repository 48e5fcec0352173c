"""Decoding and cleaning of text."""
