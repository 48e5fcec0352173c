"""Crash-safe writing of files: a crash leaves the old one or the new one, nothing in between.

Every write, rename and sync of the derived indexes goes through this module; tests replace its
functions to crash at each single operation.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.errors import StoreError, UnwritableError

Numbers = npt.NDArray[np.int64]
PROBE = 64 * 2**10  # bytes without which a disk counts as full: what SQLite needs for its log
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk in memory, on Linux
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EROFS, errno.EACCES, errno.EPERM)
Hits = list[tuple[int, float]]  # row number and score, best first


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Force a file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Force a folder's list of names to the disk, where the platform can."""
    if os.name == "posix":
        sync_file(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder in the block, then rename it, durably and atomically."""
    temporary = path.with_name(_temporary_name(path))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for part in sorted(temporary.iterdir()):
            sync_file(part)
        sync_folder(temporary)
        remove(path)
        rename(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        remove(temporary)
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Write a temporary file in the block, then rename it, durably and atomically."""
    temporary = path.with_name(_temporary_name(path))
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _temporary_name(path: Path) -> str:
    return f"{path.name}.{uuid.uuid4().hex[:8]}.tmp"


def rename(old: Path, new: Path) -> None:
    """Rename a file or folder."""
    old.rename(new)


def link_files(source: Path, target: Path, *, leave_out: frozenset[str]) -> None:
    """Put the files of a folder into another by hard links, or by copies where links fail.

    The files must never be changed in place, only replaced.
    """
    for path in source.iterdir():
        if path.name in leave_out:
            continue
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)


def remove(path: Path) -> None:
    """Remove a file or folder if it exists and nobody holds it; else leave it for later."""
    if path.is_dir():
        if path.suffix != ".tmp":  # first out of sight, so that nobody opens half of it
            aside = path.with_name(_temporary_name(path))
            try:
                rename(path, aside)
            except OSError:
                return
            path = aside
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:  # Windows: another process has it open; or the folder is read-only
        return


def make_folder(path: Path) -> None:
    """Create a folder, open to its owner alone, with its parents.

    Raises:
        StoreError: If it cannot be created; says why and what to do.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for each in missing:
            sync_folder(each.parent)
    except OSError as error:
        kind = UnwritableError if is_unwritable(error) else StoreError
        raise kind(
            f"the folder `{path}` cannot be created: {error.strerror}. Choose another place with "
            "the environment variable RAG_HOME, or change the permissions."
        ) from None


def is_unwritable(error: OSError) -> bool:
    """Return whether an error says that a disk is full, or a place read-only."""
    return is_full(error) or error.errno in _NO_RIGHT


def is_full(error: OSError) -> bool:
    """Return whether an error says that there is no space."""
    return error.errno in _NO_SPACE


def settle_temporary_folder() -> None:
    """Let libraries be imported where no temporary folder can be written, as on a full disk.

    Without one, Python and torch refuse even to name the place of what they might write.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        place = MEMORY if MEMORY.is_dir() else Path.cwd()
        tempfile.tempdir = str(place)
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.tempdir)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder; in memory, where that exists, if no disk can be written.

    Raises:
        OSError: If there is no place for it.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="citewell-")
    except OSError:
        if not MEMORY.is_dir():
            raise
        return tempfile.TemporaryDirectory(prefix="citewell-", dir=MEMORY)


def why_unwritable(folder: Path) -> str | None:
    """Return why nothing can be written in a folder, or None; a missing one would be made."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest, buffering=0) as stream:
            stream.write(bytes(PROBE))
    except OSError as error:
        return error.strerror or str(error)
    return None


def write_numbers(folder: Path, numbers: Numbers) -> None:
    """Write row numbers beside an index."""
    (folder / "numbers.i8").write_bytes(numbers.astype("<i8").tobytes())


def read_numbers(folder: Path, name: str = "numbers.i8") -> Numbers:
    """Return the row numbers, or numbers of another name, beside an index."""
    return np.frombuffer((folder / name).read_bytes(), "<i8").astype(np.int64)


def peek_numbers(folder: Path) -> Numbers:
    """Return the row numbers beside an unchecked index; empty if there are none."""
    try:
        return read_numbers(folder)
    except (OSError, ValueError):
        return np.array([], np.int64)


def seal(folder: Path, facts: dict[str, Any]) -> None:
    """Write `seal.json`: some facts, and the SHA-256 of every file in a folder."""
    hashes = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    (folder / "seal.json").write_text(json.dumps({**facts, "files": hashes}), encoding="utf-8")


def read_seal(folder: Path) -> str:
    """Return the content of `seal.json`.

    Raises:
        StoreError: If it is missing or not text.
    """
    try:
        return (folder / "seal.json").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StoreError(f"`{folder}` is damaged: {error}.") from None


def check_seal(folder: Path) -> dict[str, Any]:
    """Check a sealed folder and return its facts.

    Raises:
        StoreError: If a file is missing or was changed.
    """
    try:
        facts: dict[str, Any] = json.loads(read_seal(folder))
        for name, sha256 in facts["files"].items():
            if sha256_of(folder / name) != sha256:
                raise StoreError(f"`{folder / name}` is damaged: its content has changed.")
        if not isinstance(facts.get("count"), int):
            raise StoreError(f"`{folder}` is damaged: its seal has no count.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"`{folder}` is damaged: {error}.") from None
    return facts
