"""One writer at a time for a collection, across processes."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag import files
from rag.errors import LockedError, StoreError, UnwritableError


@contextmanager
def hold(folder: Path, *, freeing: bool = False) -> Iterator[None]:
    """Hold the lock of a collection's folder for a block; it is released if the process dies.

    Args:
        folder: The collection's folder.
        freeing: Whether the block frees space, so that a full disk is no reason against it: the
            lock is held unsigned, or not at all where no other process could make it either.

    Raises:
        LockedError: If another process holds it; says which, and since when.
        StoreError: If the folder cannot be written.
    """
    lock, owner = FileLock(folder / "writer.lock", timeout=0), folder / "writer.json"
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(f"`{folder.name}` is locked {_describe(owner)}.") from None
    except OSError as error:
        if not (freeing and files.is_full(error)):
            raise unwritable(folder, error) from None
    try:
        with suppress(*((UnwritableError,) if freeing else ())):
            _sign(owner)
        yield
    finally:
        files.remove(owner)
        lock.release()


def unwritable(folder: Path, error: OSError) -> StoreError:
    """Return the error for a folder that cannot be written."""
    kind = UnwritableError if files.is_unwritable(error) else StoreError
    return kind(
        f"`{folder}` cannot be written: {error.strerror or error}. Free some space, "
        "change the permissions, or choose another place with the variable RAG_HOME."
    )


def _sign(owner: Path) -> None:
    facts = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        owner.write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        raise unwritable(owner.parent, error) from None


def _describe(owner: Path) -> str:
    """Return a description of the lock's holder, as far as known."""
    try:
        facts = json.loads(owner.read_text(encoding="utf-8"))
        who = f"by process {facts['pid']} on {facts['host']} since {facts['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "by another process"
    return f"{who}: it is being indexed. Wait until that is done, or stop that process"
