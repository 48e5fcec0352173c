"""From questions with answers to numbers one can trust."""

import rag  # noqa: F401 - first of all: it sets what haystack reads when it is imported
