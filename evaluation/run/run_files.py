"""The files of a finished run; each is written whole or not at all.

results.json       everything; the report, `compare` and `gate` read it
per_query.csv      a row for every question under every system
run.SYSTEM.trec    rankings for trec_eval; scores come from ranks, so that all tools see no ties
qrels.trec         judgements
env.json           versions, machine, command
"""

import csv
import io
import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.results.records import QueryResult
from evaluation.results.schema import Results, to_json
from evaluation.run.question_run import FinishedQuestion
from rag.errors import DatasetError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DIGITS = 6


def write_file(path: Path, text: str) -> None:
    """Write a file atomically: the old or the new content is there, never a part.

    Raises:
        DatasetError: If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DatasetError(
            f"`{path}` cannot be written: {error.strerror}. What is finished is kept; make room "
            "and run the same command again."
        ) from None


def write_outputs(
    folder: Path,
    results: Results,
    asked: Mapping[str, Sequence[FinishedQuestion]],
    qrels: Mapping[str, Mapping[str, int]],
) -> None:
    """Write all files of a finished run, results.json last.

    Args:
        folder: Folder of the run.
        results: Results of the run.
        asked: System -> finished questions, with whole rankings.
        qrels: Question id -> item -> grade.
    """
    write_file(folder / "env.json", json_text(results.environment))
    write_file(folder / "qrels.trec", qrels_text(qrels))
    for name, finished in asked.items():
        write_file(folder / f"run.{file_name(name)}.trec", run_text(finished, name))
    write_file(folder / "per_query.csv", per_query_text(results))
    write_file(folder / "results.json", to_json(results))


def json_text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return indented JSON, ending in a line feed."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def run_text(finished: Sequence[FinishedQuestion], tag: str) -> str:
    """Return rankings in trec_eval's format; the scores fall by one with each rank."""
    lines = []
    for each in finished:
        query, count = trec_id(each.result.question_id), len(each.ranking)
        for rank, item in enumerate(each.ranking, start=1):
            score = count - rank + 1
            lines.append(f"{query} Q0 {trec_id(item.item)} {rank} {score} {file_name(tag)}\n")
    return "".join(lines)


def qrels_text(qrels: Mapping[str, Mapping[str, int]]) -> str:
    """Return judgements in trec_eval's format."""
    return "".join(
        f"{trec_id(query)} 0 {trec_id(item)} {grade}\n"
        for query, grades in qrels.items()
        for item, grade in grades.items()
    )


def trec_id(name: str) -> str:
    """Return an id without white space, trec_eval's column separator.

    Example:
        >>> trec_id("Audrey Williams")
        'Audrey%20Williams'
    """
    return re.sub(r"[\s%]", lambda match: f"%{ord(match[0]):02X}", name)


def file_name(name: str) -> str:
    """Return a system's name as part of a file name.

    Example:
        >>> file_name("top_k=3 length=64")
        'top_k=3_length=64'
    """
    return re.sub(r"[^\w.=+-]", "_", name)


def per_query_text(results: Results) -> str:
    """Return the table of all questions as CSV, without cells that a spreadsheet would compute."""
    metrics = list(
        dict.fromkeys(
            name for system in results.systems for each in system.queries for name in each.metrics
        )
    )
    slices = list(
        dict.fromkeys(
            name for system in results.systems for each in system.queries for name in each.slices
        )
    )
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_COLUMNS, *slices, *metrics])
    for system in results.systems:
        for each in system.queries:
            cells = [system.name, *_cells(each)]
            cells += [each.slices.get(name, "") for name in slices]
            cells += [_number(each.metrics.get(name)) for name in metrics]
            writer.writerow([safe_cell(cell) for cell in cells])
    return stream.getvalue()


_COLUMNS = (
    "system",
    "question_id",
    "question",
    "cluster",
    "golds",
    "first_relevant",
    "answer",
    "abstained",
    "confidence",
    "right",
    "cause",
    "error",
)


def _cells(each: QueryResult) -> list[str]:
    return [
        each.question_id,
        each.question,
        each.cluster,
        " | ".join(each.golds),
        "" if each.first_relevant is None else str(each.first_relevant),
        each.answer or "",
        "" if each.abstained is None else str(each.abstained).lower(),
        _number(each.confidence),
        "" if each.right is None else str(each.right).lower(),
        each.cause or "",
        each.error or "",
    ]


def safe_cell(cell: str) -> str:
    """Return a cell that a spreadsheet shows as text and does not compute.

    Example:
        >>> safe_cell("=1+1"), safe_cell("1+1")
        ("'=1+1", '1+1')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, _DIGITS):g}"
