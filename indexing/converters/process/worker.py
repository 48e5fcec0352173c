"""Worker process that parses files: paths in on stdin, documents out on stdout (see wire.py).

Started by client.py as `python -m indexing.converters.process.worker SECONDS MEMORY_MB`. It trusts
no file and holds nothing worth keeping, so that it can be killed at any moment.
"""

import logging
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from indexing.converters.dispatch import convert_bytes
from indexing.converters.process.limits import limit_memory, limit_seconds, used_memory_mb
from indexing.converters.process.wire import (
    OUT_OF_MEMORY,
    document_to_fields,
    limits_from_fields,
    pack,
    unpack,
)
from indexing.converters.schema import (
    ConversionNote,
    ConversionProblem,
    Empty,
    PageLimits,
    Unreadable,
)

_MOST_PROBLEMS = 100


def main(arguments: list[str]) -> int:
    """Answer requests; return 0 at the end of input, 3 when the memory is used up."""
    seconds, memory_mb = float(arguments[0]), int(arguments[1])
    requests, answers = _take_over_pipes()
    logging.disable(logging.CRITICAL)
    limit_memory(memory_mb)
    try:
        for line in requests:
            limit_seconds(seconds + 5)
            _serve(unpack(line), answers)
            limit_seconds(0)
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def _serve(request: dict[str, Any], answers: BinaryIO) -> None:
    """Write the answers to a request; its time grows with the pages that its file turns out to have."""  # noqa: E501  # fmt: skip
    fields = request.get("pages", {})

    def write(message: dict[str, Any]) -> None:
        answers.write(pack(message))
        answers.flush()

    def on_page(page: int, pages: int) -> None:
        if page == 1:
            limit_seconds(fields.get("seconds", 0) + fields.get("seconds_per_page", 0) * pages + 5)
        write({"page": page, "pages": pages})

    for message in answer(request, limits_from_fields(fields, on_page)):
        write(message)


def answer(
    request: dict[str, Any],
    limits: PageLimits = PageLimits(),  # noqa: B008 - frozen
) -> Iterator[dict[str, Any]]:
    """Yield the messages that answer one request; the last one says "done" or "failed".

    Raises:
        MemoryError: If the memory is used up; end the process then.
    """
    problems = 0
    try:
        data = _read(request["path"], request["most"])
        for piece in convert_bytes(data, request["suffix"], request["stem"], limits):
            if isinstance(piece, ConversionNote):
                yield {"note": piece.reason}
            elif not isinstance(piece, ConversionProblem):
                yield {"document": document_to_fields(piece)}
            elif problems < _MOST_PROBLEMS:
                yield {"problem": piece.reason, "late": piece.late}
            problems += isinstance(piece, ConversionProblem)
    except MemoryError:
        raise
    # The process border: any exception of a parser is a failure of the file.
    except Exception as error:  # noqa: BLE001
        failed = {"failed": _reason(error), "memory_mb": used_memory_mb()}
        yield {**failed, "empty": True} if isinstance(error, Empty) else failed
    else:
        if problems > _MOST_PROBLEMS:
            yield {"problem": f"and {problems - _MOST_PROBLEMS} more"}
        yield {"done": True, "memory_mb": used_memory_mb()}


def _reason(error: Exception) -> str:
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "the file vanished"
    if isinstance(error, OSError):
        return f"it cannot be read ({error.strerror or type(error).__name__})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it cannot be parsed ({type(error).__name__})"


def _read(path: str, most: int) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:  # noqa: PTH123  (O_NONBLOCK: never wait at a FIFO)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable("not a regular file")
        size = min(os.fstat(file.fileno()).st_size, most)
        data = file.read(size + 1)
    if len(data) != size:
        raise Unreadable("it changed while it was read; index it again")
    return data


def _take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the two pipes; detach stdin and stdout, so that libraries cannot use them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    return requests, answers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
