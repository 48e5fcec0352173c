"""The worker process that parses files, and its client."""
