"""Models on this machine: finding, choosing by language, loading, running in batches."""
