"""The contract of a store, whatever engine is behind it.

A store holds one collection: documents (what the user gave), passages (Haystack `Document`s with
`document_id`, `source`, `title`, `heading`, `page`, `number`, `start` and `end` in their meta) and
failures. Rules that every store follows, and one test suite checks:

- Writing is by id: the same id replaces; the outcome is known per id.
- Changes become visible together, when a generation is published; a reader sees one generation.
- Filters are exact and applied before ranking: `top_k` passages come back if as many match.
- bm25 uses k1 = 1.2 and b = 0.75 over the tokens of `rag.language.analysis`; dense is the inner
  product of unit vectors. Scores are higher-is-better, order is by score and then by age.
- A manifest says what the collection was made with, and refuses what does not fit, by name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from rag.stores.filters import Filter

Vectors = npt.NDArray[np.float32]

Embed = Callable[[Sequence[Document]], Vectors]
"""Gives the vectors of some passages: float32 of shape (n, dimension), in their order."""

Told = Callable[[int, int], None]
"""Told the passages done, and the passages in all."""

SCHEMA = 1  # version of what is stored; readers refuse a newer one

# What a passage's meta says of its place; no field of a record may be called so.
STRUCTURE = ("document_id", "number", "source", "title", "heading", "page", "start", "end")


@dataclass(frozen=True)
class StoredDocument:
    """A document as it was read: its text is what `start` and `end` of passages count in.

    `path` is the absolute path it was read from, or None; `sha256` is that of the whole file.
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
    """What a list of documents shows of one."""

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
    """What a collection was made with; all of it must fit before anything is added.

    Attributes:
        schema: Version of the layout on disk.
        analyzer: Version of the bm25 tokens.
        embedder: Name of the embedder.
        embedder_sha256: Hash of its files.
        dimension: Length of its vectors.
        length: Most tokens in a passage.
        overlap: Tokens shared by neighbours.
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
    """A document that the store did not take, and why; what was there before it is kept."""

    document_id: str
    reason: str


class RetrievedPassages(list[Document]):
    """Passages, best first, and what has to be said about them.

    Args:
        documents: The passages.
        note: Why there may be better ones: a part of the store did not answer; None if it did.
    """

    def __init__(self, documents: Iterable[Document] = (), note: str | None = None) -> None:
        super().__init__(documents)
        self.note = note

    def best(self, top_k: int) -> "RetrievedPassages":
        """Return the first ones, with the note."""
        return RetrievedPassages(self[:top_k], self.note)


class Writer(Protocol):
    """Changes to a collection that become visible together."""

    @property
    def recovered(self) -> int:
        """Documents that an interrupted run had committed and not published."""

    def use(self, manifest: Manifest) -> None:
        """Set what the collection is made with; refuse what does not fit."""

    def replace(self, document: StoredDocument, passages: Sequence[Document]) -> None:
        """Put a document and its passages in place of what has its id."""

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents and their passages."""

    def remove_path(self, path: str) -> None:
        """Remove the documents that were read from a path."""

    def fail(self, failures: Sequence[Failure], paths: Sequence[str]) -> None:
        """List the failures of some paths, in place of what was listed for them."""

    def write(self, passages: Sequence[Document], policy: DuplicatePolicy) -> int:
        """Write passages by themselves, by id; return how many were written."""

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Delete passages by id."""

    def clear(self) -> None:
        """Delete every document and passage."""

    def commit(self) -> Sequence[RefusedDocument]:
        """Make everything so far durable, though not yet visible; return what was refused."""

    def publish(self) -> int:
        """Make everything visible at once; return the new generation."""


class Store(Protocol):
    """One collection: Haystack's `DocumentStore` protocol, retrieval and generations."""

    @property
    def name(self) -> str:
        """The collection's name."""

    @property
    def manifest(self) -> Manifest | None:
        """What the collection was made with; None before the first document."""

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
        """Return the passages with the best bm25 score."""

    def dense_retrieval(
        self,
        embedding: Sequence[float] | Vectors,
        *,
        top_k: int,
        filters: Filter | None = None,
        generation: int | None = None,
    ) -> RetrievedPassages:
        """Return the passages with the largest inner product."""

    def document_frequencies(self, words: Sequence[str]) -> tuple[list[int], int]:
        """Return in how many passages each token stands, and the number of passages."""

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document."""

    def documents(self, *, pending: bool = False) -> Iterator[DocumentInfo]:
        """Yield every document, in the order they were added.

        With `pending` as they will be once what was committed is published.
        """

    def failures(self) -> list[Failure]:
        """Return what could not be indexed."""

    def writer(self) -> AbstractContextManager[Writer]:
        """Return the one writer; a second one is refused with `LockedError`."""

    def size(self) -> int:
        """Return how many bytes the collection takes."""

    def check(self) -> list[str]:
        """Return what is wrong with the collection, one line each; empty if it is sound."""

    def rebuild(self) -> None:
        """Build the indexes anew from what is stored; nothing is embedded again."""

    def reembed(
        self, manifest: Manifest, embed: Embed, *, told: Told = lambda done, total: None
    ) -> int:
        """Give every passage another vector, in a new generation; return that.

        All else stays: passages, their order, documents, failures. Until it is published whole,
        readers see the old vectors; killed before that, the collection is as it was.

        Args:
            manifest: The collection's, but for what it says of the embedder.
            embed: Gives the vectors; passages that had none get none.
            told: Told how far it is.

        Raises:
            StoreError: If there is nothing to embed, or no space; run it again then.
            MismatchError: If the manifest differs in more than the embedder.
            ValueError: If a vector has another length than the manifest says, NaN or infinity.
        """

    def close(self) -> None:
        """Let go of files and connections; the store cannot be used afterwards."""

    def count_documents(self) -> int:
        """Return the number of passages."""

    def filter_documents(self, filters: Filter | None = None) -> list[Document]:
        """Return all passages that match, oldest first."""

    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write passages and publish them; return how many were written."""

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete passages by id and publish that; unknown ids are ignored."""


class Catalog(Protocol):
    """The collections of one kind of store: listed, opened, deleted.

    Attributes:
        place: Where they are, in words.
    """

    place: str

    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""

    def holds(self, name: str) -> bool:
        """Tell if there is a collection of this name, finished or not."""

    def identity_of(self, name: str) -> str:
        """Return what changes when a collection is deleted and made again under the same name.

        Raises:
            OSError: If it does not exist.
        """

    def changed_at(self, name: str) -> float | None:
        """Return when a collection last changed, in seconds since the epoch; None if unknown."""

    def open(self, name: str, *, create: bool) -> Store:
        """Return the store of a collection."""

    def open_scratch(self, name: str) -> Store:
        """Return a store outside the list of collections, made if it does not exist."""

    def delete(self, name: str) -> bool:
        """Delete a collection; tell if there was one.

        Raises:
            LockedError: If somebody is writing to it.
            StoreError: If it cannot be deleted.
        """
