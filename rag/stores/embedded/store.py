"""The embedded store: a journal that holds all data, and two indexes derived from it.

A collection is one folder: `journal.db`, `bm25-GENERATION/` and `dense-GENERATION/`. The journal
alone decides what is visible; the derived folders are sealed with hashes, and rebuilt from the
journal whenever they are missing, stale or damaged.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from haystack.document_stores.types import DuplicatePolicy

from rag import files
from rag.config import StoreConfig
from rag.errors import StaleError, StoreError
from rag.files import Hits, Numbers
from rag.language.bm25_query import query_terms
from rag.language.typos import read_query
from rag.stores.contract import (
    DocumentInfo,
    Embed,
    Failure,
    Manifest,
    RetrievedPassages,
    Told,
    Vectors,
)
from rag.stores.copies import copy_key_of
from rag.stores.embedded.derived_indexes import DerivedIndexes
from rag.stores.embedded.filter_facts import facts_of
from rag.stores.embedded.journal import Journal
from rag.stores.embedded.writer import EmbeddedWriter
from rag.stores.fields import FilterFacts
from rag.stores.filters import Filter, check_filter
from rag.stores.haystack_protocol import (
    delete_everything,
    delete_matching,
    delete_passages,
    update_matching,
    write_passages,
)
from rag.stores.indexes.bm25 import Bm25Index
from rag.stores.indexes.faiss_index import FaissIndex
from rag.stores.validation import as_vector

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")

ATTEMPTS = 3  # to read one generation while others are published quickly
KEPT_GENERATIONS = 2
KEPT_FILTERS = 32


@dataclass
class _OpenGeneration:
    """One generation, opened for searching."""

    generation: int
    lexical: Bm25Index
    dense: FaissIndex | None
    allowed: OrderedDict[str, Numbers] = field(default_factory=OrderedDict)
    facts: OrderedDict[str, FilterFacts] = field(default_factory=OrderedDict)

    def frequencies(self, terms: Sequence[str]) -> list[int]:
        """Return how often each of some terms occurs in texts and titles."""
        lexical = self.lexical
        return [lexical.document_frequency(t) + lexical.title_frequency(t) for t in terms]

    def total(self) -> int:
        """Return the number of passages."""
        return len(self.lexical.numbers)


class EmbeddedStore:
    """A collection in one folder; a Haystack `DocumentStore` with bm25 and dense retrieval.

    Args:
        folder: The collection's folder.
        create: Whether to create a missing collection.
        settings: Search settings.
        title_weight: Weight of title and headings beside the text in bm25.

    Raises:
        StoreError: If the folder holds no collection and `create` is not set, or it is damaged.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        create: bool = True,
        settings: StoreConfig | None = None,
        title_weight: float = 0.3,
    ) -> None:
        self.folder = Path(folder)
        self.settings = settings or StoreConfig()
        self.title_weight = title_weight
        if create:
            files.make_folder(self.folder)
        self.journal = Journal(self.folder / "journal.db", create=create)
        self.derived = DerivedIndexes(self.folder, self.journal, self.settings)
        self._views: OrderedDict[int, _OpenGeneration] = OrderedDict()
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the files; the store cannot be used afterwards."""
        self._views.clear()
        self.derived.close()
        self.journal.close()

    # -- Haystack's DocumentStore protocol

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for Haystack's serialization."""
        return default_to_dict(
            self,
            folder=str(self.folder),
            settings=self.settings.model_dump(),
            title_weight=self.title_weight,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "EmbeddedStore":
        """Return the store that `to_dict` described."""
        settings = data["init_parameters"].get("settings")
        if isinstance(settings, dict):
            data["init_parameters"]["settings"] = StoreConfig(**settings)
        return default_from_dict(cls, data)

    def count_documents(self) -> int:
        """Return the number of passages."""
        return len(self.journal.numbers(self.generation))

    def filter_documents(self, filters: Filter | None = None) -> list[Document]:
        """Return all passages that match, oldest first, with their vectors."""
        numbers = self.journal.numbers(self.generation, filters)
        return self.journal.passages(numbers.tolist(), embeddings=True)

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
        notes: list[str | None] = []

        def search(view: _OpenGeneration, allowed: Numbers | None) -> Hits:
            read, note = read_query(query, view.frequencies, view.total)
            notes.append(note)
            return view.lexical.search(read, top_k, title_weight=self.title_weight, allowed=allowed)

        found = self._retrieve(search, top_k, filters, generation)
        return RetrievedPassages(found, read_as=notes[-1])

    def dense_retrieval(
        self,
        embedding: Sequence[float] | Vectors,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the largest inner product; see `rag.stores.contract.Store`.

        With filters the search is exact.
        """
        vector = as_vector(embedding, "the query's vector")
        vector = vector / max(float(np.linalg.norm(vector)), 1e-12)

        def search(view: _OpenGeneration, allowed: Numbers | None) -> Hits:
            dimension = view.dense.dimension if view.dense else self.journal.dimension
            if dimension and len(vector) != dimension:
                raise ValueError(
                    f"the query's vector has {len(vector)} dimensions, the collection {dimension}"
                )
            return view.dense.search(vector, top_k, allowed) if view.dense else []

        return self._retrieve(search, top_k, filters, generation)

    def filter_facts(self, filters: Filter, generation: int | None = None) -> FilterFacts:
        """Return the fields of a filter that no passage has, and values of another type.

        Args:
            filters: The filter.
            generation: The generation to read; None is the published one.

        Raises:
            StaleError: If that generation is gone.
            FilterError: If the filter is malformed.
        """
        check_filter(filters)
        view = self._view(generation)
        return self._kept(
            view.facts, filters, lambda: facts_of(self.journal, filters, view.generation)
        )

    def document_frequencies(self, words: Sequence[str]) -> tuple[list[int], int]:
        """Return the document frequency of each token, and the number of passages."""
        view = self._view(None)
        return [view.lexical.document_frequency(word) for word in words], len(view.lexical.numbers)

    def count_copies(
        self,
        passages: Sequence[Document],
        *,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> list[int]:
        """Return how many others read the same; see `rag.stores.contract.Store`."""
        view = self._view(generation)
        allowed, keys = self._allowed(view, filters), view.lexical.keys
        if allowed is not None:
            keys = keys[np.isin(view.lexical.numbers, allowed, assume_unique=True)]
        wanted = [copy_key_of(passage) for passage in passages]
        return [max(int(np.count_nonzero(keys == key)) - 1, 0) if key else 0 for key in wanted]

    def _retrieve(
        self,
        search: Callable[[_OpenGeneration, Numbers | None], Hits],
        top_k: int,
        filters: Filter | None,
        generation: int | None,
    ) -> RetrievedPassages:
        if top_k < 1:
            raise ValueError(f"top_k: expected at least 1 (got {top_k})")
        for _ in range(ATTEMPTS):
            try:
                return self._retrieve_once(search, filters, generation)
            except StaleError:
                if generation is not None:
                    raise
        return self._retrieve_once(search, filters, generation)

    def _retrieve_once(
        self,
        search: Callable[[_OpenGeneration, Numbers | None], Hits],
        filters: Filter | None,
        generation: int | None,
    ) -> RetrievedPassages:
        view = self._view(generation)
        hits = search(view, self._allowed(view, filters))
        documents = self.journal.passages([number for number, _ in hits])
        # A writer may delete rows that only generations before the last but one show.
        if len(documents) < len(hits) or view.generation + KEPT_GENERATIONS <= self.generation:
            raise StaleError(f"generation {view.generation} is gone; ask again.")
        return RetrievedPassages(
            replace(document, score=score)
            for document, (_, score) in zip(documents, hits, strict=True)
        )

    def _allowed(self, view: _OpenGeneration, filters: Filter | None) -> Numbers | None:
        if not filters:
            return None
        return self._kept(
            view.allowed, filters, lambda: self.journal.numbers(view.generation, filters)
        )

    def _kept(
        self, kept: OrderedDict[str, Kept], filters: Filter, make: Callable[[], Kept]
    ) -> Kept:
        """Return what belongs to a filter, computed only the first time."""
        key = repr(filters)
        with self._lock:
            if key not in kept:
                kept[key] = make()
                if len(kept) > KEPT_FILTERS:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return kept[key]

    def _view(self, generation: int | None) -> _OpenGeneration:
        wanted = self.generation if generation is None else generation
        with self._lock:
            if wanted not in self._views:
                if wanted != self.generation:
                    raise StaleError(f"generation {wanted} is gone; ask again.")
                lexical, dense = self.derived.load(wanted)
                self._views[wanted] = _OpenGeneration(wanted, lexical, dense)
                while len(self._views) > KEPT_GENERATIONS:
                    self._views.popitem(last=False)
            return self._views[wanted]

    # -- the collection

    @property
    def name(self) -> str:
        """The collection's name: its folder's."""
        return self.folder.name

    @property
    def generation(self) -> int:
        """Number of the published generation; 0 before the first."""
        return self.journal.generation

    @property
    def manifest(self) -> Manifest | None:
        """Settings with which the collection was made; None before the first document."""
        return self.journal.manifest

    def passages_by_id(
        self, passage_ids: Sequence[str], generation: int | None = None
    ) -> list[Document]:
        """Return the passages with some ids; see `rag.stores.contract.Store`."""
        wanted = self.generation if generation is None else generation
        return self.journal.passages_by_id(passage_ids, wanted)

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document; StoreError if there is none."""
        text = self.journal.text_of(document_id, self.generation)
        if text is None:
            raise StoreError(f"there is no document `{document_id}` in `{self.folder.name}`.")
        return text

    def documents(self, *, pending: bool = False) -> Iterator[DocumentInfo]:
        """Yield every document, in the order they were added.

        With `pending`, as if the committed changes were published.
        """
        yield from self.journal.documents(self.generation + pending)

    def size(self) -> int:
        """Return the size of the collection's folder in bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def failures(self) -> list[Failure]:
        """Return the files, or parts of files, that could not be indexed."""
        return self.journal.failures()

    @contextmanager
    def writer(self) -> Iterator[EmbeddedWriter]:
        """Hold the only writer for a block; the next one publishes what it leaves unpublished."""
        with EmbeddedWriter(self.folder, self.journal, self.derived) as writer:
            yield writer

    def check(self) -> list[str]:
        """Return the problems of the collection, one line each; empty if it is sound."""
        return self.derived.check(self.generation)

    def rebuild(self) -> None:
        """Rebuild the derived indexes from the journal, and release free space."""
        with self.writer():
            with self._lock:
                self._views.clear()
            self.derived.rebuild(self.generation)
            self.journal.rows("VACUUM")

    def reembed(
        self, manifest: Manifest, embed: Embed, *, told: Told = lambda done, total: None
    ) -> int:
        """Re-embed every passage; a killed run's finished vectors are kept for the next one."""
        with self.writer() as writer:
            return writer.reembed(manifest, embed, told)
