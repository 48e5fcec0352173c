"""BEIR's format: `corpus.jsonl`, `queries.jsonl` and graded judgements in `qrels/SPLIT.tsv`.

Documents are judged. Queries without judgements belong to another split and are left out, unless
an empty list of `answers` marks them as unanswerable. Queries and documents may have further
fields; gold answers among them are used in any form (`further_fields`), others are named in the
set's notes.
"""

from pathlib import Path
from typing import Any

from evaluation.datasets.fields import id_of, text_of
from evaluation.datasets.further_fields import FurtherFields
from evaluation.datasets.lines import json_lines, table_rows
from evaluation.datasets.schema import Dataset, JudgedQuestion, SourceDocument
from rag.errors import DatasetError

SPLITS = ("test", "dev", "train")
IDS = ("_id", "id")
COLUMNS = ("query-id", "corpus-id", "score")


def load_beir(folder: Path, *, split: str | None = None) -> Dataset:
    """Return the data set in a BEIR folder.

    Args:
        folder: Folder with `corpus.jsonl`, `queries.jsonl` and `qrels`.
        split: Name of the judgement file without suffix; None is the first of test, dev, train.

    Raises:
        DatasetError: If a line is malformed, an id is repeated, or a judgement names a query or
            a document that does not exist; names file and line.
    """
    documents = read_corpus(folder / "corpus.jsonl")
    rows = _read_queries(folder / "queries.jsonl")
    judgements = _judgements_file(folder / "qrels", split)
    grades = _read_qrels(judgements, set(rows), {each.document_id for each in documents})
    questions, further = [], FurtherFields((*IDS, "text"))
    for query_id, (where, row) in rows.items():
        answers = further.answers_of(row, where)
        filters = further.filters_of(row, where)
        if query_id in grades or answers == ():
            questions.append(
                JudgedQuestion(
                    question_id=query_id,
                    question=text_of(row, "text", where),
                    answers=answers or (),
                    grades=grades.get(query_id, {}),
                    cluster=_cluster(query_id, grades.get(query_id, {})),
                    filters=filters,
                )
            )
    name = folder.resolve().name
    asked = tuple(questions)
    return Dataset(name, folder, "documents", asked, tuple(documents), notes=further.notes)


def read_corpus(path: Path) -> list[SourceDocument]:
    """Return the documents of a `corpus.jsonl`: lines of `_id`, `title` (may be missing), `text`.

    Raises:
        DatasetError: If a line is malformed, or an id is repeated.
    """
    found: dict[str, SourceDocument] = {}
    for where, row in json_lines(path):
        document_id = id_of(row, IDS, where)
        if document_id in found:
            raise DatasetError(f"{where}: the document `{document_id}` comes twice.")
        title = text_of(row, "title", where) if row.get("title") else ""
        found[document_id] = SourceDocument(document_id, title, text_of(row, "text", where))
    if not found:
        raise DatasetError(f"`{path}` holds no document.")
    return list(found.values())


def _cluster(query_id: str, grades: dict[str, int]) -> str:
    """Return a query's cluster: queries with the same single relevant document share one."""
    relevant = [document for document, grade in grades.items() if grade > 0]
    return relevant[0] if len(relevant) == 1 else query_id


def _read_queries(path: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, row in json_lines(path):
        query_id = id_of(row, IDS, where)
        if query_id in found:
            raise DatasetError(f"{where}: the query `{query_id}` comes twice.")
        text_of(row, "text", where, blank=False)
        found[query_id] = where, row
    if not found:
        raise DatasetError(f"`{path}` holds no query.")
    return found


def _judgements_file(folder: Path, split: str | None) -> Path:
    found = {path.stem: path for path in sorted(folder.glob("*.tsv"))}
    names = [split] if split else [name for name in SPLITS if name in found] or sorted(found)
    if not names or names[0] not in found:
        have = ", ".join(found) or "none"
        raise DatasetError(f"`{folder}` has no judgements `{split or 'test'}.tsv` (there: {have}).")
    return found[names[0]]


def _read_qrels(path: Path, queries: set[str], documents: set[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for where, row in table_rows(path, COLUMNS, delimiter="\t"):
        query_id, document_id = row["query-id"], row["corpus-id"]
        if query_id not in queries:
            raise DatasetError(f"{where}: the query `{query_id}` is not in `queries.jsonl`.")
        if document_id not in documents:
            raise DatasetError(f"{where}: the document `{document_id}` is not in `corpus.jsonl`.")
        grades = found.setdefault(query_id, {})
        if document_id in grades:
            raise DatasetError(f"{where}: `{query_id}` and `{document_id}` are judged twice.")
        try:
            grades[document_id] = int(row["score"])
        except ValueError:
            raise DatasetError(
                f"{where}: the score must be a whole number (got {row['score']!r})."
            ) from None
    if not found:
        raise DatasetError(f"`{path}` holds no judgement.")
    return found
