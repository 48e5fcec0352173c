"""An SQLite file that is read even where nothing can be written: full disk, read-only folder.

With a write-ahead log SQLite makes two files beside the database, even to read it. Where it cannot,
the file is opened as immutable, here called frozen: without those files, and without locks. So its
stamp is compared before and after each use, and it is opened again when another process has changed
it. What a log still holds is taken over into the file first, or read in a temporary copy of both.
"""

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rag.errors import StaleError, UnwritableError
from rag.files import temporary_folder, why_unwritable

SECONDS = 30  # to wait for another process's transaction
ATTEMPTS = 3  # to open a file that others are changing

Stamp = tuple[tuple[int, ...] | None, ...]

_UNWRITABLE = ("FULL", "READONLY", "CANTOPEN", "IOERR", "PERM")
_READING = ("IOERR_READ", "IOERR_SHORT_READ", "IOERR_DATA", "IOERR_CORRUPTFS")
_LOGS = ("-wal", "-journal")


class SqliteFile:
    """A connection to an SQLite file, reopened when it must be; safe to share between threads.

    Args:
        path: The file.
        create: Whether to make a missing one.
        frozen: Whether it is known that nothing can be written beside it.

    Raises:
        sqlite3.Error: If it cannot be opened.
        UnwritableError: If its log can be read nowhere.
    """

    def __init__(self, path: Path, *, create: bool = False, frozen: bool = False) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._seen: Stamp | None = None  # the stamp of a frozen file
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._db: sqlite3.Connection | None = None
        if frozen and _has_content(path) and not _has_log(path):
            self._open_frozen()
        else:
            self._open(create=create)

    def __del__(self) -> None:
        """Close the connection as `close` does."""
        with suppress(AttributeError, sqlite3.Error):
            self.close()

    @property
    def is_frozen(self) -> bool:
        """Whether it can only be read."""
        return self._seen is not None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._db is not None and self._db.in_transaction

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            db, copy, self._db, self._copy = self._db, self._copy, None, None
            if db is not None:
                db.close()
            if copy is not None:
                copy.cleanup()

    @contextmanager
    def use(self, *, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """Hold the connection for a block.

        Args:
            to_write: Whether the block writes, so that a frozen file is tried again.

        Raises:
            sqlite3.Error: As raised in the block.
            UnwritableError: If nothing can be written, though the block would.
            StaleError: If another process has changed a frozen file in the meantime.
        """
        with self.lock:
            if to_write and self.is_frozen:
                self._thaw()
            elif self._has_changed():
                self._reopen()
            if self._db is None:
                raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
            try:
                yield self._db
            except sqlite3.Error:
                self._check_unchanged()
                raise
            self._check_unchanged()

    # -- inside

    def _open(self, *, create: bool = False) -> None:
        try:
            db = _connect(self.path, "?mode=rwc" if create else "?mode=rw")
        except sqlite3.Error as error:
            if not is_unwritable(error) or not _has_content(self.path):
                raise
            self._open_frozen()
        else:
            self._seen, self._db, self._copy = None, db, None

    def _open_frozen(self) -> None:
        for _ in range(ATTEMPTS):
            if _has_log(self.path):
                with suppress(sqlite3.Error):
                    _empty_log(self.path)
            seen = _stamp(self.path)
            copy = _copy_of(self.path) if _has_log(self.path) else None
            if copy is None:
                db = _connect(self.path, "?immutable=1")
            else:
                db = _connect(Path(copy.name) / self.path.name)
            if _stamp(self.path) == seen:
                self._seen, self._db, self._copy = seen, db, copy
                return
            db.close()
            if copy is not None:
                copy.cleanup()
        raise StaleError(f"`{self.path}` is being changed; ask again.")

    def _thaw(self) -> None:
        self._reopen()
        if self.is_frozen:
            folder = self.path.parent
            raise UnwritableError(
                f"`{folder}` cannot be written: {why_unwritable(folder) or 'it was full'}. Free "
                "some space or change the permissions; reading goes on meanwhile."
            )

    def _reopen(self) -> None:
        db, copy = self._db, self._copy
        if db is not None:
            self._open()
            db.close()
            if copy is not None:
                copy.cleanup()

    def _check_unchanged(self) -> None:
        if self._has_changed():
            raise StaleError(f"`{self.path}` has just been changed; ask again.")

    def _has_changed(self) -> bool:
        return self._seen is not None and _stamp(self.path) != self._seen


def is_unwritable(error: sqlite3.Error) -> bool:
    """Return whether an error may come from a full disk or a folder that cannot be written."""
    name = error_name(error)
    return name.startswith(_UNWRITABLE) and not name.startswith(_READING)


def error_name(error: sqlite3.Error) -> str:
    """Return SQLite's name of an error, such as `IOERR_WRITE`; "" if it has none."""
    return str(getattr(error, "sqlite_errorname", "")).removeprefix("SQLITE_")


def _connect(path: Path, query: str = "") -> sqlite3.Connection:
    """Return a connection that has read something."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}{query}", uri=True, isolation_level=None,
        check_same_thread=False, timeout=SECONDS,
    )  # fmt: skip
    try:
        for setting in ("synchronous = FULL", "temp_store = MEMORY", "foreign_keys = ON"):
            db.execute(f"PRAGMA {setting}")
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _empty_log(path: Path) -> None:
    """Take over what the log holds; alone, since then SQLite needs no other file for it."""
    address = path.absolute().as_uri()
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=SECONDS)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy_of(path: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder with a copy of a file and of its log.

    Raises:
        UnwritableError: If there is no place for it.
    """
    try:
        folder = temporary_folder()
        for each in (path, *_logs_of(path)):
            if each.exists():
                shutil.copyfile(each, Path(folder.name) / each.name)
    except OSError as error:
        raise UnwritableError(
            f"`{path}` was not closed, and its last changes are read in a temporary copy, which "
            f"cannot be written: {error.strerror or error}. Free some space and try again."
        ) from None
    return folder


def _logs_of(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _LOGS]


def _has_log(path: Path) -> bool:
    return any(_has_content(each) for each in _logs_of(path))


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _stamp(path: Path) -> Stamp:
    """Return what shows that a file or its log has changed."""
    found: list[tuple[int, ...] | None] = []
    for each in (path, *_logs_of(path)):
        try:
            facts = each.stat()
        except OSError:
            found.append(None)
        else:
            written = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
            found.append(written if facts.st_size else None)
    return tuple(found)
