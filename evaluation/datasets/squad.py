"""SQuAD's format: articles, their paragraphs, and questions with answer offsets.

Every paragraph is a document of its own, titled by its article. In converted SubjQA files an
article is an item and a paragraph a review (it has a `review_id`): the search is restricted to the
item. A question may have `filters` of its own, as in question lines (`jsonl`). Rows, the form in
which hubs distribute SQuAD, are read as well (`squad_forms`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.datasets.fields import check_fields, filters_of, id_of, objects_of, text_of
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.datasets.squad_forms import Located, read_squad_file
from rag.errors import DatasetError

FIELDS = ("id", "question", "answers", "filters")  # others may stand beside them


@dataclass(frozen=True)
class Question:
    """A question and what is known about its answer.

    Attributes:
        question_id: Id, unique in the file.
        question: Text of the question.
        answers: Gold answers; empty if the documents do not answer it.
        document: Title of its article.
        context: Paragraph that contains the answers.
        starts: Offset of each answer in the context.
        filters: Filter of the search, in Haystack's syntax, or None; an extension of SQuAD.
    """

    question_id: str
    question: str
    answers: tuple[str, ...]
    document: str
    context: str
    starts: tuple[int, ...]
    filters: Mapping[str, Any] | None = None

    @property
    def is_answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.answers)


@dataclass(frozen=True)
class _Paragraph:
    """A paragraph, its article's title, its own id if it has one, and its questions."""

    title: str
    context: str
    review: str | None
    questions: tuple[Question, ...]


@dataclass
class _Repairs:
    """Counts of what was repaired: answers that were moved, questions that lost all answers."""

    moved: int = 0
    lost: int = 0

    @property
    def notes(self) -> list[str]:
        """Sentences for the reader of the numbers."""
        moved = f"{self.moved} gold answers not at their offset: moved or left out."
        lost = f"{self.lost} questions left out: no answer of them stands in their text."
        return [*([moved] if self.moved else []), *([lost] if self.lost else [])]


def read_squad(path: Path) -> list[Question]:
    """Return the questions of a file in SQuAD's format, version 1.1 or 2.0, in its order.

    Answers that are not at their offset are moved, as `load_squad` does to repair a file.

    Raises:
        DatasetError: If the file cannot be read, a key is missing or of another type, or an id is
            repeated; names the location.
    """
    _, paragraphs = _paragraphs(path, _Repairs())
    found = [question for paragraph in paragraphs for question in paragraph.questions]
    if not found:
        raise DatasetError(f"`{path}` holds no question.")
    return found


def load_squad(path: Path, *, repair: bool = False) -> Dataset:
    """Return the data set in a file of SQuAD's format.

    Args:
        path: The file. If there is a folder `documents` next to it, its files are indexed.
        repair: Move an answer that is not at its offset to its nearest occurrence, drop it if there
            is none, and leave out questions that are empty or lose all answers; the data set's
            notes say how many.

    Raises:
        DatasetError: As for `read_squad`, or if an answer is not at its offset.
    """
    repairs = _Repairs() if repair else None
    synthetic, paragraphs = _paragraphs(path, repairs)
    documents: dict[tuple[str, str], SourceDocument] = {}
    questions, empty = [], 0
    for paragraph in paragraphs:
        key = (paragraph.title, paragraph.context)
        document = documents.setdefault(key, _document(paragraph, len(documents)))
        item = _item_filter(paragraph) if paragraph.review else None
        asked = [each for each in paragraph.questions if each.question.strip() or not repair]
        empty += len(paragraph.questions) - len(asked)
        questions += [_judged(each, document, item) for each in asked]
    folder = path.parent / "documents"
    notes = repairs.notes if repairs else []
    notes += [f"{empty} empty questions left out."] if empty else []
    return Dataset(
        name=path.stem,
        path=path,
        matching="spans",
        questions=tuple(questions),
        documents=tuple(documents.values()),
        folder=folder if folder.is_dir() else None,
        synthetic=synthetic,
        notes=tuple(notes),
    )


def _document(paragraph: _Paragraph, number: int) -> SourceDocument:
    name = paragraph.review or f"{paragraph.title or 'paragraph'}#{number}"
    meta = {"item": paragraph.title} if paragraph.review else {}
    title = "" if paragraph.review else paragraph.title
    return SourceDocument(name, title, paragraph.context, meta)


