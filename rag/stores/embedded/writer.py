"""The only writer of an embedded store."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from rag import files
from rag.stores.contract import Embed, Failure, Manifest, RefusedDocument, StoredDocument, Told
from rag.stores.embedded import reembedding
from rag.stores.embedded.journal import Journal
from rag.stores.embedded.lock import hold
from rag.stores.validation import as_vector, check_manifest, check_reembedding

if TYPE_CHECKING:
    from rag.stores.embedded.derived_indexes import DerivedIndexes


class EmbeddedWriter:
    """Changes to a collection that become visible together; see `rag.stores.contract.Writer`.

    Changes are made in the generation after the published one. `commit` makes them durable, so
    that a run that is killed can resume; `publish` makes them visible.

    Attributes:
        generation: The generation being made.
        recovered: Number of documents that an interrupted run had committed but not published.
    """

    def __init__(self, folder: Path, journal: Journal, derived: "DerivedIndexes") -> None:
        self._folder, self._journal, self._derived = folder, journal, derived
        self._held = ExitStack()
        self._open = False
        self._outdated = False  # whether another analyser made the bm25 index
        self.generation = 0
        self.recovered = 0

    def __enter__(self) -> Self:
        """Take the lock."""
        with ExitStack() as held:
            held.enter_context(hold(self._folder))
            self._start()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock; uncommitted changes are undone."""
        try:
            if self._open:
                self._open = False
                self._journal.rollback()
        finally:
            self._held.close()

    def _start(self) -> None:
        for leftover in self._folder.glob("*.tmp"):
            files.remove(leftover)
        published = self._journal.generation
        self._journal.collect_garbage(before=published - 1)
        self.generation = published + 1
        if self._journal.has_next_manifest:  # complete, but killed just before it was published
            self.publish()
        self.recovered = self._journal.count_added(self.generation)

    def _begin(self) -> None:
        if not self._open:
            self._journal.database.begin()
            self._open = True

    # -- documents

    def use(self, manifest: Manifest) -> None:
        """Set the settings of the collection, or check that they match.

        Raises:
            MismatchError: If the collection was made with other settings; names the setting.
        """
        self._begin()
        made = self._journal.manifest
        if made is None:
            self._journal.set_manifest(manifest)
            self._check_dimension(manifest.dimension)
            return
        if made.analyzer != manifest.analyzer:  # bm25 is rebuilt from the journal
            self._outdated = True
        renewed = made.renewed(manifest)
        if (made.analyzer, made.floor) != (renewed.analyzer, renewed.floor):
            self._journal.set_manifest(renewed)
        check_manifest(self._folder.name, made, manifest)

    def replace(self, document: StoredDocument, passages: Sequence[Document]) -> None:
        """Replace the document with this id, and its passages."""
        self._begin()
        for passage in passages:
            self._check_vector(passage)
        self._journal.drop_documents([document.document_id], self.generation)
        row = self._journal.add_document(document, self.generation)
        for passage in passages:
            self._journal.drop_passage(passage.id, self.generation)
            self._journal.add_passage(passage, row, self.generation)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents and their passages."""
        self._begin()
        self._journal.drop_documents(document_ids, self.generation)

    def remove_path(self, path: str) -> None:
        """Remove the documents that were read from a path."""
        self._begin()
        self._journal.drop_documents(self._journal.document_ids(path), self.generation)

    def fail(self, failures: Sequence[Failure], paths: Sequence[str]) -> None:
        """List the failures of some paths, replacing earlier ones."""
        self._begin()
        self._journal.set_failures(failures, paths)

    # -- single passages

    def write(self, passages: Sequence[Document], policy: DuplicatePolicy) -> int:
        """Write passages by id; return how many were written."""
        self._begin()
        written = 0
        for passage in passages:
            self._check_vector(passage)
            exists, document = self._journal.find_passage(passage.id)
            if exists:
                if policy == DuplicatePolicy.SKIP:
                    continue
                if policy != DuplicatePolicy.OVERWRITE:
                    raise DuplicateDocumentError(f"the id '{passage.id}' exists already")
                self._journal.drop_passage(passage.id, self.generation)
            self._journal.add_passage(passage, document, self.generation)
            written += 1
        return written

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Delete passages by id."""
        self._begin()
        for passage_id in passage_ids:
            self._journal.drop_passage(passage_id, self.generation)

    def clear(self) -> None:
        """Delete every document and passage."""
        self._begin()
        self._journal.drop_all(self.generation)

    # -- durability

    def commit(self) -> Sequence[RefusedDocument]:
        """Make all changes so far durable, though not yet visible; none is ever refused."""
        if self._open:
            self._journal.rows("COMMIT")
            self._open = False
        return ()

    def publish(self) -> int:
        """Make all changes visible at once; return the generation that is then published.

        Without any change the published generation stays as it is.
        """
        self.commit()
        published = self.generation - 1
        if not (self._journal.has_changes(self.generation) or self._journal.has_next_manifest):
            if self._outdated:
                self._derived.update(published)
            return published
        self._derived.update(self.generation)
        with self._journal.transaction():
            self._journal.show_generation(self.generation)
        self._derived.tidy(self.generation)
        self.generation += 1
        return self.generation - 1

    def reembed(self, manifest: Manifest, embed: Embed, told: Told) -> int:
        """Re-embed every passage and publish the result; see `rag.stores.contract.Store`."""
        published = self.publish()
        made = self._journal.manifest if published else None
        check_reembedding(self._folder.name, made, manifest)
        if made == manifest:
            return published
        reembedding.embed_all(self._journal, published, manifest, embed, told)
        reembedding.take_over(self._journal, self.generation, manifest)
        return self.publish()

    def _check_vector(self, passage: Document) -> None:
        if passage.embedding is None:
            return
        vector = as_vector(passage.embedding, f"the vector of passage `{passage.id}`")
        self._check_dimension(len(vector), passage.id)

    def _check_dimension(self, dimension: int, passage_id: str | None = None) -> None:
        expected = self._journal.dimension
        if not expected:
            self._journal.set_state("dimension", str(dimension))
        elif dimension != expected:
            raise ValueError(
                f"the vector of passage `{passage_id}` has {dimension} dimensions, the collection "
                f"{expected}"
            )
