"""SubjQA's CSV folders: a row is one annotator's answer to a question about a review.

The documents are the reviews of the selected split, and the search is restricted to the question's
item, as in the book. Reviews end in ` ANSWERNOTFOUND`, which is cut off; an answer that reaches it
counts as none. Gold answers are the text at the annotators' offsets, which differs from
`human_ans_spans` in 5 %.
"""

import re
from pathlib import Path

from evaluation.datasets.lines import table_rows
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.errors import DatasetError

COLUMNS = (
    "item_id",
    "q_review_id",
    "question",
    "review_id",
    "review",
    "human_ans_spans",
    "human_ans_indices",
)
NO_ANSWER = "ANSWERNOTFOUND"
_INDICES = re.compile(r"\((\d+), (\d+)\)")

Row = tuple[str, dict[str, str]]


def load_subjqa(path: Path) -> Dataset:
    """Return the data set of a SubjQA domain.

    Args:
        path: The domain's folder, its `splits`, or one of its CSV files. A folder stands for its
            `test.csv` (else `dev.csv`, `train.csv`).

    Raises:
        DatasetError: If a row is malformed, an offset lies outside its review, or two rows
            disagree about a question; names file and line.
    """
    chosen = _file(path)
    documents: dict[str, SourceDocument] = {}
    rows = list(table_rows(chosen, COLUMNS))
    for where, row in rows:
        review = _review(row)
        document = SourceDocument(row["review_id"], "", review, {"item": row["item_id"]})
        known = documents.setdefault(row["review_id"], document)
        if known.text != review:
            raise DatasetError(f"{where}: the review `{row['review_id']}` has another text.")
    domain = chosen.parent.parent.name if chosen.parent.name == "splits" else chosen.parent.name
    name = f"subjqa-{domain}-{chosen.stem}"
    return Dataset(name, path, "spans", tuple(_questions(rows)), tuple(documents.values()))


def is_subjqa(path: Path) -> bool:
    """Return whether a folder or CSV file has SubjQA's format."""
    try:
        with _file(path).open(encoding="utf-8") as stream:
            return "human_ans_indices" in stream.readline()
    except (DatasetError, OSError, UnicodeDecodeError):
        return False


def _file(path: Path) -> Path:
    """Return the CSV file that holds the questions."""
    if path.is_file() and path.suffix == ".csv":
        return path
    folder = path / "splits" if (path / "splits").is_dir() else path
    for split in ("test", "dev", "train"):
        if (folder / f"{split}.csv").is_file():
            return folder / f"{split}.csv"
    raise DatasetError(f"`{path}` holds no `test.csv`, `dev.csv` or `train.csv`.")


def _review(row: dict[str, str]) -> str:
    return row["review"].removesuffix(NO_ANSWER).rstrip()


def _questions(rows: list[Row]) -> list[JudgedQuestion]:
    grouped: dict[str, list[Row]] = {}
    for where, row in rows:
        grouped.setdefault(row["q_review_id"], []).append((where, row))
    return [_question(question_id, group) for question_id, group in grouped.items()]


def _question(question_id: str, group: list[Row]) -> JudgedQuestion:
    first = group[0][1]
    spans: dict[Gold, str] = {}
    for where, row in group:
        if (row["question"], row["review_id"]) != (first["question"], first["review_id"]):
            raise DatasetError(f"{where}: `{question_id}` is another question than before.")
        if not row["human_ans_spans"].endswith(NO_ANSWER):
            span = _span(row, where)
            spans[span] = _review(row)[span.start : span.end]
    return JudgedQuestion(
        question_id=question_id,
        question=first["question"].strip(),
        answers=tuple(dict.fromkeys(spans.values())),
        evidence=(tuple(spans),) if spans else (),
        cluster=first["item_id"],
        filters={"field": "meta.item", "operator": "==", "value": first["item_id"]},
        home=first["review_id"],
    )


def _span(row: dict[str, str], where: str) -> Gold:
    match = _INDICES.fullmatch(row["human_ans_indices"].strip())
    if match is None:
        got = row["human_ans_indices"]
        raise DatasetError(f"{where}: expected `human_ans_indices` as (start, end) (got {got!r}).")
    start, end = int(match[1]), int(match[2])
    if not start < end <= len(_review(row)):
        raise DatasetError(f"{where}: the answer's span ({start}, {end}) is outside its review.")
    if not _review(row)[start:end].strip():
        raise DatasetError(f"{where}: the answer's span ({start}, {end}) is blank.")
    return Gold(row["review_id"], start, end)
