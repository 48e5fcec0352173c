"""Collections and their documents, as visible to one owner.

A collection made by the command line, or made here for everybody, is shared; a private one is
visible to its owner only. The owner is the first argument of every function, and other owners'
collections appear not to exist.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.collections import (
    ALL_COLLECTIONS,
    changed_at,
    check_name,
    delete_collection,
    list_collections,
    open_store,
)
from rag.config import Config
from rag.errors import CollectionError, RagError, StoreError
from rag.retrieval.passages import as_passage
from rag.schema import Passage
from rag.stores.contract import DocumentInfo, Failure, Store
from ui.services.database import PeopleDatabase
from ui.services.engines import Engines
from ui.services.errors import NotFoundError
from ui.services.owners import SHARED


@dataclass(frozen=True)
class CollectionInfo:
    """A collection in a list.

    Attributes:
        name: Name of the collection.
        owner: Owner of a private collection; "" if it is shared.
        documents: Number of documents.
        passages: Number of passages.
        failures: Number of files that could not be indexed.
        generation: Generation of the index; 0 if nothing was ever published.
        embedder: Name of the embedder it was made with, or None before the first document.
        bytes: Size in its store, or None if it cannot be opened.
        updated: Time of its last change in seconds since the epoch, or None.
        problem: Reason why it cannot be asked, fit to be shown; None if it can.
    """

    name: str
    owner: str
    documents: int = 0
    passages: int = 0
    failures: int = 0
    generation: int = 0
    embedder: str | None = None
    bytes: int | None = None
    updated: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class DocumentRow:
    """A document in a list; `kind` is the suffix without its dot."""

    document_id: str
    source: str
    title: str
    kind: str
    passages: int
    uploaded: bool
    path: str | None


class Library:
    """The collections of this installation.

    Args:
        config: The configuration.
        home: The data folder, which also holds uploaded files.
        database: Database of private collections and their owners.
        engines: Engines, which release deleted collections.
    """

    def __init__(
        self, config: Config, home: Path, database: PeopleDatabase, engines: Engines
    ) -> None:
        self._config, self._database, self._engines = config, database, engines
        self.uploads = home / "uploads"

    # -- collections

    def names(self, owner: str) -> list[str]:
        """Return the sorted names of the collections that an owner may use."""
        owners = self._owners()
        return [
            name
            for name in list_collections(self._config)
            if owners.get(name, SHARED) in (SHARED, owner)
        ]

    def collections(self, owner: str) -> list[CollectionInfo]:
        """Return the collections that an owner may use, sorted by name, damaged ones included."""
        owners = self._owners()
        return [self._info(name, owners.get(name, SHARED)) for name in self.names(owner)]

    def collection(self, owner: str, name: str) -> CollectionInfo:
        """Return the facts of a collection; a damaged one has a `problem`.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self.check(owner, name)
        return self._info(name, self._owners().get(name, SHARED))

    def check(self, owner: str, name: str) -> None:
        """Check that a collection exists and that an owner may use it.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner, in the same words.
        """
        if name not in self.names(owner):
            raise NotFoundError(f"there is no collection `{name[:80]}`.")

    def chosen(self, owner: str, names: Sequence[str] | Literal["all"]) -> list[str]:
        """Return collections by their names, or all that an owner may use.

        Raises:
            NotFoundError: If one does not exist or belongs to another owner, or there is none.
        """
        if names == ALL_COLLECTIONS:
            names = self.names(owner)
            if not names:
                raise NotFoundError("there is no collection yet.")
        for name in names:
            self.check(owner, name)
        return list(dict.fromkeys(names))

    def create(self, owner: str, name: str, *, private: bool = False) -> None:
        """Make an empty collection.

        Raises:
            CollectionError: If the name is invalid, or taken (by any owner).
        """
        check_name(name)
        if name in list_collections(self._config) or name in self._owners():
            raise CollectionError(f"the name `{name}` is taken. Choose another one.")
        if private:  # first, so that nobody sees it in between
            self._database.rows("INSERT INTO collections VALUES (?, ?)", name, owner)
        try:
            open_store(name, self._config, create=True).close()
        except BaseException:
            if private:
                self._database.rows("DELETE FROM collections WHERE name = ?", name)
            raise

    def delete(self, owner: str, name: str) -> None:
        """Delete a collection, and the files that were uploaded to it.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
            LockedError: If it is being indexed.
        """
        self.check(owner, name)
        self._engines.drop(name)
        delete_collection(name, self._config)
        shutil.rmtree(self.uploads / name, ignore_errors=True)
        if name in self._owners():
            self._database.rows("DELETE FROM collections WHERE name = ?", name)

    # -- documents

    def documents(self, owner: str, name: str) -> list[DocumentRow]:
        """Return the documents of a collection, in the order they were added.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        with self._store(owner, name) as store:
            return [self._row(info, name) for info in store.documents()]

    def failures(self, owner: str, name: str) -> list[Failure]:
        """Return the files that could not be indexed.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        with self._store(owner, name) as store:
            return store.failures()

    def text(self, owner: str, name: str, document_id: str) -> str:
        """Return the stored text of a document, the base of citation offsets.

        Raises:
            NotFoundError: If it or the collection does not exist or belongs to another owner.
        """
        with self._store(owner, name) as store:
            return _text(store, document_id)

    def passages(self, owner: str, name: str, document_id: str) -> list[Passage]:
        """Return the passages of a document in their order.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        wanted = {"field": "passage.document_id", "operator": "==", "value": document_id}
        with self._store(owner, name) as store:
            found = store.filter_documents(wanted)
        found.sort(key=lambda passage: (passage.meta.get("number", 0), passage.id))
        return [as_passage(rank, passage) for rank, passage in enumerate(found, start=1)]

    def passage(self, owner: str, name: str, passage_id: str) -> Passage:
        """Return one passage.

        Raises:
            NotFoundError: If it or the collection does not exist or belongs to another owner.
        """
        wanted = {"field": "id", "operator": "==", "value": passage_id}
        with self._store(owner, name) as store:
            found = store.filter_documents(wanted)
        if not found:
            raise NotFoundError(f"there is no passage `{passage_id[:80]}`.")
        return as_passage(1, found[0])

    def neighbours(
        self, owner: str, name: str, passage: Passage
    ) -> tuple[Passage | None, Passage | None]:
        """Return the neighbours of a passage in its document.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        around = self.passages(owner, name, passage.document_id)
        places = [place for place, each in enumerate(around)
                  if each.passage_id == passage.passage_id]  # fmt: skip
        if not places:
            return None, None
        before = around[places[0] - 1] if places[0] else None
        return before, next(iter(around[places[0] + 1 :]), None)

    def file(self, owner: str, name: str, document_id: str) -> Path | None:
        """Return the source file of a document, if it still exists unchanged.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        from rag.files import sha256_of

        with self._store(owner, name) as store:
            found = [info for info in store.documents() if info.document_id == document_id]
        if not found or found[0].path is None:
            return None
        path = Path(found[0].path)
        try:
            return path if sha256_of(path) == found[0].sha256 else None
        except OSError:
            return None

    def remove(self, owner: str, name: str, document_ids: Sequence[str]) -> None:
        """Remove documents from a collection, with uploaded files; other files are kept.

        Raises:
            NotFoundError: If the collection or a document does not exist or belongs to another
                owner; nothing is removed then.
            LockedError: If the collection is being indexed.
        """
        with self._store(owner, name) as store:
            held = {info.document_id: info for info in store.documents()}
            for document_id in document_ids:
                if document_id not in held:
                    raise NotFoundError(f"there is no document `{document_id[:80]}`.")
            with store.writer() as writer:
                writer.remove(list(document_ids))
                writer.publish()
            left = {info.path for info in store.documents()}
        for document_id in document_ids:
            path = held[document_id].path
            if path is not None and path not in left and self.is_upload(name, path):
                Path(path).unlink(missing_ok=True)

    def forget(self, owner: str, name: str, paths: Sequence[str]) -> None:
        """Remove files from the list of failures; uploaded ones are deleted.

        A file with documents in the collection is kept.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner, or a path
                is not listed.
            LockedError: If the collection is being indexed.
        """
        with self._store(owner, name) as store:
            listed = {each.path for each in store.failures()}
            unknown = [path for path in paths if path not in listed]
            if unknown:
                raise NotFoundError(f"there is no file `{unknown[0][:80]}` in the collection.")
            held = {info.path for info in store.documents()}
            with store.writer() as writer:
                writer.fail([], list(paths))
                writer.publish()
        for path in paths:
            if path not in held and self.is_upload(name, path):
                Path(path).unlink(missing_ok=True)

    def uploaded(self, name: str) -> list[Path]:
        """Return all files uploaded to a collection, indexed or not."""
        folder = (self.uploads / name).absolute()
        found = folder.iterdir() if folder.is_dir() else ()
        return [path for path in found if path.is_file() and not path.name.startswith(".")]

    def is_upload(self, name: str, path: str | None) -> bool:
        """Return whether a path is an uploaded file of a collection."""
        return path is not None and Path(path).is_relative_to((self.uploads / name).absolute())

    def embedder_problem(self, store: Store, name: str) -> str | None:
        """Return why the configured embedder does not fit a collection; None if it does."""
        from rag.retrieval.question_checks import check_embedder

        try:
            check_embedder(store, self._engines.embedder_of(store), name)
        except RagError as error:
            return str(error)
        return None

    # -- inside

    def _owners(self) -> dict[str, str]:
        return dict(self._database.rows("SELECT name, owner FROM collections"))

    @contextmanager
    def _store(self, owner: str, name: str) -> Iterator[Store]:
        self.check(owner, name)
        store = open_store(name, self._config)
        try:
            yield store
        finally:
            store.close()

    def _info(self, name: str, owner: str) -> CollectionInfo:
        updated = changed_at(name, self._config)
        try:
            store = open_store(name, self._config)
        except StoreError as error:
            return CollectionInfo(name, owner, problem=str(error), updated=updated)
        try:
            manifest = store.manifest
            return CollectionInfo(
                name,
                owner,
                documents=sum(1 for _ in store.documents()),
                passages=store.count_documents(),
                failures=len(store.failures()),
                generation=store.generation,
                embedder=manifest.embedder if manifest else None,
                bytes=store.size(),
                updated=updated,
                problem=self.embedder_problem(store, name),
            )
        except StoreError as error:
            return CollectionInfo(name, owner, problem=str(error), updated=updated)
        finally:
            store.close()

    def _row(self, info: DocumentInfo, name: str) -> DocumentRow:
        file = info.source.partition("#")[0]
        return DocumentRow(
            info.document_id,
            info.source,
            info.title,
            Path(file).suffix.lower().removeprefix("."),
            info.passages,
            self.is_upload(name, info.path),
            info.path,
        )


def _text(store: Store, document_id: str) -> str:
    try:
        return store.text_of(document_id)
    except StoreError:
        raise NotFoundError(f"there is no document `{document_id[:80]}`.") from None
