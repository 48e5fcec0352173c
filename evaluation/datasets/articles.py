"""Whole articles with questions about their paragraphs: `articles/*.txt` and `questions*.jsonl`.

A line is {_id, text, answers, document, context_offset}: the answers are in the paragraph of
`document` that begins at `context_offset`; the first occurrence from there on is taken.
"""

from pathlib import Path
from typing import Any

from evaluation.datasets.fields import check_fields, id_of, text_of, texts_of
from evaluation.datasets.lines import json_lines, read_text
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.errors import DatasetError

FIELDS = ("_id", "text", "answers", "document", "context_offset")


def load_articles(folder: Path) -> Dataset:
    """Return the data set in a folder of articles and questions.

    Raises:
        DatasetError: If a line is malformed, or names an article or answer that does not exist.
    """
    files = sorted(folder.glob("questions*.jsonl"))
    if len(files) != 1:
        raise DatasetError(f"`{folder}` must hold one file questions*.jsonl (got {len(files)}).")
    texts = {path.name: read_text(path) for path in sorted((folder / "articles").glob("*.txt"))}
    questions = tuple(_question(row, where, texts) for where, row in json_lines(files[0]))
    documents = tuple(
        SourceDocument(name, name.removesuffix(".txt").replace("_", " "), text)
        for name, text in texts.items()
    )
    return Dataset(folder.resolve().name, folder, "spans", questions, documents)


def _question(row: dict[str, Any], where: str, texts: dict[str, str]) -> JudgedQuestion:
    check_fields(row, FIELDS, where)
    if "answers" not in row:
        raise DatasetError(f'{where}: `answers` is missing; `"answers": []` says there is none.')
    name, offset = text_of(row, "document", where), row.get("context_offset")
    if name not in texts:
        raise DatasetError(f"{where}: there is no `articles/{name}`.")
    if (
        not isinstance(offset, int)
        or isinstance(offset, bool)
        or not 0 <= offset <= len(texts[name])
    ):
        raise DatasetError(f"{where}: `context_offset` must lie in `{name}` (got {offset!r}).")
    answers = tuple(dict.fromkeys(texts_of(row, "answers", where)))
    spans = []
    for answer in answers:
        start = texts[name].find(answer, offset)
        if start < 0:
            raise DatasetError(
                f"{where}: `{answer[:80]}` does not stand in `{name}` from {offset}."
            )
        spans.append(Gold(name, start, start + len(answer)))
    return JudgedQuestion(
        question_id=id_of(row, ("_id",), where),
        question=text_of(row, "text", where, blank=False),
        answers=answers,
        evidence=(tuple(spans),) if spans else (),
        cluster=name,
    )
