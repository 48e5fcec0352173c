"""Training sets: examples, negatives, cloze questions."""
