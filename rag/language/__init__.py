"""What texts are made of: words for bm25, sentences, questions."""
