"""From a set of questions to pairs of question and text, each with what is known about it.

Long documents are cut into pieces, so that whole articles can be trained on as well. A gold answer
that crosses the border of two pieces is left out and counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.language.sentences import sentence_spans

LONGEST_PIECE = 1600  # characters
SHORTEST_FOUND = 3  # characters of an answer that is looked for, where no place is told
SHORTEST_UNSPACED = 2  # of one in Chinese, Japanese or Korean
_SAID = frozenset({"yes", "no", "true", "false"})  # answers that stand in no text
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_INSIDE = rf"[^\W{_UNSPACED}]"  # what a word goes on with

Kind = Literal["answer", "no answer", "relevant", "negative"]


@dataclass(frozen=True)
class DocumentPiece:
    """A document, or a part of a long one, that a question may be asked of.

    Attributes:
        piece_id: Unique in the set.
        document_id: Of the document.
        title: Its title, or an empty text.
        text: The piece's text.
        start: Where it begins in the document.
        meta: The document's, for a question's filters.
    """

    piece_id: str
    document_id: str
    title: str
    text: str
    start: int
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A question with a piece, and what is known about the pair.

    Attributes:
        question_id: Of the question.
        question: Its words.
        title: The piece's title.
        text: The piece's text.
        kind: `answer`: the piece answers, at `start` to `end`; `no answer`: it is about the
            question and does not answer; `relevant`: where it answers is not known; `negative`: it
            is about something else.
        start: Offset of the answer in the text, or -1.
        end: Offset behind it, or -1.
        cluster: What must not be in training and held back at once.
        golds: All gold answers.
        document: Document that the piece is of.
    """

    question_id: str
    question: str
    title: str
    text: str
    kind: Kind
    start: int = -1
    end: int = -1
    cluster: str = ""
    golds: tuple[str, ...] = ()
    document: str = ""


def cut_documents(documents: Sequence[SourceDocument]) -> list[DocumentPiece]:
    """Return the pieces of some documents, in order."""
    return [piece for document in documents for piece in _pieces(document)]


def _pieces(document: SourceDocument) -> Iterator[DocumentPiece]:
    text, number, first = document.text, 0, 0
    last = 0
    for start, end in sentence_spans(text) if len(text) > LONGEST_PIECE else [(0, len(text))]:
        if last > first and end - first > LONGEST_PIECE:
            yield _piece(document, number, first, last)
            number, first = number + 1, start
        last = end
    yield _piece(document, number, first, max(last, first))


def _piece(document: SourceDocument, number: int, first: int, last: int) -> DocumentPiece:
    return DocumentPiece(
        piece_id=f"{document.document_id}:{number}",
        document_id=document.document_id,
        title=document.title.replace("_", " "),
        text=document.text[first:last],
        start=first,
        meta=document.meta,
    )


def positives(dataset: Dataset, pieces: Sequence[DocumentPiece]) -> list[Example]:
    """Return the pairs that the set itself knows: with an answer, without one, or relevant."""
    by_document: dict[str, list[DocumentPiece]] = {}
    for piece in pieces:
        by_document.setdefault(piece.document_id, []).append(piece)
    homes = {name: parts[0] for name, parts in by_document.items()}
    found: list[Example] = []
    for question in dataset.questions:
        if question.evidence:
            found += _with_evidence(question, by_document)
        elif question.grades:
            found += _with_grades(question, by_document)
        elif not question.answers and question.home in homes:
            found.append(_example(question, homes[question.home], "no answer"))
    return found


def _with_evidence(
    question: JudgedQuestion, by_document: Mapping[str, Sequence[DocumentPiece]]
) -> Iterator[Example]:
    """Yield one example for each piece of evidence; its commonest span is the answer."""
    for places in question.evidence:
        best = max(
            places, key=lambda gold: (places.count(gold), gold.start - gold.end, -gold.start)
        )
        for piece in by_document.get(best.document_id, ()):
            if piece.start <= best.start and best.end <= piece.start + len(piece.text):
                yield _spanned(question, piece, best)
                break


def _spanned(question: JudgedQuestion, piece: DocumentPiece, gold: Gold) -> Example:
    start, end = gold.start - piece.start, gold.end - piece.start
    return _example(question, piece, "answer", start=start, end=end)


def _with_grades(
    question: JudgedQuestion, by_document: Mapping[str, Sequence[DocumentPiece]]
) -> Iterator[Example]:
    """Yield relevant documents, with the place of a gold answer where one stands in them."""
    for document_id, grade in question.grades.items():
        parts = by_document.get(document_id, ())
        if grade <= 0 or not parts:
            continue
        spots = ((piece, find_answer(piece.text, question.answers)) for piece in parts)
        piece, spot = next(((piece, spot) for piece, spot in spots if spot), (parts[0], None))
        if spot:
            yield _example(question, piece, "answer", start=spot[0], end=spot[1])
        else:
            yield _example(question, piece, "relevant")


def find_answer(text: str, answers: Sequence[str]) -> tuple[int, int] | None:
    """Return where a gold answer stands in a text as words of its own; None if none does.

    Scripts that put no space between words set no borders either.

    Example:
        >>> find_answer("In 1905, not in 19051.", ["1905"])
        (3, 7)
        >>> find_answer("锅炉每天早上六点启动。", ["六点"])
        (6, 8)
    """
    for answer in answers:
        shortest = SHORTEST_UNSPACED if re.search(f"[{_UNSPACED}]", answer) else SHORTEST_FOUND
        if len(answer) < shortest or answer not in text or answer.casefold() in _SAID:
            continue
        match = re.search(rf"(?<!{_INSIDE}){re.escape(answer)}(?!{_INSIDE})", text)
        if match:
            return match.span()
    return None


def _example(
    question: JudgedQuestion, piece: DocumentPiece, kind: Kind, *, start: int = -1, end: int = -1
) -> Example:
    return Example(
        question_id=question.question_id,
        question=question.question,
        title=piece.title,
        text=piece.text,
        kind=kind,
        start=start,
        end=end,
        cluster=question.cluster or question.question_id,
        golds=question.answers,
        document=piece.document_id,
    )
