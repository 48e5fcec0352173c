"""The journal: one SQLite file per collection that holds the truth.

Documents, passages, vectors, failures and the manifest live here; everything else is derived. Rows
are never changed, only added and marked as removed, each with the generation in which that takes
effect; the published generation is one row, so that a reader sees all of a change or nothing.
"""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document
from haystack.dataclasses import ByteStream

from rag.errors import StoreError
from rag.stores.base import DocumentInfo, Failure, Manifest, StoredDocument
from rag.stores.filters import Filter, to_sql

SCHEMA = 1
ROWS_AT_ONCE = 500

_TABLES = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    d INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, path TEXT,
    source TEXT NOT NULL, title TEXT NOT NULL, sha256 TEXT NOT NULL, meta TEXT NOT NULL,
    text TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (document_id);
CREATE INDEX IF NOT EXISTS documents_added ON documents (added);
CREATE INDEX IF NOT EXISTS documents_removed ON documents (removed) WHERE removed IS NOT NULL;
CREATE TABLE IF NOT EXISTS passages (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, d INTEGER, content TEXT,
    meta TEXT NOT NULL, blob BLOB, added INTEGER NOT NULL, removed INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS passages_by_id ON passages (id) WHERE removed IS NULL;
CREATE INDEX IF NOT EXISTS passages_by_document ON passages (d);
CREATE INDEX IF NOT EXISTS passages_added ON passages (added);
CREATE INDEX IF NOT EXISTS passages_removed ON passages (removed) WHERE removed IS NOT NULL;
CREATE TABLE IF NOT EXISTS vectors (n INTEGER PRIMARY KEY, embedding BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    source TEXT NOT NULL, path TEXT, stage TEXT NOT NULL, reason TEXT NOT NULL);
"""
_VISIBLE = "{0}.added <= ? AND ({0}.removed IS NULL OR {0}.removed > ?)"


class Journal:
    """One connection to the journal of a collection; safe to share between threads.

    Args:
        path: The SQLite file; it is created if `create` is set.
        create: Whether a missing file is made, or refused.

    Raises:
        StoreError: If the file is missing, damaged, or of a newer layout.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not create and not path.is_file():
            raise StoreError(f"there is no journal at `{path}`.")
        self.path = path
        self.lock = threading.RLock()
        with self._explained():
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=30
            )
            for setting in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY"):
                self._db.execute(f"PRAGMA {setting}")
            self._db.executescript(_TABLES)
            for key, value in (("schema", str(SCHEMA)), ("owner", uuid.uuid4().hex)):
                self._db.execute("INSERT OR IGNORE INTO state VALUES (?, ?)", (key, value))
        if int(self.state("schema", str(SCHEMA))) > SCHEMA:
            raise StoreError(f"`{path}` was written by a newer version: update citewell to read it.")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the database's own errors into one line that says what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"`{self.path}` cannot be used: {error}. Check free space and permissions."
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"`{self.path}` is damaged: {error}. Restore it from a backup, or delete the "
                "collection (rag collections delete) and index again."
            ) from error

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        with self.lock, self._explained():
            cursor = self._db.cursor()
            try:
                yield cursor
            finally:
                cursor.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._cursor() as cursor:
            return cursor.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make a block of changes durable together, or not at all."""
        with self.lock:
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.rows("ROLLBACK")
                raise
            self.rows("COMMIT")

    # -- state

    def state(self, key: str, default: str) -> str:
        """Return a named value."""
        found = self.rows("SELECT value FROM state WHERE key = ?", (key,))
        return str(found[0][0]) if found else default

    def set_state(self, key: str, value: str) -> None:
        """Set a named value; part of the transaction around it."""
        self.rows("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    @property
    def generation(self) -> int:
        """Number of the published generation; 0 before the first."""
        return int(self.state("generation", "0"))

    @property
    def manifest(self) -> Manifest | None:
        """What the collection was made with; None before the first document."""
        text = self.state("manifest", "")
        return Manifest(**json.loads(text)) if text else None

    def set_manifest(self, manifest: Manifest) -> None:
        """Set the manifest; part of the transaction around it."""
        self.set_state("manifest", json.dumps(asdict(manifest)))

    # -- writing; all of it inside a transaction

    def add_document(self, document: StoredDocument, generation: int) -> int:
        """Add a document, and return its row."""
        values = (
            document.document_id,
            document.path,
            document.source,
            document.title,
            document.sha256,
            json.dumps(dict(document.meta)),
            document.text,
            generation,
        )
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO documents (document_id, path, source, title, sha256, meta, text, added)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return int(cursor.lastrowid or 0)

    def add_passage(self, passage: Document, row: int | None, generation: int) -> None:
        """Add a passage, with its vector if it has one, under a document's row."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO passages (id, d, content, meta, blob, added)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (passage.id, row, passage.content, *_pack(passage), generation),
            )
            if passage.embedding is not None:
                vector = np.asarray(passage.embedding, "<f4").tobytes()
                cursor.execute("INSERT INTO vectors VALUES (?, ?)", (cursor.lastrowid, vector))

    def drop_documents(self, document_ids: Iterable[str], generation: int) -> None:
        """Mark documents and their passages as removed; what was never visible goes at once."""
        for document_id in document_ids:
            found = self.rows(
                "SELECT d FROM documents WHERE document_id = ? AND removed IS NULL", (document_id,)
            )
            for (d,) in found:
                self._drop("passages", "d = ?", d, generation)
                self._drop("documents", "d = ?", d, generation)

    def document_ids(self, path: str) -> list[str]:
        """Return the ids of the documents read from a path, published or not."""
        rows = self.rows(
            "SELECT document_id FROM documents WHERE path = ? AND removed IS NULL", (path,)
        )
        return [str(row[0]) for row in rows]

    def drop_passage(self, passage_id: str, generation: int) -> None:
        """Mark a passage as removed; if it was never visible it goes at once."""
        self._drop("passages", "id = ?", passage_id, generation)

    def _drop(self, table: str, condition: str, value: object, generation: int) -> None:
        where = f"{condition} AND removed IS NULL"
        if table == "passages":
            pending = f"SELECT n FROM passages WHERE {where} AND added = ?"  # noqa: S608
            self.rows(f"DELETE FROM vectors WHERE n IN ({pending})", (value, generation))  # noqa: S608
        self.rows(f"DELETE FROM {table} WHERE {where} AND added = ?", (value, generation))  # noqa: S608
        self.rows(f"UPDATE {table} SET removed = ? WHERE {where}", (generation, value))  # noqa: S608

    def drop_all(self, generation: int) -> None:
        """Mark every document and passage as removed."""
        for table in ("passages", "documents"):
            self._drop(table, "1 = ?", 1, generation)

    def has_passage(self, passage_id: str) -> bool:
        """Tell if a passage of this id is there, published or not."""
        sql = "SELECT 1 FROM passages WHERE id = ? AND removed IS NULL"
        return bool(self.rows(sql, (passage_id,)))

    def has_changes(self, generation: int) -> bool:
        """Tell if anything was added or removed in a generation."""
        return any(
            self.rows(f"SELECT 1 FROM {table} WHERE added = ? OR removed = ? LIMIT 1",  # noqa: S608
                      (generation, generation))
            for table in ("passages", "documents")
        )

    def count_added(self, generation: int) -> int:
        """Return how many documents were added in a generation."""
        return int(self.rows("SELECT count(*) FROM documents WHERE added = ?", (generation,))[0][0])

    def collect_garbage(self, before: int) -> None:
        """Delete the rows that no generation from `before` on can see."""
        gone = "SELECT n FROM passages WHERE removed IS NOT NULL AND removed <= ?"
        with self.transaction():
            self.rows(f"DELETE FROM vectors WHERE n IN ({gone})", (before,))  # noqa: S608
            for table in ("passages", "documents"):
                condition = "removed IS NOT NULL AND removed <= ?"
                self.rows(f"DELETE FROM {table} WHERE {condition}", (before,))  # noqa: S608

    def set_failures(self, failures: Iterable[Failure], paths: Iterable[str]) -> None:
        """Replace the failures of some paths."""
        for path in paths:
            self.rows("DELETE FROM failures WHERE path = ?", (path,))
        for failure in failures:
            self.rows(
                "INSERT INTO failures VALUES (?, ?, ?, ?)",
                (failure.source, failure.path, failure.stage, failure.reason),
            )

    # -- reading, always of one generation

    def numbers(
        self, generation: int, filters: Filter | None = None, *, embedded: bool = False
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Return the row numbers of the visible passages that match, ascending.

        Args:
            generation: The generation to look at.
            filters: Only passages that match; None is all.
            embedded: Only passages that have a vector.
        """
        sql = to_sql(filters)
        condition = f"{_VISIBLE.format('p')} AND ({sql.condition})"
        if embedded:
            condition += " AND p.n IN (SELECT n FROM vectors)"
        with self._cursor() as cursor:
            self._db.create_function("matches", 4, sql.matches)
            cursor.execute(
                f"SELECT p.n FROM passages p WHERE {condition} ORDER BY p.n",  # noqa: S608
                (generation, generation, *sql.values),
            )
            return np.fromiter((row[0] for row in cursor), np.int64)

    def passages(self, numbers: Sequence[int], *, embeddings: bool = False) -> list[Document]:
        """Return passages by row number, in the order asked; missing rows are left out."""
        found: dict[int, Document] = {}
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            for row in self.rows(
                "SELECT p.n, p.id, p.content, p.meta, p.blob, v.embedding FROM passages p LEFT JOIN"
                f" vectors v ON v.n = p.n AND ? WHERE p.n IN ({marks})",  # noqa: S608
                (embeddings, *some),
            ):
                found[row[0]] = _unpack(row)
        return [found[int(number)] for number in numbers if int(number) in found]

    def vectors(
        self, numbers: Sequence[int], dimension: int
    ) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Return vectors by row number as rows of length 1: float32 of shape (n, dimension)."""
        matrix = np.empty((len(numbers), dimension), np.float32)
        place = {int(number): index for index, number in enumerate(numbers)}
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            sql = f"SELECT n, embedding FROM vectors WHERE n IN ({marks})"  # noqa: S608
            for number, content in self.rows(sql, some):
                matrix[place[number]] = np.frombuffer(content, "<f4")
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix / np.maximum(norms, 1e-12)

    def contents(self, numbers: Sequence[int]) -> Iterator[tuple[int, str, str]]:
        """Yield row number, title with heading path, and text of passages, for bm25."""
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            yield from self.rows(
                "SELECT n, coalesce(json_extract(meta, '$.title'), '') || ' '"
                " || coalesce(json_extract(meta, '$.heading'), ''), coalesce(content, '')"
                f" FROM passages WHERE n IN ({marks}) ORDER BY n",  # noqa: S608
                some,
            )

    def documents(self, generation: int) -> list[DocumentInfo]:
        """Return the visible documents, in the order they were added."""
        rows = self.rows(
            "SELECT document_id, source, title, sha256, path,"
            " (SELECT count(*) FROM passages p WHERE p.d = t.d)"
            f" FROM documents t WHERE {_VISIBLE.format('t')} ORDER BY t.d",  # noqa: S608
            (generation, generation),
        )
        return [DocumentInfo(*row) for row in rows]

    def text_of(self, document_id: str, generation: int) -> str | None:
        """Return the stored text of a visible document, or None."""
        rows = self.rows(
            f"SELECT text FROM documents t WHERE document_id = ? AND {_VISIBLE.format('t')}",  # noqa: S608
            (document_id, generation, generation),
        )
        return str(rows[0][0]) if rows else None

    def misplaced(self, generation: int) -> list[str]:
        """Return the ids of passages whose text is not the document's text from start to end."""
        rows = self.rows(
            "SELECT p.id FROM passages p JOIN documents t ON t.d = p.d"
            f" WHERE {_VISIBLE.format('p')} AND p.content IS NOT substr(t.text,"  # noqa: S608
            " json_extract(p.meta, '$.start') + 1,"
            " json_extract(p.meta, '$.end') - json_extract(p.meta, '$.start'))",
            (generation, generation),
        )
        return [str(row[0]) for row in rows]

    def failures(self) -> list[Failure]:
        """Return what could not be indexed, in the order of its sources."""
        rows = self.rows("SELECT source, stage, reason, path FROM failures ORDER BY source, reason")
        return [Failure(*row) for row in rows]

    def is_sound(self) -> list[str]:
        """Return what SQLite's own check finds wrong; empty if nothing."""
        return [str(row[0]) for row in self.rows("PRAGMA quick_check") if row[0] != "ok"]


def _pack(passage: Document) -> tuple[str, bytes | None]:
    """Return a passage's meta and blob as the journal keeps them."""
    blob = passage.blob
    packed = None
    if blob is not None:
        header = json.dumps({"mime_type": blob.mime_type, "meta": blob.meta}).encode()
        packed = len(header).to_bytes(4, "big") + header + blob.data
    return json.dumps(passage.meta), packed


def _unpack(row: tuple[Any, ...]) -> Document:
    _, passage_id, content, meta, packed, embedding = row
    blob = None
    if packed is not None:
        size = 4 + int.from_bytes(packed[:4], "big")
        blob = ByteStream(data=packed[size:], **json.loads(packed[4:size]))
    return Document(
        id=passage_id,
        content=content,
        blob=blob,
        meta=json.loads(meta),
        embedding=None if embedding is None else np.frombuffer(embedding, "<f4").tolist(),
    )
