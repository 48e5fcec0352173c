"""Training of readers and rankers."""
