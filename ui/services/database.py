"""The SQLite file of conversations, ratings and private collections."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag import files
from rag.errors import StoreError

SCHEMA = 1
SECONDS = 30  # of waiting for another process's transaction

_TABLES = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, collection TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS conversations_of ON conversations (owner, updated);
CREATE TABLE IF NOT EXISTS exchanges (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '', passages TEXT NOT NULL DEFAULT '[]', answer TEXT,
    error TEXT, rating INTEGER, comment TEXT NOT NULL DEFAULT '', asked REAL NOT NULL);
CREATE INDEX IF NOT EXISTS exchanges_of ON exchanges (conversation_id);
CREATE INDEX IF NOT EXISTS exchanges_open ON exchanges (state) WHERE state IN ('queued', 'running');
CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA};
COMMIT;
"""


class PeopleDatabase:
    """One connection, shared by all threads of a process.

    Args:
        path: The file, made if it is missing.

    Raises:
        StoreError: If it cannot be used, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        files.make_folder(path.parent)
        with self._explained():
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=SECONDS
            )
            path.chmod(0o600)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise StoreError(f"`{path}` was written by a newer version: update citewell.")
            if version < SCHEMA:
                self._db.executescript(_TABLES)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a statement, which is a transaction of its own."""
        with self._lock, self._explained():
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block as one transaction."""
        with self._lock:
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self.rows("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"`{self.path}` cannot be used: {error}. Check free space and permissions; if it "
                "is damaged, move it away: only conversations and ratings are in it."
            ) from error


def like(words: str) -> str:
    """Return a pattern for SQL's LIKE (escape character `!`) that matches a text anywhere."""
    for sign in "!%_":
        words = words.replace(sign, f"!{sign}")
    return f"%{words}%"
