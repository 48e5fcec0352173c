"""Question answering over your own documents, with citations in the answers.

Light to import: neither haystack nor torch is loaded until `rag.engine` is.
"""

import os

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")  # read once, when haystack is imported

from rag.config import Config, load_config
from rag.deferred_imports import defer_imports
from rag.errors import RagError
from rag.schema import Answer, Citation, Passage, SearchOptions, SearchResult, Trace, Turn

defer_imports()

__all__ = [
    "Answer",
    "Citation",
    "Config",
    "Passage",
    "RagError",
    "SearchOptions",
    "SearchResult",
    "Trace",
    "Turn",
    "load_config",
]
