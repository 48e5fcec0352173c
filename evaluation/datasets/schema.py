"""The classes of a data set, the same for every file format."""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rag.errors import DatasetError

Matching = Literal["documents", "spans"]


@dataclass(frozen=True)
class SourceDocument:
    """A document of the data set; gold spans are offsets into its text."""

    document_id: str
    title: str
    text: str
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gold:
    """A gold span: characters `start` to `end` (exclusive) of a document of the data set."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class JudgedQuestion:
    """A question and what is known about its answer.

    Attributes:
        question_id: Id, unique in the data set.
        question: Text of the question.
        answers: Gold answers; empty if there is none, or none is known.
        evidence: Pieces of evidence that are needed, each with its alternative spans: one piece for
            SQuAD, several for multi-hop questions.
        grades: Judged document -> grade, for sets that judge whole documents.
        cluster: Document or article that it shares with other questions.
        filters: Filter of the search, in Haystack's syntax, or None.
        home: Document that an unanswerable question was written about, if known.
        hops: Number of pieces of evidence or relevant documents, if known.
    """

    question_id: str
    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[tuple[Gold, ...], ...] = ()
    grades: Mapping[str, int] = field(default_factory=dict)
    cluster: str = ""
    filters: Mapping[str, Any] | None = None
    home: str = ""

    @property
    def is_answerable(self) -> bool:
        """Whether the documents answer it, as far as known."""
        return bool(self.answers or self.evidence or self.hops)

    @property
    def is_judged(self) -> bool:
        """Whether there are judgements or evidence."""
        return bool(self.evidence or self.grades)

    @property
    def hops(self) -> int:
        """Number of pieces of evidence, or of relevant documents."""
        return len(self.evidence) or sum(grade > 0 for grade in self.grades.values())


@dataclass(frozen=True)
class Dataset:
    """Questions and their documents.

    Attributes:
        name: Name for folders and titles.
        path: Its file or folder.
        matching: Unit of the judgements: documents or spans.
        questions: Questions in the order of the file.
        documents: Documents; gold spans are offsets into their texts.
        folder: Files to be indexed in place of the texts, or None.
        sampled_from: Number of questions before sampling, or None.
        quoted: Whether the documents are nothing but the evidence that was quoted, so that the
            questions need an existing collection.
        synthetic: Whether the questions are machine-made.
        notes: Caveats for the reader of the numbers.
    """

    name: str
    path: Path
    matching: Matching
    questions: tuple[JudgedQuestion, ...]
    documents: tuple[SourceDocument, ...]
    folder: Path | None = None
    sampled_from: int | None = None
    quoted: bool = False
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    @property
    def has_answers(self) -> bool:
        """Whether any question has gold answers."""
        return any(question.answers for question in self.questions)

    @property
    def questions_sha256(self) -> str:
        """Hash of ids, question texts, gold answers and filters, in order."""
        return sha256_of(
            [each.question_id, each.question, list(each.answers), each.filters]
            for each in self.questions
        )

    @property
    def qrels_sha256(self) -> str:
        """Hash of the judgements, in the order of the questions."""
        return sha256_of(
            [
                each.question_id,
                [[[g.document_id, g.start, g.end] for g in one] for one in each.evidence],
                sorted(each.grades.items()),
            ]
            for each in self.questions
        )

    def sample(self, limit: int | None, seed: int) -> "Dataset":
        """Return the data set with a random sample of at most `limit` questions, in their order."""
        if limit is None or limit >= len(self.questions):
            return self
        if limit < 1:
            raise DatasetError(f"--limit: expected at least 1 (got {limit})")
        places = sorted(random.Random(seed).sample(range(len(self.questions)), limit))  # noqa: S311
        kept = tuple(self.questions[place] for place in places)
        return replace(self, questions=kept, sampled_from=len(self.questions))


def sha256_of(rows: Iterable[Any]) -> str:
    """Return the hexadecimal SHA-256 of JSON-ready values, one line each."""
    digest = hashlib.sha256()
    for row in rows:
        line = json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def check_questions(questions: Sequence[JudgedQuestion], path: Path) -> None:
    """Check that there are questions, that ids are unique and that no question is empty.

    Raises:
        DatasetError: If one of these does not hold; names the file and the id.
    """
    if not questions:
        raise DatasetError(f"`{path}` holds no question.")
    seen: set[str] = set()
    for each in questions:
        if each.question_id in seen:
            raise DatasetError(f"`{path}`: the id `{each.question_id}` comes twice.")
        if not each.question.strip():
            raise DatasetError(f"`{path}`: the question `{each.question_id}` is empty.")
        seen.add(each.question_id)
