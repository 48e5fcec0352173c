"""Haystack components that ask a store for passages."""

from typing import Any

import numpy as np
from haystack import Document, component

from rag.clock import Stopwatch
from rag.schema import Stage
from rag.stores.base import Store
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

    @component.output_types(documents=list[Document], stage=Stage)
    def run(
        self,
        query: str,
        filters: Filter | None = None,
        top_k: int | None = None,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Return passages, best first, and how long it took."""
        watch = Stopwatch()
        found = self.store.bm25_retrieval(
            query, top_k=top_k or self.top_k, filters=filters, generation=generation
        )
        return {"documents": found, "stage": watch.stage("bm25", count=len(found))}


@component
class DenseRetriever:
    """The passages whose vectors are nearest to the question's.

    Args:
        store: The collection.
        top_k: Most passages.
    """

    def __init__(self, store: Store, top_k: int = 50) -> None:
        self.store, self.top_k = store, top_k

    @component.output_types(documents=list[Document], stage=Stage)
    def run(
        self,
        embedding: np.ndarray,
        filters: Filter | None = None,
        top_k: int | None = None,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Return passages, best first, and how long it took."""
        watch = Stopwatch()
        found = self.store.dense_retrieval(
            embedding, top_k=top_k or self.top_k, filters=filters, generation=generation
        )
        return {"documents": found, "stage": watch.stage("dense", count=len(found))}
