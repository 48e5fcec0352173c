"""The two forms of a SQuAD file, read as the same paragraphs.

The original is one JSON object: `data` lists articles, articles list paragraphs, paragraphs list
questions. Hubs distribute rows instead: a row is one question with its `context`, and `answers` is
an object of lists, `{"text": [...], "answer_start": [...]}`. Rows stand in lines, in one array, or
below `data`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.datasets.lines import json_lines, read_json, read_text
from rag.errors import DatasetError

Located = tuple[str, str, Any]  # location, title of the article, paragraph in the original form


def has_squad_rows(path: Path) -> bool:
    """Return whether a file holds lines of which the first one is a question with its context."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            first = next((line for line in stream if line.strip()), "")
        return _is_row(json.loads(first))
    except (OSError, ValueError, RecursionError):
        return False


def is_squad_file(path: Path) -> bool:
    """Return whether a file has one of the forms.

    Raises:
        DatasetError: If a `.json` file is not JSON.
    """
    if path.suffix not in (".json", ".jsonl"):
        return False
    if path.suffix == ".jsonl" or are_lines(path):
        return has_squad_rows(path)
    content = read_json(path)
    if isinstance(content, dict):
        content = content.get("data")
    return isinstance(content, list) and (
        not content or _is_row(content[0]) or _is_article(content[0])
    )


def are_lines(path: Path) -> bool:
    """Return whether a `.json` file holds several objects, one a line."""
    lines = (line for line in read_text(path).split("\n") if line.strip())
    first, second = next(lines, ""), next(lines, "")
    if not second.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def read_squad_file(path: Path) -> tuple[bool, Iterator[Located]]:
    """Return whether a file is marked as synthetic, and its located paragraphs.

    Raises:
        DatasetError: If the file is neither form; names the location.
    """
    if path.suffix == ".jsonl" or are_lines(path):
        return False, (_of_row(row, where) for where, row in json_lines(path))
    content = read_json(path)
    if _is_row(content):
        content = [content]
    if isinstance(content, list) and content:
        return False, _of_rows(content, path)
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise DatasetError(
            f"`{path}` is not a SQuAD file: neither articles below `data` nor rows with `context`."
        )
    data = content["data"]
    if data and _is_row(data[0]):
        return bool(content.get("synthetic")), _of_rows(data, path)
    return bool(content.get("synthetic")), _of_articles(data, path)


def _is_row(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and "context" in value and "qas" not in value


def _is_article(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, dict) and "paragraphs" in value


def _of_articles(articles: list[Any], path: Path) -> Iterator[Located]:
    for number, article in enumerate(articles, start=1):
        where = f"`{path}`, article {number}"
        if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
            raise DatasetError(f"{where}: `paragraphs` must be a list.")
        title = str(article.get("title") or "")
        for place, paragraph in enumerate(article["paragraphs"], start=1):
            yield f"{where}, paragraph {place}", title, paragraph


def _of_rows(rows: list[Any], path: Path) -> Iterator[Located]:
    for number, row in enumerate(rows, start=1):
        yield _of_row(row, f"`{path}`, row {number}")


def _of_row(row: Any, where: str) -> Located:  # noqa: ANN401 - any JSON
    """Return a row as a paragraph with one question."""
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: expected an object in braces (got {row!r:.40})")
    number = where.rpartition(", ")[2].replace(" ", "-")
    question = {"id": number} | {key: row[key] for key in row if key not in ("context", "title")}
    if isinstance(row.get("answers"), dict):
        question["answers"] = _listed(row["answers"], where)
    paragraph = {key: row[key] for key in ("context", "review_id") if key in row}
    return where, str(row.get("title") or ""), {**paragraph, "qas": [question]}


def _listed(answers: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return an object of lists as a list of objects."""
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise DatasetError(
            f"{where}: `answers` must have lists `text` and `answer_start` of the same length "
            f"(got {answers!r:.80})."
        )
    return [
        {"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)
    ]
