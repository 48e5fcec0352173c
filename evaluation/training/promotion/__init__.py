"""Promotion: a trained model replaces the one in use if it is better."""
