"""Journal of finished questions, from which a killed run resumes.

The first line names the run; a line follows for every question under every system, synced to disk
before the next begins. A last line that was torn by a crash is cut off.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rag.errors import DatasetError

JOURNAL_FILE = "finished.jsonl"


class RunJournal:
    """The finished questions of one run.

    Args:
        stream: The open file, at its end.
        found: Lines it held already: (system, question id) -> line.
    """

    def __init__(self, stream: IO[bytes], found: dict[tuple[str, str], dict[str, Any]]) -> None:
        self._stream, self.found = stream, found

    def append(self, system: str, question_id: str, content: dict[str, Any]) -> None:
        """Add a finished question, durably.

        Raises:
            DatasetError: If the disk is full or fails; earlier questions are kept.
        """
        line = {"system": system, "question_id": question_id, **content}
        data = json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
        try:
            self._stream.write(data)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise DatasetError(
                f"`{self._stream.name}` cannot be written: {error.strerror}. What is finished is "
                "kept; make room and run the same command to go on."
            ) from None
        self.found[system, question_id] = line


@contextmanager
def open_journal(folder: Path, run: dict[str, Any]) -> Iterator[RunJournal]:
    """Open the journal of a run in a folder, made if it does not exist.

    Args:
        folder: Folder of the run.
        run: Identity of the run, JSON-ready.

    Raises:
        DatasetError: If the folder holds another run, or cannot be written.
    """
    path = folder / JOURNAL_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists() and (folder / "results.json").exists():
            raise _another(folder, "a run without its journal")
        found, size = _read(path, run) if path.exists() else ({}, 0)
        with path.open("r+b" if path.exists() else "w+b") as stream:
            stream.truncate(size)
            stream.seek(size)
            if size == 0:
                stream.write(json.dumps({"run": run}, ensure_ascii=False).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            yield RunJournal(stream, found)
    except OSError as error:
        raise DatasetError(f"`{folder}` cannot be written: {error.strerror}.") from None


def _read(path: Path, run: dict[str, Any]) -> tuple[dict[tuple[str, str], dict[str, Any]], int]:
    """Return the finished questions, and the size of the intact part."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    size = 0
    for data in path.read_bytes().splitlines(keepends=True):
        try:
            line = json.loads(data) if data.endswith(b"\n") else None
        except ValueError:
            line = None
        if line is None:
            break
        if size == 0:
            _check(line.get("run"), run, path.parent)
        else:
            found[line["system"], line["question_id"]] = line
        size += len(data)
    return found, size


def _check(held: Any, run: dict[str, Any], folder: Path) -> None:  # noqa: ANN401 - any JSON
    wanted = json.loads(json.dumps(run))
    if held == wanted:
        return
    held = held if isinstance(held, dict) else {}
    differs = [key for key in wanted if held.get(key) != wanted[key]]
    raise _another(folder, f"another run: {', '.join(differs)} differ")


def _another(folder: Path, what: str) -> DatasetError:
    return DatasetError(
        f"`{folder}` holds {what}. Nothing was overwritten; give another --out, or delete the "
        "folder."
    )
