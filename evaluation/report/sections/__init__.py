"""The numbered sections of a report."""
