"""Training data: examples, hard negatives, cloze questions."""
