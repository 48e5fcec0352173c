"""Question lines: one JSON object per question, with any number of pieces of evidence.

    {"id": "q1", "question": "...", "answers": ["..."],
     "evidence": [{"document": "a.md", "text": "the words"}, {"document": "b.md", "start": 5,
     "end": 9}], "filters": {...}}

A question needs `answers` or `evidence`; `"answers": []` says that the documents do not answer it.
All pieces of evidence are needed to answer; a list in place of a piece holds alternatives. A line
may have `"synthetic": true`. Documents are in `corpus.jsonl` (BEIR's format) or in a folder
`documents` next to the file; without either, the questions go to an existing collection
(`--collection`), where evidence is located by its words and therefore needs `text`.
"""

from pathlib import Path
from typing import Any

from evaluation.datasets.beir import read_corpus
from evaluation.datasets.fields import check_fields, filters_of, id_of, text_of, texts_of
from evaluation.datasets.lines import json_lines
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.errors import DatasetError

FIELDS = ("id", "question", "answers", "evidence", "filters", "synthetic")
PIECE_FIELDS = ("document", "text", "start", "end")


def load_jsonl(path: Path) -> Dataset:
    """Return the data set in a file of question lines.

    Raises:
        DatasetError: If a line is malformed, or evidence is not at its stated offsets; names file
            and line.
    """
    folder, corpus = path.parent / "documents", path.parent / "corpus.jsonl"
    given = {each.document_id: each for each in read_corpus(corpus)} if corpus.is_file() else {}
    quoted: dict[str, SourceDocument] = {}
    rows = list(json_lines(path))
    questions = [_question(row, where, given, quoted) for where, row in rows]
    _check_measurable(rows)
    return Dataset(
        name=path.stem,
        path=path,
        matching="spans",
        questions=tuple(questions),
        documents=tuple((given or quoted).values()),
        folder=folder if folder.is_dir() and not given else None,
        quoted=bool(quoted),
        synthetic=any(row.get("synthetic") for _, row in rows),
    )


def _question(
    row: dict[str, Any],
    where: str,
    given: dict[str, SourceDocument],
    quoted: dict[str, SourceDocument],
) -> JudgedQuestion:
    check_fields(row, FIELDS, where)
    pieces = row.get("evidence", [])
    if not isinstance(pieces, list) or [] in pieces:
        raise DatasetError(f"{where}: `evidence` must be a list of pieces (got {pieces!r:.60}).")
    if not isinstance(row.get("synthetic", False), bool):
        got = row["synthetic"]
        raise DatasetError(f"{where}: `synthetic` must be true or false (got {got!r:.60}).")
    evidence = tuple(
        tuple(
            _gold(each, where, given, quoted)
            for each in (piece if isinstance(piece, list) else [piece])
        )
        for piece in pieces
    )
    name = id_of(row, ("id",), where, f"line-{where.rpartition(' ')[2]}")
    first = next((gold.document_id for piece in evidence for gold in piece), "")
    return JudgedQuestion(
        question_id=name,
        question=text_of(row, "question", where, blank=False),
        answers=texts_of(row, "answers", where),
        evidence=evidence,
        cluster=first if len(evidence) == 1 else name,
        filters=filters_of(row, where),
    )


def _check_measurable(rows: list[tuple[str, dict[str, Any]]]) -> None:
    for where, row in rows:
        if "answers" not in row and not row.get("evidence"):
            raise DatasetError(
                f"{where}: the question has neither `answers` nor `evidence`, so nothing can be "
                'measured. `"answers": []` says that the documents do not answer it.'
            )
        if row.get("answers") == [] and row.get("evidence"):
            raise DatasetError(
                f'{where}: `"answers": []` says that the documents do not answer the question, '
                "but it has `evidence`. Leave out one of the two."
            )


def _gold(
    piece: Any,  # noqa: ANN401 - any JSON
    where: str,
    given: dict[str, SourceDocument],
    quoted: dict[str, SourceDocument],
) -> Gold:
    if not isinstance(piece, dict):
        raise DatasetError(f"{where}: a piece of evidence must be an object (got {piece!r:.60}).")
    check_fields(piece, PIECE_FIELDS, where)
    name = text_of(piece, "document", where, blank=False)
    if given and name not in given:
        raise DatasetError(f"{where}: the document `{name}` is not in `corpus.jsonl`.")
    if not given:
        return _quote(text_of(piece, "text", where, blank=False), name, quoted)
    text = given[name].text
    if "text" in piece:
        words = text_of(piece, "text", where, blank=False)
        first = piece.get("start", 0)
        start = text.find(words, first) if isinstance(first, int) else -1
        end = start + len(words)
    else:
        start, end = piece.get("start", -1), piece.get("end", -1)
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        raise DatasetError(f"{where}: the evidence {piece!r:.120} does not stand in `{name}`.")
    return Gold(name, start, end)


def _quote(words: str, name: str, quoted: dict[str, SourceDocument]) -> Gold:
    """Keep quoted words as a document of their own, to be searched in the collection."""
    key = f"{name}#{len(quoted)}"
    quoted[key] = SourceDocument(key, name, words)
    return Gold(key, 0, len(words))
