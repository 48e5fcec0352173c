"""Evaluation of retrieval and answers on data sets, and training of the models."""

import rag  # noqa: F401 - first of all: it sets what haystack reads when it is imported
