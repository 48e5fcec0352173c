"""`rag evaluate` without its command line: from paths and options to finished runs."""

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.datasets import Dataset, Question, load_dataset, read_squad
from evaluation.datasets.schema import sha256_of
from evaluation.results.schema import Results
from evaluation.results.terminal_tables import result_lines
from evaluation.run.runner import RunOptions, run_evaluation
from evaluation.run.systems import System
from rag.config import data_folder
from rag.console import print_json, printable, show
from rag.errors import DatasetError


@dataclass(frozen=True)
class Launch:
    """Options of `rag evaluate`.

    Attributes:
        systems: Systems to compare, the baseline first.
        collection: Existing collection to query, or None to index the data sets' own documents.
        out: Folder for the results, or None for one named after the data set and a hash.
        limit: Maximum number of questions per data set, or None.
        seed: Random seed.
        repair: Whether to move gold answers that are not at their offset.
    """

    systems: Sequence[System]
    collection: str | None
    out: Path | None
    limit: int | None
    seed: int
    repair: bool


def evaluate_paths(paths: Sequence[Path], launch: Launch, *, as_json: bool) -> None:
    """Evaluate data sets, one run each, and print the results.

    Raises:
        RagError: If a set, a system or a folder cannot be used.
    """
    loaded = [
        load_dataset(path, repair=launch.repair).sample(launch.limit, launch.seed) for path in paths
    ]
    names = [dataset.name for dataset in loaded]
    if len(set(names)) < len(names):
        raise DatasetError(f"two data sets have the same name: {', '.join(names)}.")
    runs = []
    for dataset in loaded:
        folder = _folder(dataset, launch, alone=len(loaded) == 1)
        results = _run(dataset, launch, folder)
        runs.append(_summary(results, folder))
        _report(results, folder)
        if not as_json:
            show("\n".join(result_lines(results)))
            show(f"Results: {folder}\n")
    if as_json:
        print_json({"runs": runs})


def _run(dataset: Dataset, launch: Launch, folder: Path) -> Results:
    with watched("indexing") as indexing, watched(dataset.name) as asking:
        options = RunOptions(
            out=folder,
            seed=launch.seed,
            limit=launch.limit,
            collection=launch.collection,
            command=["rag", *sys.argv[1:]],
            indexing=indexing,
            asking=asking,
        )
        return run_evaluation(dataset, launch.systems, options)


def _folder(dataset: Dataset, launch: Launch, *, alone: bool) -> Path:
    if launch.out is not None:
        return launch.out if alone else launch.out / dataset.name
    settings = [[each.name, each.config.model_dump(mode="json")] for each in launch.systems]
    facts = [dataset.questions_sha256, dataset.qrels_sha256, settings]
    key = sha256_of([*facts, launch.seed, launch.limit, launch.collection])
    return data_folder() / "runs" / f"{dataset.name}-{key[:8]}"


def _report(results: Results, folder: Path) -> None:
    from evaluation.report import write_report

    write_report(results, folder)


def _summary(results: Results, folder: Path) -> dict[str, Any]:
    return {
        "dataset": asdict(results.dataset),
        "out": str(folder),
        "systems": {
            system.name: {
                "metrics": {name: asdict(mean) for name, mean in system.metrics.items()},
                "errors": dict(system.errors),
            }
            for system in results.systems
        },
        "comparisons": [asdict(each) for each in results.comparisons],
    }


def read_questions(paths: Sequence[Path], limit: int | None, seed: int) -> list[Question]:
    """Return the questions of SQuAD files, or a random sample of them, in their order.

    Raises:
        DatasetError: If a file is not in SQuAD's format, or two files share an id.
    """
    found: dict[str, Question] = {}
    for path in paths:
        for question in read_squad(path):
            if question.question_id in found:
                raise DatasetError(f"`{path}`: the id `{question.question_id}` came before.")
            found[question.question_id] = question
    questions = list(found.values())
    if limit is None or limit >= len(questions):
        return questions
    chosen = set(random.Random(seed).sample(range(len(questions)), limit))  # noqa: S311
    return [question for place, question in enumerate(questions) if place in chosen]


@contextmanager
def watched(what: str) -> Iterator[Any]:
    """Show a progress bar with the remaining time on stderr, if it is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn(printable(what)[:40]),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    started = False

    def update(done: int, total: int, _: str) -> None:
        nonlocal started
        if not started:
            bar.start()
            bar.add_task("", total=total)
            started = True
        bar.update(bar.task_ids[0], completed=done, total=total)
        if done == total:
            bar.stop()

    try:
        yield update
    finally:
        if started:
            bar.stop()
