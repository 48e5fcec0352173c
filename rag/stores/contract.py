"""The contract of a store, independent of its engine.

A store holds one collection: documents (files or records), passages (Haystack `Document`s with
`document_id`, `source`, `title`, `heading`, `page`, `number`, `start` and `end` in their meta) and
failures. Rules for every store, checked by one test suite:

- Writing is by id: the same id replaces; the outcome is known per id.
- Changes become visible together, when a generation is published; a reader sees one generation.
- Filters are exact and applied before ranking: `top_k` passages are returned if as many match.
- bm25 uses k1 = 1.2 and b = 0.75 over the tokens of `rag.language.analysis`, with the phrases of
  `rag.language.bm25_query` and the corrections of `rag.language.typos`; dense is the inner product
  of unit vectors. Scores are higher-is-better, order is by score and then by age.
- A manifest records the settings of the collection; settings that differ are refused by name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from rag.stores.fields import FilterFacts
from rag.stores.filters import Filter

Vectors = npt.NDArray[np.float32]

Embed = Callable[[Sequence[Document]], Vectors]
"""Returns the vectors of some passages: float32 of shape (n, dimension), in their order."""

Told = Callable[[int, int], None]
"""Called with the number of passages done and the number of all passages."""

SCHEMA = 1  # version of the stored data; readers refuse a newer one


@dataclass(frozen=True)
class StoredDocument:
    """A document as it was read; offsets of passages refer to its text.

    `path` is the absolute path it was read from, or None; `sha256` is the hash of the whole file.
    """

    document_id: str
    source: str
    title: str
    text: str
    sha256: str
    path: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentInfo:
    """Entry of a document in a list."""

    document_id: str
    source: str
    title: str
    sha256: str
    path: str | None
    passages: int


@dataclass(frozen=True)
class Failure:
    """A file, or a part of one, that could not be indexed."""

    source: str
    stage: str
    reason: str
    path: str | None = None


@dataclass(frozen=True)
class Manifest:
    """Settings with which a collection was made; all must match before anything is added.

    Attributes:
        schema: Version of the layout on disk.
        analyzer: Version of the bm25 tokens.
        embedder: Name of the embedder.
        embedder_sha256: Hash of the embedder's files.
        dimension: Length of its vectors.
        length: Maximum number of tokens in a passage.
        overlap: Tokens shared by neighbouring passages.
        context: Whether title and heading path were embedded with the text.
    """

    schema: int
    analyzer: str
    embedder: str
    embedder_sha256: str
    dimension: int
    length: int
    overlap: int
    context: bool


@dataclass(frozen=True)
class RefusedDocument:
    """A document that the store refused, and why; its old version is kept."""

    document_id: str
    reason: str


class RetrievedPassages(list[Document]):
    """Passages, best first, with notes.

    Args:
        documents: The passages.
        note: Why there may be better ones: a part of the store did not answer; None if all did.
        read_as: Words of the query that were read as others; None if none were.
    """

    def __init__(
        self,
        documents: Iterable[Document] = (),
        note: str | None = None,
        read_as: str | None = None,
    ) -> None:
        super().__init__(documents)
        self.note, self.read_as = note, read_as

    @property
    def notes(self) -> str | None:
        """Both notes as one, or None."""
        return "; ".join(filter(None, (self.read_as, self.note))) or None

    def best(self, top_k: int) -> "RetrievedPassages":
        """Return the first `top_k` passages, with the notes."""
        return RetrievedPassages(self[:top_k], self.note, self.read_as)


class Writer(Protocol):
    """Changes to a collection that become visible together."""

    @property
    def recovered(self) -> int:
        """Number of documents that an interrupted run had committed but not published."""

    def use(self, manifest: Manifest) -> None:
        """Set the settings of the collection, or check that they match.

        Raises:
            MismatchError: If the collection was made with other settings; names the setting.
        """

    def replace(self, document: StoredDocument, passages: Sequence[Document]) -> None:
        """Replace the document with this id, and its passages."""

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents and their passages."""

    def remove_path(self, path: str) -> None:
        """Remove the documents that were read from a path."""

    def fail(self, failures: Sequence[Failure], paths: Sequence[str]) -> None:
        """List the failures of some paths, replacing earlier ones."""

    def write(self, passages: Sequence[Document], policy: DuplicatePolicy) -> int:
        """Write individual passages by id; return how many were written."""

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Delete passages by id."""

    def clear(self) -> None:
        """Delete every document and passage."""

    def commit(self) -> Sequence[RefusedDocument]:
        """Make all changes so far durable, though not yet visible; return refused documents."""

    def publish(self) -> int:
        """Make all changes visible at once; return the new generation."""


class Store(Protocol):
    """One collection: Haystack's `DocumentStore` protocol, retrieval and generations."""

    @property
    def name(self) -> str:
        """The collection's name."""

    @property
    def manifest(self) -> Manifest | None:
        """Settings with which the collection was made; None before the first document."""

    @property
    def generation(self) -> int:
        """Number of the published generation; 0 before the first."""

    def bm25_retrieval(
        self,
        query: str,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the best bm25 score, best first.

        Args:
            query: Any text; see `rag.language.bm25_query`.
            top_k: Maximum number of passages, at least 1.
            filters: Only passages that match.
            generation: The generation to read; None is the published one.

        Raises:
            StaleError: If that generation is gone.
            FilterError: If the filter is malformed.
            UnavailableError: If the store does not answer in time.
        """

    def dense_retrieval(
        self,
        embedding: Sequence[float] | Vectors,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the largest inner product of unit vectors, best first.

        Args:
            embedding: The query's vector; it is normalised to length 1.
            top_k: Maximum number of passages, at least 1.
            filters: Only passages that match; the result is then complete.
            generation: The generation to read; None is the published one.

        Raises:
            ValueError: If the vector has another length than the collection's, NaN or infinity.
            StaleError: If that generation is gone.
            FilterError: If the filter is malformed.
            UnavailableError: If the store does not answer in time.
        """

    def filter_facts(self, filters: Filter, generation: int | None = None) -> FilterFacts:
        """Return the fields of a filter that no passage has, and values of another type.

        Raises:
            haystack.errors.FilterError: If the filter does not follow the syntax.
        """

    def document_frequencies(self, words: Sequence[str]) -> tuple[list[int], int]:
        """Return the document frequency of each token, and the number of passages."""

    def count_copies(
        self,
        passages: Sequence[Document],
        *,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> list[int]:
        """Return how many other passages that match read the same as each of some passages."""

    def passages_by_id(
        self, passage_ids: Sequence[str], generation: int | None = None
    ) -> list[Document]:
        """Return the passages with some ids, in their order; those that do not exist are left out.

        Raises:
            UnavailableError: If the store does not answer in time.
        """

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document.

        Raises:
            StoreError: If there is none.
        """

    def documents(self, *, pending: bool = False) -> Iterator[DocumentInfo]:
        """Yield every document, in the order they were added.

        With `pending`, as if the committed changes were published.
        """

    def failures(self) -> list[Failure]:
        """Return the files, or parts of files, that could not be indexed."""

    def writer(self) -> AbstractContextManager[Writer]:
        """Return the only writer.

        Raises:
            LockedError: If another process is writing; try again later.
        """

    def size(self) -> int:
        """Return the size of the collection in bytes."""

    def check(self) -> list[str]:
        """Return the problems of the collection, one line each; empty if it is sound."""

    def rebuild(self) -> None:
        """Rebuild the indexes from the stored data; nothing is embedded again."""

    def reembed(
        self, manifest: Manifest, embed: Embed, *, told: Told = lambda done, total: None
    ) -> int:
        """Re-embed every passage in a new generation; return its number.

        Passages, their order, documents and failures stay. Readers see the old vectors until the
        generation is published; a killed run leaves the collection as it was.

        Args:
            manifest: The collection's manifest, with the new embedder.
            embed: Returns the vectors; passages that had none get none.
            told: Called with the progress.

        Raises:
            StoreError: If there is nothing to embed, or no space; run it again then.
            MismatchError: If the manifest differs in more than the embedder.
            ValueError: If a vector's length differs from the manifest's, or it has NaN or infinity.
        """

    def close(self) -> None:
        """Release files and connections; the store cannot be used afterwards."""

    def count_documents(self) -> int:
        """Return the number of passages."""

    def filter_documents(self, filters: Filter | None = None) -> list[Document]:
        """Return all passages that match, oldest first."""

    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write passages and publish them together; return how many were written.

        Args:
            documents: Passages, with or without vectors.
            policy: Treatment of ids that exist; NONE means FAIL.

        Raises:
            ValueError: If it is not a list of `Document`, or a vector has the wrong length, NaN or
                infinity; nothing is written then.
            DuplicateDocumentError: If an id exists and the policy is FAIL; nothing is written then.
        """

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete passages by id and publish the change; unknown ids are ignored."""


class Catalog(Protocol):
    """The collections of one kind of store: listed, opened, deleted.

    Attributes:
        place: Description of their place.
    """

    place: str

    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""

    def holds(self, name: str) -> bool:
        """Return whether there is a collection of this name, finished or not."""

    def identity_of(self, name: str) -> str:
        """Return an identity that changes when a collection is deleted and created again.

        Raises:
            OSError: If it does not exist.
        """

    def changed_at(self, name: str) -> float | None:
        """Return when a collection last changed, in seconds since the epoch; None if unknown."""

    def open(self, name: str, *, create: bool) -> Store:
        """Return the store of a collection."""

    def open_scratch(self, name: str) -> Store:
        """Return a store outside the list of collections, created if it does not exist."""

    def delete(self, name: str) -> bool:
        """Delete a collection; return whether there was one.

        Raises:
            LockedError: If another process is writing to it.
            StoreError: If it cannot be deleted.
        """
