"""Indexing: files are converted, cut into passages, embedded and stored in a collection."""

import os

# As in `rag`, which is not imported here: the process that reads files must start fast.
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
