"""From a question to passages in order."""
