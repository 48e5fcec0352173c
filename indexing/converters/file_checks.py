"""Checks on a file before it is sent to the worker process: type, size and access."""

import stat
from pathlib import Path

from indexing.converters.schema import SUFFIXES
from rag.errors import RagError

MB = 2**20
_NEVER_EMPTY = frozenset({".pdf", ".docx"})  # without a byte they are damaged


class ConversionError(RagError):
    """The file cannot be converted; the message is the reason, on one line."""


class EmptyFileError(ConversionError):
    """There is nothing to read in the file, so that nothing is lost by leaving it out."""


def check_file(path: Path, max_file_mb: int) -> None:
    """Check that a file can be sent to a worker.

    Raises:
        ConversionError: If the path has another suffix than `SUFFIXES`, is missing, unreadable, no
            regular file, empty or too large.
        EmptyFileError: If it is empty, and its format allows that.
    """
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        raise ConversionError(f"`{path.suffix}` files are not supported; expected {known}")
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise ConversionError("the file vanished") from error
    except OSError as error:
        raise ConversionError(f"it cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise ConversionError("not a regular file")
    if status.st_size == 0:
        kind = ConversionError if path.suffix.lower() in _NEVER_EMPTY else EmptyFileError
        raise kind("the file is empty")
    if status.st_size > max_file_mb * MB:
        size = status.st_size / MB
        raise ConversionError(f"it has {size:.1f} MB, and the limit is {max_file_mb} MB")
