"""Language analysis: words for bm25, sentences, questions."""
