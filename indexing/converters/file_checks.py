"""Checks on a file before it is sent to the worker process: type, size and access."""

import stat
from pathlib import Path

from indexing.converters.schema import SUFFIXES
from rag.errors import RagError

MB = 2**20


class ConversionError(RagError):
    """The file cannot be converted; the message is the reason, on one line."""


def check_file(path: Path, max_file_mb: int) -> None:
    """Check that a file can be sent to a worker.

    Raises:
        ConversionError: If the path has another suffix than `SUFFIXES`, is missing, unreadable, no
            regular file, empty or too large.
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
        raise ConversionError("the file is empty")
    if status.st_size > max_file_mb * MB:
        size = status.st_size / MB
        raise ConversionError(f"it has {size:.1f} MB, and the limit is {max_file_mb} MB")
