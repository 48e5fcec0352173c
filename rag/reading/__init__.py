"""From passages to the sentences and spans that answer."""
