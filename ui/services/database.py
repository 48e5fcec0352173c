"""The SQLite file of conversations, ratings and private collections."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from rag import files
from rag.errors import StaleError, StoreError, UnwritableError
from rag.sqlite_file import SqliteFile, is_unwritable

SCHEMA = 1
ATTEMPTS = 3  # to read a file that others are changing
READS = ("SELECT", "PRAGMA")

_TABLES = f"""
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

    Where nothing can be written, what the file holds is read, and a missing file counts as empty;
    each change tries again to write.

    Args:
        path: The file, made if it is missing.

    Raises:
        StoreError: If it cannot be used, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._file: SqliteFile | None = None  # None where it could not be made
        try:
            self._open()
        except UnwritableError:
            if not self._is_blank():  # whose collections are private must be known
                raise

    def close(self) -> None:
        """Close the connection."""
        if self._file is not None:
            self._file.close()

    @property
    def is_read_only(self) -> bool:
        """Whether nothing could be written when that was tried last."""
        return self._file is None or self._file.is_frozen

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a statement, which is a transaction of its own.

        Raises:
            UnwritableError: If it changes something, and nothing can be written.
            StoreError: If the file cannot be used otherwise.
        """
        reads = sql.startswith(READS)
        if reads and self._file is None:
            return []
        file = self._opened()
        for _ in range(ATTEMPTS):
            with suppress(StaleError):
                return self._rows(file, sql, values, reads=reads)
        return self._rows(file, sql, values, reads=reads)

    def _rows(
        self, file: SqliteFile, sql: str, values: tuple[object, ...], *, reads: bool
    ) -> list[tuple[Any, ...]]:
        with self._explained(), file.use(to_write=not reads) as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block as one transaction.

        Raises:
            UnwritableError: If nothing can be written.
        """
        file = self._opened()
        with file.lock:
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                if file.in_transaction:
                    self.rows("ROLLBACK")
                raise

    # -- inside

    def _opened(self) -> SqliteFile:
        with self._lock:
            return self._file or self._open()

    def _open(self) -> SqliteFile:
        files.make_folder(self.path.parent)
        with self._explained():
            if self.path.exists():
                with suppress(OSError):  # another user's, or the folder is read-only
                    self.path.chmod(0o600)
            else:
                self.path.touch(mode=0o600)
            file = SqliteFile(self.path)
            try:
                self._prepare(file)
            except BaseException:
                file.close()
                raise
        self._file = file
        return file

    def _is_blank(self) -> bool:
        """Return whether there is no file, or one without any table."""
        try:
            if not self.path.stat().st_size:
                return True
            with closing(SqliteFile(self.path)) as file, file.use() as db:
                return db.execute("SELECT 1 FROM sqlite_master").fetchone() is None
        except FileNotFoundError:
            return True
        except (OSError, sqlite3.Error, StoreError):
            return False

    def _prepare(self, file: SqliteFile) -> None:
        with file.use() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise StoreError(f"`{self.path}` was written by a newer version: update citewell.")
            if version < SCHEMA and file.is_frozen:
                raise self._unwritable("it has no tables yet")
            if version < SCHEMA:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_TABLES)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnwritableError as error:
            raise self._unwritable(error) from error
        except (sqlite3.Error, OSError) as error:
            is_disk = is_unwritable if isinstance(error, sqlite3.Error) else files.is_unwritable
            if is_disk(error):  # type: ignore[arg-type]
                raise self._unwritable(error) from error
            raise StoreError(
                f"`{self.path}` cannot be used: {error}. Check free space and permissions; if it "
                "is damaged, move it away: only conversations and ratings are in it."
            ) from error

    def _unwritable(self, error: object) -> UnwritableError:
        reason = files.why_unwritable(self.path.parent) or error
        return UnwritableError(
            f"conversations, ratings and private collections cannot be kept, since `{self.path}` "
            f"cannot be written: {reason}. Free some space or change the permissions; search, and "
            "questions to the API and on the command line, go on."
        )


def like(words: str) -> str:
    """Return a pattern for SQL's LIKE (escape character `!`) that matches a text anywhere."""
    for sign in "!%_":
        words = words.replace(sign, f"!{sign}")
    return f"%{words}%"
