"""Counts of terms and of copies among some rows."""

from collections.abc import Sequence

from haystack import Document

from rag.errors import UnavailableError
from rag.stores.copies import copy_key_of
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.scanning import count_each


def frequencies(cluster: Cluster, index: str, among: Query, terms: Sequence[str]) -> list[int]:
    """Return how often each of some terms occurs in texts and titles.

    While a part of the index does not answer, every term counts as there, so that no word is
    corrected; the search itself says what is away.
    """
    queries: list[Query] = [{"term": {f: term}} for f in ("text", "title") for term in terms]
    try:
        counts, _ = count_each(cluster, index, among, queries)
    except UnavailableError:
        return [1] * len(terms)
    return [sum(counts[place :: len(terms)]) for place in range(len(terms))]


def copies(cluster: Cluster, index: str, among: Query, passages: Sequence[Document]) -> list[int]:
    """Return how many other rows read the same as each of some passages."""
    queries: list[Query] = [{"term": {"copy": str(copy_key_of(each))}} for each in passages]
    counts, _ = count_each(cluster, index, among, queries)
    return [max(number - 1, 0) for number in counts]
