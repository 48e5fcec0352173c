"""Training examples: labelled pairs of question and text, made from a data set.

Long documents are cut into pieces, so that whole articles can serve as training data. A gold answer
that crosses the border of two pieces is left out and counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.language.sentences import sentence_spans

LONGEST_PIECE = 1600  # characters
SHORTEST_FOUND = 3  # characters of an answer that is searched because it has no offset
SHORTEST_UNSPACED = 2  # the same in Chinese, Japanese or Korean
_SAID = frozenset({"yes", "no", "true", "false"})  # answers that no text contains
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_INSIDE = rf"[^\W{_UNSPACED}]"  # a character that continues a word

Kind = Literal["answer", "no answer", "relevant", "negative"]


@dataclass(frozen=True)
class DocumentPiece:
    """A document, or a part of a long one, as the text side of examples.

    Attributes:
        piece_id: Id, unique in the data set.
        document_id: Id of the document.
        title: Title of the document, or an empty string.
        text: Text of the piece.
        start: Offset of the piece in the document.
        meta: Metadata of the document, for a question's filters.
    """

    piece_id: str
    document_id: str
    title: str
    text: str
    start: int
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A labelled pair of a question and a piece.

    Attributes:
        question_id: Id of the question.
        question: Text of the question.
        title: Title of the piece.
        text: Text of the piece.
        kind: `answer`: the piece answers, at `start` to `end`; `no answer`: it is about the
            question and does not answer; `relevant`: it answers at an unknown place; `negative`:
            it is about something else.
        start: Offset of the answer in the text, or -1.
        end: Offset after the answer, or -1.
        cluster: Group that is either trained on or held back, never both.
        golds: All gold answers.
        document: Document of the piece.
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
    """Return the pieces of documents, in order."""
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
    """Return the examples that the data set itself labels: answer, no answer, or relevant."""
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
    """Yield one example per piece of evidence, whose most frequent span is the answer."""
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
    """Yield one example per relevant document, with the offsets of a gold answer if any."""
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
    """Return the offsets of a gold answer in a text, as whole words; None if there is none.

    Scripts without spaces between words have no word boundaries here.

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
