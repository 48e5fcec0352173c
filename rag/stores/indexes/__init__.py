"""bm25 and FAISS indexes, used by both stores."""
