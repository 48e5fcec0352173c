"""SQLite connection of a journal: tables, transactions, and helpful errors."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from os import W_OK, access
from pathlib import Path
from typing import Any

from rag.errors import StaleError, StoreError, UnwritableError
from rag.sqlite_file import SqliteFile, error_name, is_unwritable
from rag.stores.contract import SCHEMA

LAYOUT = 1  # version of the tables and indexes within a schema; an older one is brought up to date
ATTEMPTS = 3  # to read a file that others are changing

_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    d INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, path TEXT,
    source TEXT NOT NULL, title TEXT NOT NULL, sha256 TEXT NOT NULL, meta TEXT NOT NULL,
    text TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER);
CREATE INDEX IF NOT EXISTS documents_by_id ON documents (document_id);
CREATE INDEX IF NOT EXISTS documents_added ON documents (added);
CREATE INDEX IF NOT EXISTS documents_removed ON documents (removed) WHERE removed IS NOT NULL;
CREATE INDEX IF NOT EXISTS documents_by_path ON documents (path);
CREATE TABLE IF NOT EXISTS passages (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, d INTEGER, content TEXT,
    meta TEXT NOT NULL, blob BLOB, added INTEGER NOT NULL, removed INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS passages_by_id ON passages (id) WHERE removed IS NULL;
CREATE INDEX IF NOT EXISTS passages_removed ON passages (removed) WHERE removed IS NOT NULL;
CREATE INDEX IF NOT EXISTS passages_visible ON passages (added, removed);
CREATE INDEX IF NOT EXISTS passages_of_document ON passages (d, added, removed);
CREATE TABLE IF NOT EXISTS vectors (n INTEGER PRIMARY KEY, embedding BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_numbers ON vectors (n);
CREATE TABLE IF NOT EXISTS failures (
    source TEXT NOT NULL, path TEXT, stage TEXT NOT NULL, reason TEXT NOT NULL);
INSERT OR IGNORE INTO state VALUES ('schema', '{SCHEMA}');
INSERT OR IGNORE INTO state VALUES ('owner', lower(hex(randomblob(16))));
PRAGMA user_version = {LAYOUT};
COMMIT;
"""  # noqa: S608 - two constants
# Problems around the file, not in it.
_AROUND = ("FULL", "READONLY", "CANTOPEN", "BUSY", "LOCKED", "IOERR", "PERM", "NOMEM", "AUTH")


class JournalDatabase:
    """A connection to SQLite; safe to share between threads.

    Args:
        path: The SQLite file.
        create: Whether to turn a missing or empty file into a journal.

    Raises:
        StoreError: If the file is missing, damaged, or cannot be used.
    """

    def __init__(self, path: Path, *, create: bool) -> None:
        if not create and not path.is_file():
            raise StoreError(f"there is no journal at `{path}`.")
        self.path = path
        made = create and not path.exists()
        try:
            with self.explained():
                self._file = SqliteFile(path, create=create, frozen=not access(path.parent, W_OK))
            self.lock = self._file.lock
            try:
                self._prepare(create)
            except BaseException:
                self.close()
                raise
        except UnwritableError:
            if made:
                _unmake(path)
            raise

    def _prepare(self, create: bool) -> None:
        """Create missing tables; a reader of a complete journal writes nothing."""
        layout = self.rows("PRAGMA user_version")[0][0]
        if not layout and not self.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
            self._refuse_blank(create)
        if layout < LAYOUT and not self._file.is_frozen:
            with self.explained(), self._file.use() as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_TABLES)

    def _refuse_blank(self, create: bool) -> None:
        if not create:
            raise StoreError(f"there is no journal at `{self.path}`: the file is empty.")
        for name in ("bm25-*", "dense-*"):
            if any(path.suffix != ".tmp" for path in self.path.parent.glob(name)):
                raise self.damaged("it is empty, though there are indexes beside it")

    def close(self) -> None:
        """Close the connection."""
        self._file.close()

    def damaged(self, reason: object) -> StoreError:
        """Return the error for a damaged file."""
        return StoreError(
            f"`{self.path}` is damaged: {reason}. Restore it from a backup, or delete the "
            "collection (rag collections delete) and index again."
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn SQLite's own errors into one line that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            around = error_name(error).startswith(_AROUND)
            if around or isinstance(error, sqlite3.ProgrammingError):
                unwritable = is_unwritable(error) and self.path.parent.exists()
                kind = UnwritableError if unwritable else StoreError
                raise kind(
                    f"`{self.path}` cannot be used: {error}. Check free space and permissions, and "
                    "that no other process is stuck writing to it."
                ) from error
            raise self.damaged(error) from error

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Turn a stored value that cannot be parsed into the error for a damaged file."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise self.damaged(error) from error

    @contextmanager
    def cursor(self) -> Iterator[sqlite3.Cursor]:
        """Hold the connection, and a cursor, for a block that reads, or goes on writing.

        Raises:
            StaleError: If a file that cannot be locked was changed in the meantime.
        """
        with self.explained(), self._file.use() as db:
            cursor = db.cursor()
            try:
                yield cursor
            finally:
                cursor.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        for _ in range(ATTEMPTS):
            with suppress(StaleError):
                return self._rows(sql, values)
        return self._rows(sql, values)

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.cursor() as cursor:
            return cursor.execute(sql, values).fetchall()

    def begin(self) -> None:
        """Begin a transaction that writes.

        Raises:
            UnwritableError: If nothing can be written.
        """
        with self.explained(), self._file.use(to_write=True) as db:
            db.execute("BEGIN IMMEDIATE")

    def rollback(self) -> None:
        """Roll back the transaction, unless SQLite has done so itself."""
        if self._file.in_transaction:
            self.rows("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make a block of changes durable together, or not at all."""
        with self.lock:
            self.begin()
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                self.rollback()
                raise


def _unmake(path: Path) -> None:
    """Remove an empty journal that could not be made, and its folder."""
    with suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()
            path.parent.rmdir()
