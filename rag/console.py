"""Error wrapper and output functions shared by every entry point of the command line."""

import json
import logging
import sys
import unicodedata
from collections.abc import Callable

from rag.errors import RagError


def run_command(command: Callable[[], object]) -> None:
    """Run a command and end the process with its exit status.

    An expected failure is one line (or a short list) on stderr and status 1, without a traceback.
    """
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
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Write a line on stderr, free of control characters."""
    sys.stderr.write(printable(text) + "\n")


def print_json(value: object) -> None:
    """Write a value on stdout as JSON, readable in every language."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
    sys.stdout.flush()


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
