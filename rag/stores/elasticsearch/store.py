"""The store on a cluster: documents, passages and vectors in one Elasticsearch index.

The cluster holds all data, so that every machine that reaches it can use the collection. Vectors
are searched there too, or with FAISS beside the application, as configured.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from haystack.document_stores.types import DuplicatePolicy

from rag.config import StoreConfig, data_folder
from rag.errors import StaleError, StoreError
from rag.language.bm25_query import query_terms
from rag.stores.contract import (
    DocumentInfo,
    Embed,
    Failure,
    Manifest,
    RetrievedPassages,
    Told,
    Vectors,
)
from rag.stores.elasticsearch.caches import GenerationCaches
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.index import Names, State, open_index, read_state
from rag.stores.elasticsearch.integrity import (
    bring_up_to_date,
    find_problems,
    is_outdated,
    require_graph,
)
from rag.stores.elasticsearch.listing import (
    copies,
    document_text,
    list_documents,
    list_failures,
    passages_named,
)
from rag.stores.elasticsearch.rebuild import KEPT_GENERATIONS, NewEmbedding, rebuild_index
from rag.stores.elasticsearch.retrieval import Searcher, ServerRanking
from rag.stores.elasticsearch.rows import PASSAGE, passage_of, visible
from rag.stores.elasticsearch.scanning import count, count_each, index_bytes, scan
from rag.stores.elasticsearch.vectors import ClusterVectors
from rag.stores.elasticsearch.writer import ElasticWriter
from rag.stores.fields import FilterFacts
from rag.stores.filters import Filter
from rag.stores.haystack_protocol import (
    delete_everything,
    delete_matching,
    delete_passages,
    update_matching,
    write_passages,
)
from rag.stores.indexes.folders import IndexFolders
from rag.stores.validation import as_vector, check_reembedding

ATTEMPTS = 3  # to read one generation while others are published quickly
LARGEST_TOP_K = 10_000  # the server's own limit


class ElasticsearchStore:
    """A collection on a cluster; a Haystack `DocumentStore` with bm25 and dense retrieval.

    Args:
        name: The collection.
        create: Whether to create a missing collection.
        settings: Cluster and search settings.
        title_weight: Weight of title and headings beside the text in bm25.
        folder: Folder of the FAISS indexes; None is one below the data folder.

    Raises:
        StoreError: If the collection is missing and `create` is not set, or the cluster fails.
    """

    def __init__(
        self,
        name: str,
        *,
        create: bool = True,
        settings: StoreConfig | None = None,
        title_weight: float = 0.3,
        folder: str | Path | None = None,
    ) -> None:
        self._name = name
        self.settings = settings or StoreConfig(kind="elasticsearch")
        self.title_weight = title_weight
        self.folder = Path(folder) if folder else data_folder() / "derived" / name
        self.cluster = Cluster(self.settings.elasticsearch)
        self.names = Names(self.settings.elasticsearch.prefix, name)
        self._lock = threading.RLock()
        try:
            self.cluster.check()
            self._head = open_index(self.cluster, self.names, create=create)
        except BaseException:
            self.cluster.close()
            raise
        self._folders = IndexFolders(self.folder)
        vectors = ClusterVectors(self.cluster, self.names.alias, lambda: self._head)
        self._views = GenerationCaches(
            self.cluster, self.names.alias, vectors, self._folders, self.settings
        )

    def close(self) -> None:
        """Close the connections; the store cannot be used afterwards."""
        self._views.clear()
        self._folders.close()
        self.cluster.close()

    # -- Haystack's DocumentStore protocol

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for Haystack's serialization; secrets are left out."""
        secrets = {"elasticsearch": {"username", "password", "api_key"}}
        return default_to_dict(
            self,
            name=self._name,
            settings=self.settings.model_dump(mode="json", exclude=secrets),
            title_weight=self.title_weight,
            folder=str(self.folder),
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ElasticsearchStore":
        """Return the store that `to_dict` described, without password."""
        settings = data["init_parameters"].get("settings")
        if isinstance(settings, dict):
            data["init_parameters"]["settings"] = StoreConfig(**settings)
        return default_from_dict(cls, data)

    def count_documents(self) -> int:
        """Return the number of passages."""
        return count(self.cluster, self.names.alias, visible(PASSAGE, self.generation))

    def filter_documents(self, filters: Filter | None = None) -> list[Document]:
        """Return all passages that match, oldest first, with their vectors."""
        generation = self.generation
        query = visible(PASSAGE, generation, *self._views.conditions(filters, generation))
        rows = scan(self.cluster, self.names.alias, query)
        return [passage_of(row, embedding=True) for row in rows]

    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write passages, publish them, return how many; see `rag.stores.contract.Store`."""
        return write_passages(self, documents, policy)

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete passages by id and publish the change; unknown ids are ignored."""
        delete_passages(self, document_ids)

    def delete_all_documents(self) -> None:
        """Delete every passage and document."""
        delete_everything(self)

    def delete_by_filter(self, filters: Filter) -> int:
        """Delete the passages that match; return how many."""
        return delete_matching(self, filters)

    def update_by_filter(self, filters: Filter, meta: dict[str, Any]) -> int:
        """Set fields in the meta of the passages that match; return how many."""
        return update_matching(self, filters, meta)

    # -- retrieval

    def bm25_retrieval(
        self,
        query: str,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the best bm25 score; see `rag.stores.contract.Store`."""
        if not query_terms(query):
            return RetrievedPassages()

        def search(searcher: Searcher, generation: int) -> ServerRanking:
            return searcher.bm25(query, top_k, title_weight=self.title_weight)

        return self._retrieve(search, top_k, filters, generation)

    def dense_retrieval(
        self,
        embedding: Sequence[float] | Vectors,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the largest inner product; see `rag.stores.contract.Store`."""
        vector = as_vector(embedding, "the query's vector")
        vector = vector / max(float(np.linalg.norm(vector)), 1e-12)

        def search(searcher: Searcher, generation: int) -> ServerRanking:
            head = self._head
            if not head.dimension or not vector.any():
                return ServerRanking()
            if len(vector) != head.dimension:
                raise ValueError(
                    f"the query's vector has {len(vector)} dimensions, the collection "
                    f"{head.dimension}"
                )
            if self.settings.elasticsearch.dense == "faiss":
                hits = self._views.search_beside(vector, top_k, filters, generation)
                return searcher.fetch(hits)
            require_graph(self._name, head)
            return searcher.graph(vector, top_k)

        return self._retrieve(search, top_k, filters, generation)

    def filter_facts(self, filters: Filter, generation: int | None = None) -> FilterFacts:
        """Return the fields of a filter that no passage has, and values of another type."""
        wanted = self.generation if generation is None else generation
        return self._views.facts(filters, wanted)

    def document_frequencies(self, words: Sequence[str]) -> tuple[list[int], int]:
        """Return the document frequency of each token, and the number of passages."""
        shown = visible(PASSAGE, self.generation)
        queries: list[Query] = [{"term": {"text": word}} for word in words]
        return count_each(self.cluster, self.names.alias, shown, queries)

    def count_copies(
        self,
        passages: Sequence[Document],
        *,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> list[int]:
        """Return how many others read the same; see `rag.stores.contract.Store`."""
        wanted = self.generation if generation is None else generation
        among = visible(PASSAGE, wanted, *self._views.conditions(filters, wanted))
        return copies(self.cluster, self.names.alias, among, passages)

    def _retrieve(
        self,
        search: Callable[[Searcher, int], ServerRanking],
        top_k: int,
        filters: Filter | None,
        generation: int | None,
    ) -> RetrievedPassages:
        if not 1 <= top_k <= LARGEST_TOP_K:
            raise ValueError(f"top_k: expected at least 1, at most {LARGEST_TOP_K} (got {top_k})")
        for attempt in range(ATTEMPTS):
            try:
                wanted = self.generation if generation is None else generation
                return self._retrieve_once(search, filters, wanted)
            except StaleError:
                if generation is not None or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _retrieve_once(
        self, search: Callable[[Searcher, int], ServerRanking], filters: Filter | None, wanted: int
    ) -> RetrievedPassages:
        conditions = self._views.conditions(filters, wanted)
        query = conditions[0] if conditions else None
        searcher = Searcher(self.cluster, self.names.alias, self.settings, wanted, query)
        self._bring_up_to_date()
        try:
            ranking = search(searcher, wanted)
        except (StoreError, ValueError):  # perhaps of another index than expected
            self._refuse_stale(wanted)
            raise
        self._refuse_stale(wanted)
        found = [
            replace(passage_of(ranking.rows[number]), score=score)
            for number, score in ranking.hits
            if number in ranking.rows
        ]
        return RetrievedPassages(found, ranking.note, ranking.read_as)

    def _bring_up_to_date(self) -> None:
        with self._lock:
            if is_outdated(self._name, self._head):
                self._reopen()  # another process may have done it meanwhile
                way = self.settings.elasticsearch.dense
                bring_up_to_date(self._name, self._head, dense=way, rebuild=self.rebuild)

    def _refuse_stale(self, wanted: int) -> None:
        """Refuse a generation whose rows a writer may delete: older than the last but one."""
        if not -KEPT_GENERATIONS < wanted - self.generation <= 0:
            raise StaleError(f"generation {wanted} is gone; ask again.")

    # -- the collection

    @property
    def name(self) -> str:
        """The collection's name."""
        return self._name

    @property
    def generation(self) -> int:
        """Number of the published generation; 0 before the first."""
        return self._state().generation

    def _state(self) -> State:
        """Return the state; read the index's metadata again if the index has changed."""
        state = read_state(self.cluster, self.names.alias)
        if state.generation and (state.index, state.owner) != (self._head.index, self._head.owner):
            self._reopen()
        elif not self._head.dimension and state.generation:
            self._reopen()  # the first vectors came after the last look
        return state

    def _reopen(self) -> None:
        with self._lock:
            self._head = open_index(self.cluster, self.names, create=False)

    @property
    def manifest(self) -> Manifest | None:
        """Settings with which the collection was made; None before the first document."""
        self._reopen()
        return self._head.manifest

    def passages_by_id(
        self, passage_ids: Sequence[str], generation: int | None = None
    ) -> list[Document]:
        """Return the passages with some ids; see `rag.stores.contract.Store`."""
        wanted = self.generation if generation is None else generation
        return passages_named(self.cluster, self.names.alias, passage_ids, wanted)

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document; StoreError if there is none."""
        text = document_text(self.cluster, self.names.alias, document_id, self.generation)
        if text is None:
            raise StoreError(f"there is no document `{document_id}` in `{self._name}`.")
        return text

    def documents(self, *, pending: bool = False) -> Iterator[DocumentInfo]:
        """Yield every document, in the order they were added; see `rag.stores.contract.Store`."""
        return list_documents(self.cluster, self.names.alias, self.generation + pending)

    def failures(self) -> list[Failure]:
        """Return the failures of indexing, in the order of their sources."""
        return list_failures(self.cluster, self.names.alias)

    def size(self) -> int:
        """Return the size of the collection in bytes, on the cluster and here for FAISS."""
        here = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        return here + index_bytes(self.cluster, self.names.alias)

    @contextmanager
    def writer(self) -> Iterator[ElasticWriter]:
        """Hold the collection's only writer for a block.

        Committed but unpublished changes are durable; the next writer publishes them.

        Raises:
            LockedError: If another process is writing.
        """
        with ElasticWriter(
            self.cluster,
            self.names,
            rebuild=rebuild_index,
            before_publishing=self._before_publishing,
        ) as writer:
            yield writer

    def _before_publishing(self, generation: int) -> None:
        self._reopen()
        if self.settings.elasticsearch.dense == "faiss":
            self._views.update(generation)

    def check(self) -> list[str]:
        """Return the problems of the collection, one line each; empty if it is sound."""
        self._reopen()
        problems = find_problems(self.cluster, self.names, self._head, self.generation)
        return [*problems, *self._views.dense.check()]

    def rebuild(self) -> None:
        """Rebuild the index from its stored data, with the current settings."""
        with self.writer() as writer:
            writer.rebuild()
        self._renew_indexes()

    def reembed(
        self, manifest: Manifest, embed: Embed, *, told: Told = lambda done, total: None
    ) -> int:
        """Re-embed every passage in a new generation; see `rag.stores.contract.Store`."""
        with self.writer() as writer:
            made = self.manifest if writer.publish() else None
            check_reembedding(self._name, made, manifest)
            if made == manifest:
                return self.generation
            writer.rebuild(NewEmbedding(manifest, embed, told))
        self._renew_indexes()
        return self.generation

    def _renew_indexes(self) -> None:
        self._views.drop_indexes()
        if self.settings.elasticsearch.dense == "faiss" and self.generation:
            self._before_publishing(self.generation)
