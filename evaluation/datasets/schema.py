"""What a set of questions consists of, whatever form it came in."""

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
    """A document of the set: its text is what gold spans count in."""

    document_id: str
    title: str
    text: str
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gold:
    """Characters `start` to `end` (exclusive) of a document of the set."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class JudgedQuestion:
    """A question and what is known about its answer.

    Attributes:
        question_id: Its id, unique in the set.
        question: The words.
        answers: Gold answers; empty if there is none, or none is known.
        evidence: Pieces of evidence that are needed, each with the places where it stands, any of
            which will do: one piece for SQuAD, several for multi-hop questions.
        grades: Judged document -> grade, for sets that judge whole documents.
        cluster: What it shares with other questions: its document or article.
        filters: What the search is restricted to, in Haystack's syntax, or None.
        home: Document that it was asked about, if that is known; for one that nothing answers.
        hops: Pieces of evidence or relevant documents, if known.
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
        """Whether the documents answer it, as far as is known."""
        return bool(self.answers or self.evidence or self.hops)

    @property
    def is_judged(self) -> bool:
        """Whether it is known what should be found."""
        return bool(self.evidence or self.grades)

    @property
    def hops(self) -> int:
        """How many pieces of evidence, or relevant documents, it has."""
        return len(self.evidence) or sum(grade > 0 for grade in self.grades.values())


@dataclass(frozen=True)
class Dataset:
    """Questions, and the documents they are about.

    Attributes:
        name: For folders and titles.
        path: Where it was read from.
        matching: Whether documents or spans are judged.
        questions: In the order of the file.
        documents: Texts; what gold spans count in.
        folder: Files to be indexed in place of the texts, or None.
        sampled_from: Questions before a sample was taken, or None.
        synthetic: Whether the questions were made by a machine.
        notes: What a reader of numbers has to know.
    """

    name: str
    path: Path
    matching: Matching
    questions: tuple[JudgedQuestion, ...]
    documents: tuple[SourceDocument, ...]
    folder: Path | None = None
    sampled_from: int | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    @property
    def has_answers(self) -> bool:
        """Whether there are gold answers to compare with."""
        return any(question.answers for question in self.questions)

    @property
    def questions_sha256(self) -> str:
        """Hash of what is asked: ids, words, gold answers and filters, in order."""
        return sha256_of(
            [each.question_id, each.question, list(each.answers), each.filters]
            for each in self.questions
        )

    @property
    def qrels_sha256(self) -> str:
        """Hash of what is judged, in the order of the questions."""
        return sha256_of(
            [
                each.question_id,
                [[[g.document_id, g.start, g.end] for g in one] for one in each.evidence],
                sorted(each.grades.items()),
            ]
            for each in self.questions
        )

    def sample(self, limit: int | None, seed: int) -> "Dataset":
        """Return the set with at most `limit` of its questions, drawn at random, in its order."""
        if limit is None or limit >= len(self.questions):
            return self
        if limit < 1:
            raise DatasetError(f"--limit: expected at least 1 (got {limit})")
        places = sorted(random.Random(seed).sample(range(len(self.questions)), limit))  # noqa: S311
        kept = tuple(self.questions[place] for place in places)
        return replace(self, questions=kept, sampled_from=len(self.questions))


def sha256_of(rows: Iterable[Any]) -> str:
    """Return the SHA-256, in hexadecimal, of some JSON-ready values, one line each."""
    digest = hashlib.sha256()
    for row in rows:
        line = json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def check_questions(questions: Sequence[JudgedQuestion], path: Path) -> None:
    """Refuse an empty set, an id that comes twice, and an empty question.

    Raises:
        DatasetError: Names the file and the id.
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
