"""Haystack components that ask a store for passages.

A store that does not answer is no error here: no passages are returned, the stage says why, and the
engine goes on with the other retriever's passages, if there is one. Copies of one text take one
place.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from haystack import Document, component

from rag.clock import Stopwatch
from rag.errors import UnavailableError
from rag.language.bm25_query import is_long
from rag.models.embedder import Embedder
from rag.retrieval.copies import retrieve_distinct
from rag.retrieval.question_checks import check_embedder
from rag.schema import Stage
from rag.stores.contract import RetrievedPassages, Store
from rag.stores.filters import Filter


@component
class Bm25Retriever:
    """Haystack component: the passages with the best bm25 score.

    Args:
        store: The collection.
        top_k: Maximum number of passages.
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
        """Return passages, best first, the time it took, and why there are none."""
        options: dict[str, Any] = {"filters": filters, "generation": generation}

        def retrieve(limit: int) -> RetrievedPassages:
            return self.store.bm25_retrieval(query, top_k=limit, **options)

        return _retrieved("bm25", retrieve, top_k or self.top_k)


@component
class DenseRetriever:
    """Haystack component: the passages whose vectors are nearest to the question's.

    Args:
        store: The collection.
        top_k: Maximum number of passages.
        embedder: The embedder of the question. If the collection is re-embedded with another one
            while it is open, dense retrieval is refused afterwards.
    """

    def __init__(self, store: Store, top_k: int = 50, embedder: Embedder | None = None) -> None:
        self.store, self.top_k, self.embedder = store, top_k, embedder
        self._checked: int | None = None

    @component.output_types(documents=list[Document], stage=Stage, error=UnavailableError | None)
    def run(
        self,
        embedding: np.ndarray,
        filters: Filter | None = None,
        top_k: int | None = None,
        generation: int | None = None,
    ) -> dict[str, Any]:
        """Return passages, best first, the time it took, and why there are none."""
        options: dict[str, Any] = {"filters": filters, "generation": generation}

        def retrieve(limit: int) -> RetrievedPassages:
            if generation is None or generation != self._checked:
                check_embedder(self.store, self.embedder, self.store.name)
                self._checked = generation
            return self.store.dense_retrieval(embedding, top_k=limit, **options)

        return _retrieved("dense", retrieve, top_k or self.top_k)


def _retrieved(
    name: str, retrieve: Callable[[int], RetrievedPassages], top_k: int
) -> dict[str, Any]:
    watch, error = Stopwatch(), None
    try:
        found = retrieve_distinct(retrieve, top_k)
    except UnavailableError as raised:
        found, error = RetrievedPassages(note=f"unavailable: {raised}"), raised
    stage = watch.stage(name, count=len(found), note=found.notes)
    return {"documents": list(found), "stage": stage, "error": error}


@component
class QueryEmbedder:
    """Haystack component: the embedding of a question."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def warm_up(self) -> None:
        """Load the model."""
        self.embedder.warm_up()

    @component.output_types(embedding=np.ndarray, stage=Stage)
    def run(self, text: str, asked: str = "") -> dict[str, Any]:
        """Return the vector of a text, and the time it took.

        Args:
            text: The text.
            asked: What a long text asks; the vector is then the mean of both.


        The vector stays an array: Haystack copies a list number by number, which takes longer than
        the search.
        """
        watch, name = Stopwatch(), self.embedder.files.name
        embedding, note = self.embedder.encode_query(text), None
        parts = len(self.embedder.query_parts(text)) if is_long(text) else 1
        if asked:
            embedding = embedding + self.embedder.encode_query(asked)
            embedding /= max(float(np.linalg.norm(embedding)), 1e-12)
        if parts > 1 or asked:
            count = "1 part" if parts == 1 else f"{parts} parts"
            note = f"the mean of {count}{' and of the gist, which asks' if asked else ''}"
        stage = watch.stage("embed", model=name, runtime=self.embedder.ran_by, note=note)
        return {"embedding": embedding, "stage": stage}
