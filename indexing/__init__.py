"""From files to a collection."""

import rag  # noqa: F401 - first of all: it sets what haystack reads when it is imported
