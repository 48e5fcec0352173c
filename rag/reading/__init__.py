"""Readers: from passages to the sentences and spans that answer a question."""
