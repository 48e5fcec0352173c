"""Document stores behind one contract."""
