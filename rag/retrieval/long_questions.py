"""A long question on its way: what is searched of it, and what ranker and reader get of it.

Words are chosen in `rag.language.long_queries`; the vector is the mean of that of its parts
(`Embedder.encode_query`) and, if it asks something, that of its gist, which is made here, with the
weights of its words in the collection.
"""

from collections.abc import Sequence
from dataclasses import replace

from rag.clock import Stopwatch
from rag.errors import UnavailableError
from rag.language.bm25_query import is_long
from rag.language.long_queries import gist, occurrences, telling_terms
from rag.retrieval.query import Query
from rag.stores.contract import Store


def with_gist(query: Query, store: Store) -> Query:
    """Return a query with its gist, and a stage that quotes it; one that is not long as it is.

    Args:
        query: The query.
        store: The collection, whose frequencies say which words tell most; every word counts the
            same if it does not answer.
    """
    if not is_long(query.text):
        return query
    watch = Stopwatch()
    _, total = _counted(store, ())
    counts = occurrences(query.tokens, query.text)
    weights = telling_terms(counts, lambda terms: _counted(store, terms)[0], total)
    short = gist(query.text, weights)
    stage = watch.stage("gist", note=f"ranked and read by: {short}")
    return replace(query, gist=short, stages=(*query.stages, stage))


def _counted(store: Store, terms: Sequence[str]) -> tuple[list[int], int]:
    try:
        return store.document_frequencies(terms)
    except UnavailableError:
        return [1] * len(terms), 1
