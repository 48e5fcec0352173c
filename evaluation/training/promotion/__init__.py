"""A trained model takes the place of the one in use."""
