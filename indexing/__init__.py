"""From files to a collection."""