def _item_filter(paragraph: _Paragraph) -> dict[str, Any]:
    return {"field": "meta.item", "operator": "==", "value": paragraph.title}


def _judged(
    question: Question, document: SourceDocument, item: Mapping[str, Any] | None
) -> JudgedQuestion:
    places = dict.fromkeys(zip(question.starts, question.answers, strict=True))
    spans = tuple(
        Gold(document.document_id, start, start + len(text)) for start, text in places if text
    )
    return JudgedQuestion(
        question_id=question.question_id,
        question=question.question,
        answers=tuple(dict.fromkeys(question.answers)),
        evidence=(spans,) if spans else (),
        cluster=question.document or document.document_id,
        filters=_both(item, question.filters),
        home=document.document_id,
    )


def _both(
    first: Mapping[str, Any] | None, second: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    if first is None or second is None:
        return second if first is None else first
    return {"operator": "AND", "conditions": [first, second]}


def _paragraphs(path: Path, repairs: _Repairs | None) -> tuple[bool, Iterator[_Paragraph]]:
    """Return the mark of a synthetic set, and its paragraphs; without repairs, flaws are errors."""
    synthetic, located = read_squad_file(path)
    return synthetic, _checked(located, repairs)


def _checked(located: Iterator[Located], repairs: _Repairs | None) -> Iterator[_Paragraph]:
    seen: set[str] = set()
    for where, title, paragraph in located:
        found = _paragraph(title, paragraph, where, repairs)
        for question in found.questions:
            if question.question_id in seen:
                raise DatasetError(f"{where}: the id `{question.question_id}` comes twice.")
            seen.add(question.question_id)
        yield found


def _paragraph(title: str, paragraph: Any, where: str, repairs: _Repairs | None) -> _Paragraph:  # noqa: ANN401
    if not isinstance(paragraph, dict):
        raise DatasetError(f"{where}: expected an object (got {paragraph!r:.60}).")
    context = text_of(paragraph, "context", where)
    if not isinstance(paragraph.get("qas"), list):
        raise DatasetError(f"{where}: `qas` must be a list of questions.")
    asked = (_question(each, title, context, where, repairs) for each in paragraph["qas"])
    questions = tuple(question for question in asked if question is not None)
    review = paragraph.get("review_id")
    return _Paragraph(title, context, None if review is None else str(review), questions)


def _question(
    each: Any,  # noqa: ANN401 - any JSON
    title: str,
    context: str,
    where: str,
    repairs: _Repairs | None,
) -> Question | None:
    """Return a question; None if repairs leave it out."""
    if not isinstance(each, dict):
        raise DatasetError(f"{where}: a question must be an object (got {each!r:.60}).")
    check_fields(each, FIELDS, where, further=True)
    answers = objects_of(each, "answers", where)
    places = [_place(answer, context, where, repairs) for answer in answers]
    pairs = [(start, text) for start, text in places if start >= 0]
    if repairs is not None and answers and not pairs:
        repairs.lost += 1
        return None
    return Question(
        question_id=id_of(each, ("id",), where),
        question=text_of(each, "question", where),
        answers=tuple(text for _, text in pairs),
        document=title,
        context=context,
        starts=tuple(start for start, _ in pairs),
        filters=filters_of(each, where),
    )


def _place(
    answer: dict[str, Any], context: str, where: str, repairs: _Repairs | None
) -> tuple[int, str]:
    """Return an answer's offset and text; -1 if repairs leave it out."""
    text, start = text_of(answer, "text", where), answer.get("answer_start")
    if isinstance(start, bool) or not isinstance(start, int):
        raise DatasetError(f"{where}: `answer_start` must be a whole number (got {start!r:.60}).")
    if not text.strip() and repairs is None:
        raise DatasetError(
            f'{where}: an answer is blank. `"answers": []` says that the text does not answer; '
            "--repair leaves such questions out."
        )
    if text.strip() and start >= 0 and context[start : start + len(text)] == text:
        return start, text
    if repairs is None:
        raise DatasetError(
            f"{where}: the answer `{text[:80]}` does not stand at {start}. Correct the file, or "
            "give --repair to move such answers to where they stand."
        )
    repairs.moved += 1
    if not text.strip():
        return -1, text
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    return min(places, key=lambda place: (abs(place - start), place), default=-1), text
