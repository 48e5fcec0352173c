"""Haystack components that ask a store for passages.

A store that does not answer is no error here: there are no passages, the stage says why, and the
engine goes on with what the other retriever found, if there is one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from haystack import Document, component

from rag.clock import Stopwatch
from rag.errors import UnavailableError
from rag.schema import Stage
from rag.stores.base import Found, Store
from rag.stores.filters import Filter


@component
class Bm25Retriever:
    """The passages with the best bm25 score.

    Args:
        store: The collection.
        top_k: Most passages.
    """

    def __init__(self, store: Store, top_k: int = 50) -> None:
        self.store, self.top_k = store, top_k

    @component.output_types(documents=list[Document], stage=Stage, error=UnavailableError | None)
    def run(
        self,
        query: str,
        filters: Filter | None = None,
        top_k: int | None = None,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Return passages, best first, how long it took, and why there are none."""
        options: dict[str, Any] = {
            "top_k": top_k or self.top_k,
            "filters": filters,
            "generation": generation,
        }
        return _retrieved("bm25", lambda: self.store.bm25_retrieval(query, **options))


@component
class DenseRetriever:
    """The passages whose vectors are nearest to the question's.

    Args:
        store: The collection.
        top_k: Most passages.
    """

    def __init__(self, store: Store, top_k: int = 50) -> None:
        self.store, self.top_k = store, top_k

    @component.output_types(documents=list[Document], stage=Stage, error=UnavailableError | None)
    def run(
        self,
        embedding: np.ndarray,
        filters: Filter | None = None,
        top_k: int | None = None,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Return passages, best first, how long it took, and why there are none."""
        options: dict[str, Any] = {
            "top_k": top_k or self.top_k,
            "filters": filters,
            "generation": generation,
        }
        return _retrieved("dense", lambda: self.store.dense_retrieval(embedding, **options))


def _retrieved(name: str, retrieve: Callable[[], Found]) -> dict[str, Any]:
    watch, error = Stopwatch(), None
    try:
        found = retrieve()
    except UnavailableError as raised:
        found, error = Found(note=f"unavailable: {raised}"), raised
    stage = watch.stage(name, count=len(found), note=found.note)
    return {"documents": list(found), "stage": stage, "error": error}
