"""Error wrapper and output functions shared by every entry point of the command line."""

import codecs
import io
import json
import logging
import os
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress

from rag.errors import RagError


def run_command(command: Callable[[], object]) -> None:
    """Run a command and end the process with its exit status.

    An expected failure is one line (or a short list) on stderr and status 1, without a traceback.
    Characters that the terminal's encoding does not have are replaced.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        command()
    except RagError as error:
        leave(f"Error: {error}", 1)


def leave(message: str, status: int) -> None:
    """Write a line on stderr and end the process with a status."""
    say(message)
    raise SystemExit(status)


def show(text: str) -> None:
    """Write a line on stdout, free of control characters."""
    _write(printable(text) + "\n")


def say(text: str) -> None:
    """Write a line on stderr, free of control characters."""
    sys.stderr.write(printable(text) + "\n")


def print_json(value: object) -> None:
    """Write a value on stdout as JSON: readable in every language where stdout is UTF-8."""
    encoding = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name
    text = json.dumps(value, ensure_ascii=encoding != "utf-8", indent=2)
    _write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def _write(text: str) -> None:
    """Write a text on stdout.

    Raises:
        RagError: If it cannot be written, such as on a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has left: the command line ends without a word
        raise
    except OSError as error:
        with suppress(OSError):  # or the interpreter tries it again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RagError(f"the output cannot be written: {error.strerror or error}.") from None


def printable(text: str) -> str:
    """Return a text without control characters, so that no document can control a terminal.

    Example:
        >>> printable("a" + chr(27) + "[31mb")
        'a?[31mb'
    """
    shown = "".join("?" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def set_up_logging(*, verbose: bool) -> None:
    """Send warnings, or everything this project logs, to stderr in one line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for name in ("rag", "indexing", "evaluation", "ui"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
        logger.propagate = False
