"""Read-only access to the runs of `rag evaluate` in some folders: list, read, compare.

A run is a folder with a `results.json`. Its id is a hash of its path, and an untrusted id is only
looked up among the known runs: no path is ever made from one.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2s
from pathlib import Path

from evaluation.results.comparison import compare_runs
from evaluation.results.schema import SCHEMA_VERSION, Results, load_results
from evaluation.results.summaries import Comparison
from rag.console import printable
from ui.services.errors import NotFoundError

DEEPEST_RUN = 3  # levels below a configured folder
MOST_RUNS = 500  # runs listed
MOST_BYTES = 400_000_000  # of a results.json that is read here
_HEAD = 1_000_000  # bytes at the start of a results.json with its facts
_VERSION = re.compile(r'\A\s*\{\s*"schema_version":\s*(\d+)')
_DATASET = '"dataset":'

Stamp = tuple[str, int, int]  # place, size, time of the last change


@dataclass(frozen=True)
class RunInfo:
    """A run in a list.

    Attributes:
        run_id: Id in addresses.
        name: Folder of the run, relative to its configured folder.
        dataset: Name of the data set; empty if it cannot be read.
        questions: Number of questions asked.
        changed: Time of the last change in seconds since the epoch.
        problem: Reason why it cannot be opened, fit to be shown; None if it can.
    """

    run_id: str
    name: str
    dataset: str
    questions: int
    changed: float
    problem: str | None = None


class Runs:
    """The runs below some folders.

    Args:
        folders: Configured folders; missing ones hold no run.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._look = lru_cache(maxsize=MOST_RUNS)(_look)
        self._load = lru_cache(maxsize=4)(_load)
        self._compare = lru_cache(maxsize=8)(self._compared)
        self._report = lru_cache(maxsize=4)(self._reported)

    def list(self) -> list[RunInfo]:
        """Return all runs, last changed first, damaged ones included."""
        found = [self._info(run_id, at, stamp) for run_id, (at, stamp) in self._found().items()]
        return sorted(found, key=lambda info: (-info.changed, info.name))

    def results(self, run_id: str) -> Results:
        """Return a run.

        Raises:
            NotFoundError: If there is no such run.
            DatasetError: If it is damaged, or of another version.
        """
        return self._load(self._stamp(run_id))

    def comparison(self, a: str, b: str) -> tuple[Comparison, ...]:
        """Return the comparison of run A with run B, as `rag evaluate compare A B` does.

        Raises:
            NotFoundError: If one of them does not exist.
            DatasetError: If one is damaged, or their questions differ.
        """
        return self._compare(self._stamp(a), self._stamp(b))

    def report(self, run_id: str) -> str:
        """Return the report of a run as HTML, rendered again from its results, never read.

        Raises:
            NotFoundError: If there is no such run.
            DatasetError: If it is damaged, or of another version.
        """
        return self._report(self._stamp(run_id))

    def markdown(self, run_id: str) -> str:
        """Return the report of a run as Markdown.

        Raises:
            NotFoundError: If there is no such run.
            DatasetError: If it is damaged, or of another version.
        """
        from evaluation.report.page import build_page
        from evaluation.report.rendering.markdown import render_markdown

        return render_markdown(build_page(self.results(run_id), {}))

    # -- inside

    def _stamp(self, run_id: str) -> Stamp:
        found = self._found().get(run_id)
        if found is None:
            raise NotFoundError("there is no such run; it may have been moved or deleted.")
        return found[1]

    def _found(self) -> dict[str, tuple[tuple[Path, Path], Stamp]]:
        """Return id -> (configured folder, file) and stamp of every run."""
        found: dict[str, tuple[tuple[Path, Path], Stamp]] = {}
        for folder in dict.fromkeys(each.absolute() for each in self._folders):
            for file in _results_below(folder):
                try:
                    facts = file.stat()
                except OSError:  # gone in between
                    continue
                run_id = blake2s(os.fsencode(file), digest_size=6).hexdigest()
                found[run_id] = ((folder, file), (str(file), facts.st_size, facts.st_mtime_ns))
                if len(found) == MOST_RUNS:
                    return found
        return found

    def _info(self, run_id: str, at: tuple[Path, Path], stamp: Stamp) -> RunInfo:
        folder, file = at
        name = printable(str(file.parent.relative_to(folder)))
        name = folder.name if name == "." else name
        dataset, questions, problem = self._look(stamp)
        return RunInfo(run_id, name, dataset, questions, stamp[2] / 1e9, problem)

    def _compared(self, a: Stamp, b: Stamp) -> tuple[Comparison, ...]:
        return compare_runs(self._load(a), self._load(b))

    def _reported(self, stamp: Stamp) -> str:
        from evaluation.report.page import build_page
        from evaluation.report.rendering.html import render_html  # jinja2 and matplotlib are heavy

        return render_html(build_page(self._load(stamp), {}))


def _results_below(folder: Path) -> Iterator[Path]:
    """Yield every `results.json` down to a depth, in a fixed order, without following links."""
    for here, folders, names in os.walk(folder):
        at = Path(here)
        depth = len(at.relative_to(folder).parts)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if depth >= DEEPEST_RUN:
            folders.clear()
        if "results.json" in names:
            yield at / "results.json"


def _load(stamp: Stamp) -> Results:
    return load_results(Path(stamp[0]))


def _look(stamp: Stamp) -> tuple[str, int, str | None]:
    """Return data set, number of questions and problem from both ends of a file.

    Reading a whole run takes too long for a list; other problems are found when it is opened.
    """
    place, size, _ = stamp
    if size > MOST_BYTES:
        return "", 0, f"it has {size / 1e6:,.0f} MB; read its report.html instead."
    try:
        with Path(place).open("rb") as stream:
            head = stream.read(_HEAD).decode("utf-8", "replace")
            stream.seek(max(0, size - 16))
            tail = stream.read().rstrip()
    except OSError as error:
        return "", 0, f"it cannot be read: {error.strerror}."
    version = _VERSION.match(head)
    if version is None:
        return "", 0, "its results.json is not the result of a run."
    if int(version[1]) != SCHEMA_VERSION:
        return "", 0, (
            f"it has schema version {version[1]}; this citewell reads {SCHEMA_VERSION}. Evaluate "
            "again, or use the citewell that wrote it."
        )  # fmt: skip
    dataset, questions = _dataset(head)
    if not dataset or not tail.endswith(b"}"):
        return dataset, questions, "its results.json is cut off or damaged. Evaluate again."
    return dataset, questions, None


def _dataset(head: str) -> tuple[str, int]:
    start = head.find(_DATASET)
    try:
        found, _ = json.JSONDecoder().raw_decode(head[start + len(_DATASET) :].lstrip())
        return str(found["name"]), int(found["questions"])
    except (ValueError, KeyError, TypeError):
        return "", 0
