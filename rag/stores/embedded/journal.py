"""The journal: one SQLite file per collection that holds all its data.

Documents, passages, vectors, failures and the manifest live here; everything else is derived. Rows
are never changed, only added and marked as removed, each with the generation in which that takes
effect; the published generation is one row, so that a reader sees all of a change or nothing.
"""

# ruff: noqa: S608 - only names and question marks of this module are put into SQL

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document

from rag.errors import StoreError
from rag.stores.contract import SCHEMA, DocumentInfo, Failure, Manifest, StoredDocument
from rag.stores.document_codec import dump_meta, pack, unpack
from rag.stores.embedded.filters import to_sql
from rag.stores.embedded.sqlite import JournalDatabase
from rag.stores.filters import Filter
from rag.stores.validation import read_manifest
from rag.view import EDITS, view_of

ROWS_AT_ONCE = 500

VISIBLE = "{0}.added <= ? AND ({0}.removed IS NULL OR {0}.removed > ?)"


class Journal:
    """A connection to the journal of a collection; safe to share between threads.

    Args:
        path: The SQLite file.
        create: Whether to create a missing file.

    Raises:
        StoreError: If the file is missing, damaged, or of a newer layout.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self.database = JournalDatabase(path, create=create)
        self.rows, self.transaction = self.database.rows, self.database.transaction
        self.rollback = self.database.rollback
        self.close, self._cursor = self.database.close, self.database.cursor
        with self.database.readable():
            newer = int(self.state("schema", str(SCHEMA))) > SCHEMA
        if newer:
            self.close()
            raise StoreError(f"`{path}` was written by a newer version: update citewell.")

    # -- state

    @property
    def owner(self) -> str:
        """Identity of the collection, stored in its derived indexes."""
        return self.state("owner", "")

    def state(self, key: str, default: str) -> str:
        """Return a named value."""
        found = self.rows("SELECT value FROM state WHERE key = ?", (key,))
        return str(found[0][0]) if found else default

    def set_state(self, key: str, value: str) -> None:
        """Set a named value, within the current transaction."""
        self.rows("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    @property
    def generation(self) -> int:
        """Number of the published generation; 0 before the first."""
        with self.database.readable():
            return int(self.state("generation", "0"))

    @property
    def dimension(self) -> int:
        """Length of the vectors; 0 before the first."""
        with self.database.readable():
            return int(self.state("dimension", "0"))

    def dimension_of(self, numbers: "np.ndarray[Any, np.dtype[np.int64]]") -> int:
        """Return the length of the vectors of some rows, published or not."""
        some = [int(number) for number in numbers[:ROWS_AT_ONCE]]
        marks = ",".join("?" * len(some))
        sql = f"SELECT length(embedding) FROM vectors WHERE n IN ({marks}) LIMIT 1"
        found = self.rows(sql, some)
        return int(found[0][0]) // 4 if found else self.dimension

    @property
    def manifest(self) -> Manifest | None:
        """Settings with which the collection was made; None before the first document."""
        text = self.state("manifest", "")
        with self.database.readable():
            return read_manifest(json.loads(text), str(self.path)) if text else None

    def set_manifest(self, manifest: Manifest) -> None:
        """Set the manifest, within the current transaction."""
        self.set_state("manifest", json.dumps(asdict(manifest)))

    def set_next_manifest(self, manifest: Manifest) -> None:
        """Set the manifest of the next generation, within the current transaction."""
        self.set_state("next_manifest", json.dumps(asdict(manifest)))

    @property
    def has_next_manifest(self) -> bool:
        """Whether all passages have new vectors in the next generation."""
        return bool(self.state("next_manifest", ""))

    def show_generation(self, generation: int) -> None:
        """Set the published generation, and its manifest if it has a new one."""
        self.set_state("generation", str(generation))
        text = self.state("next_manifest", "")
        if text:
            with self.database.readable():
                manifest = read_manifest(json.loads(text), str(self.path))
            self.set_manifest(manifest)
            self.set_state("dimension", str(manifest.dimension))
            self.rows("DELETE FROM state WHERE key = 'next_manifest'")

    # -- writing; all of it inside a transaction

    def add_document(self, document: StoredDocument, generation: int) -> int:
        """Add a document; return its row number."""
        values = (
            document.document_id,
            document.path,
            document.source,
            document.title,
            document.sha256,
            dump_meta(dict(document.meta), document.document_id),
            document.text,
            generation,
        )
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO documents (document_id, path, source, title, sha256, meta, text,"
                " added) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return int(cursor.lastrowid or 0)

    def add_passage(self, passage: Document, row: int | None, generation: int) -> None:
        """Add a passage, with its vector if it has one, under a document's row."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO passages (id, d, content, meta, blob, added)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (passage.id, row, passage.content, *pack(passage), generation),
            )
            if passage.embedding is not None:
                vector = np.asarray(passage.embedding, "<f4").tobytes()
                cursor.execute("INSERT INTO vectors VALUES (?, ?)", (cursor.lastrowid, vector))

    def drop_documents(self, document_ids: Iterable[str], generation: int) -> None:
        """Mark documents and their passages as removed; delete those that were never visible."""
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
        """Mark a passage as removed; delete it if it was never visible."""
        self._drop("passages", "id = ?", passage_id, generation)

    def _drop(self, table: str, condition: str, value: object, generation: int) -> None:
        where = f"{condition} AND removed IS NULL"
        if table == "passages":
            pending = f"SELECT n FROM passages WHERE {where} AND added = ?"
            self.rows(f"DELETE FROM vectors WHERE n IN ({pending})", (value, generation))
        self.rows(f"DELETE FROM {table} WHERE {where} AND added = ?", (value, generation))
        self.rows(f"UPDATE {table} SET removed = ? WHERE {where}", (generation, value))

    def drop_all(self, generation: int) -> None:
        """Mark every document and passage as removed."""
        for table in ("passages", "documents"):
            self._drop(table, "1 = ?", 1, generation)

    def find_passage(self, passage_id: str) -> tuple[bool, int | None]:
        """Return whether a passage of this id exists, published or not, and its document's row."""
        sql = "SELECT d FROM passages WHERE id = ? AND removed IS NULL"
        found = self.rows(sql, (passage_id,))
        return bool(found), found[0][0] if found else None

    def has_changes(self, generation: int) -> bool:
        """Return whether anything was added or removed in a generation."""
        return any(
            self.rows(f"SELECT 1 FROM {table} WHERE {column} = ? LIMIT 1", (generation,))
            for table in ("passages", "documents")
            for column in ("added", "removed")
        )

    def count_added(self, generation: int) -> int:
        """Return how many documents were added in a generation."""
        return int(self.rows("SELECT count(*) FROM documents WHERE added = ?", (generation,))[0][0])

    def collect_garbage(self, before: int) -> None:
        """Delete the rows that are visible in no generation since `before`."""
        gone = "SELECT n FROM passages WHERE removed IS NOT NULL AND removed <= ?"
        with self.transaction():
            self.rows(f"DELETE FROM vectors WHERE n IN ({gone})", (before,))
            for table in ("passages", "documents"):
                condition = "removed IS NOT NULL AND removed <= ?"
                self.rows(f"DELETE FROM {table} WHERE {condition}", (before,))

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
            generation: The generation to read.
            filters: Only passages that match; None is all.
            embedded: Only passages that have a vector.
        """
        sql = to_sql(filters)
        with self._cursor() as cursor:
            sql.install(cursor.connection)
            cursor.execute(
                f"SELECT p.n FROM passages p WHERE {VISIBLE.format('p')} AND ({sql.condition})",
                (generation, generation, *sql.values),
            )
            found = np.fromiter((row[0] for row in cursor), np.int64)
            if embedded:
                cursor.execute("SELECT n FROM vectors")
                among = np.fromiter((row[0] for row in cursor), np.int64)
                found = np.intersect1d(found, among, assume_unique=True)
        found.sort()
        return found

    def passages(self, numbers: Sequence[int], *, embeddings: bool = False) -> list[Document]:
        """Return passages by row number, in the order asked; missing rows are left out."""
        found: dict[int, Document] = {}
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            for row in self.rows(
                "SELECT p.n, p.id, p.content, p.meta, p.blob, v.embedding FROM passages p LEFT JOIN"
                f" vectors v ON v.n = p.n AND ? WHERE p.n IN ({marks})",
                (embeddings, *some),
            ):
                with self.database.readable():
                    found[row[0]] = unpack(row)
        return [found[int(number)] for number in numbers if int(number) in found]

    def passages_by_id(self, passage_ids: Sequence[str], generation: int) -> list[Document]:
        """Return visible passages by id, in the order asked; others are left out."""
        found: dict[str, int] = {}
        for start in range(0, len(passage_ids), ROWS_AT_ONCE):
            some = passage_ids[start : start + ROWS_AT_ONCE]
            marks = ",".join("?" * len(some))
            sql = f"SELECT id, n FROM passages WHERE id IN ({marks})"
            sql += " AND removed IS NULL AND added <= ?"
            found |= dict(self.rows(sql, (*some, generation)))
        return self.passages([found[each] for each in passage_ids if each in found])

    def vectors(
        self, numbers: Sequence[int], dimension: int
    ) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Return vectors by row number as rows of length 1: float32 of shape (n, dimension).

        Rows that are gone, since nobody can see them any more, are zero.
        """
        matrix = np.zeros((len(numbers), dimension), np.float32)
        place = {int(number): index for index, number in enumerate(numbers)}
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            sql = f"SELECT n, embedding FROM vectors WHERE n IN ({marks})"
            for number, content in self.rows(sql, some):
                with self.database.readable():
                    matrix[place[number]] = np.frombuffer(content, "<f4")
        matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        return matrix

    def contents(self, numbers: Sequence[int]) -> Iterator[tuple[int, str, str]]:
        """Yield row number, title with heading path, and readable text of passages, for bm25."""
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = [int(number) for number in numbers[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            for number, title, content, edits in self.rows(
                "SELECT n, coalesce(json_extract(meta, '$.title'), '') || ' '"
                " || coalesce(json_extract(meta, '$.heading'), ''), coalesce(content, ''),"
                f" json_extract(meta, '$.{EDITS}') FROM passages WHERE n IN ({marks}) ORDER BY n",
                some,
            ):
                kept = json.loads(edits) if str(edits).startswith("[") else None
                yield number, title, view_of(content, {EDITS: kept}).text

    def documents(self, generation: int) -> list[DocumentInfo]:
        """Return the visible documents, in the order they were added."""
        rows = self.rows(
            "SELECT document_id, source, title, sha256, path,"
            f" (SELECT count(*) FROM passages p WHERE p.d = t.d AND {VISIBLE.format('p')})"
            f" FROM documents t WHERE {VISIBLE.format('t')} ORDER BY t.d",
            (generation,) * 4,
        )
        return [DocumentInfo(*row) for row in rows]

    def text_of(self, document_id: str, generation: int) -> str | None:
        """Return the stored text of a visible document, or None."""
        rows = self.rows(
            f"SELECT text FROM documents t WHERE document_id = ? AND {VISIBLE.format('t')}",
            (document_id, generation, generation),
        )
        return str(rows[0][0]) if rows else None

    def misplaced(self, generation: int) -> list[str]:
        """Return the ids of passages whose text is not the document's text from start to end."""
        rows = self.rows(
            "SELECT p.id FROM passages p JOIN documents t ON t.d = p.d"
            f" WHERE {VISIBLE.format('p')} AND p.content IS NOT substr(t.text,"
            " json_extract(p.meta, '$.start') + 1,"
            " json_extract(p.meta, '$.end') - json_extract(p.meta, '$.start'))",
            (generation, generation),
        )
        return [str(row[0]) for row in rows]

    def failures(self) -> list[Failure]:
        """Return the failures of indexing, in the order of their sources."""
        rows = self.rows("SELECT source, stage, reason, path FROM failures ORDER BY source, reason")
        return [Failure(*row) for row in rows]

    def is_sound(self) -> list[str]:
        """Return the problems found by SQLite's own check; empty if there are none."""
        return [str(row[0]) for row in self.rows("PRAGMA quick_check") if row[0] != "ok"]
