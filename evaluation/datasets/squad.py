"""SQuAD's format: articles, their paragraphs, and questions with answer offsets.

Every paragraph is a document of its own, titled by its article. In converted SubjQA files an
article is an item and a paragraph a review (it has a `review_id`): the search is restricted to the
item. A question may have `filters` of its own, as in question lines (`jsonl`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.datasets.lines import read_json
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from rag.errors import DatasetError


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


def read_squad(path: Path) -> list[Question]:
    """Return the questions of a file in SQuAD's format, version 1.1 or 2.0, in its order.

    Raises:
        DatasetError: If the file cannot be read, a key is missing, an id is repeated, or an answer
            is not at its offset; names the location.
    """
    paragraphs = _paragraphs(path, read_json(path), [])
    found = [question for paragraph in paragraphs for question in paragraph.questions]
    if not found:
        raise DatasetError(f"`{path}` holds no question.")
    return found


def load_squad(path: Path, *, repair: bool = False) -> Dataset:
    """Return the data set in a file of SQuAD's format.

    Args:
        path: The file. If there is a folder `documents` next to it, its files are indexed.
        repair: Move an answer that is not at its offset to its nearest occurrence, drop it if there
            is none, and drop empty questions; the data set's notes say how many.

    Raises:
        DatasetError: As for `read_squad`.
    """
    moved: list[str] | None = [] if repair else None
    content = read_json(path)
    documents: dict[tuple[str, str], SourceDocument] = {}
    questions, empty = [], 0
    for paragraph in _paragraphs(path, content, moved):
        key = (paragraph.title, paragraph.context)
        document = documents.setdefault(key, _document(paragraph, len(documents)))
        item = _item_filter(paragraph) if paragraph.review else None
        asked = [each for each in paragraph.questions if each.question.strip() or not repair]
        empty += len(paragraph.questions) - len(asked)
        questions += [_judged(each, document, item) for each in asked]
    folder = path.parent / "documents"
    notes = [f"{len(moved)} gold answers not at their offset: moved or left out."] if moved else []
    notes += [f"{empty} empty questions left out."] if empty else []
    return Dataset(
        name=path.stem,
        path=path,
        matching="spans",
        questions=tuple(questions),
        documents=tuple(documents.values()),
        folder=folder if folder.is_dir() else None,
        synthetic=bool(content.get("synthetic")),
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


def _paragraphs(path: Path, content: Any, moved: list[str] | None) -> Iterator[_Paragraph]:  # noqa: ANN401
    """Yield the paragraphs; `moved` collects the repaired answers, None makes them errors."""
    try:
        articles = list(content["data"])
    except (KeyError, TypeError) as error:
        raise DatasetError(f"`{path}` is not a SQuAD file: {error!r} is missing.") from None
    seen: set[str] = set()
    for number, article in enumerate(articles, start=1):
        try:
            paragraphs = list(article["paragraphs"])
        except (KeyError, TypeError) as error:
            raise DatasetError(f"`{path}`, article {number}: {error!r} is missing.") from None
        for place, paragraph in enumerate(paragraphs, start=1):
            where = f"`{path}`, article {number}, paragraph {place}"
            found = _paragraph(article, paragraph, where, moved)
            for question in found.questions:
                if question.question_id in seen:
                    raise DatasetError(f"{where}: the id `{question.question_id}` comes twice.")
                seen.add(question.question_id)
            yield found


def _paragraph(article: Any, paragraph: Any, where: str, moved: list[str] | None) -> _Paragraph:  # noqa: ANN401
    try:
        context = _text(paragraph, "context")
        review = paragraph.get("review_id")
        title = str(article.get("title") or "")
        questions = tuple(
            _question(each, title, context, where, moved) for each in paragraph["qas"]
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DatasetError(f"{where}: {error!r} is missing or of another type.") from None
    return _Paragraph(title, context, None if review is None else str(review), questions)


def _question(
    each: Any,  # noqa: ANN401
    title: str,
    context: str,
    where: str,
    moved: list[str] | None,
) -> Question:
    pairs = []
    for answer in each["answers"]:
        start, text = _place(answer, context, where, moved)
        if start >= 0:
            pairs.append((start, text))
    filters = each.get("filters")
    if filters is not None and not isinstance(filters, dict):
        raise DatasetError(f"{where}: `filters` must be an object (got {filters!r:.60}).")
    return Question(
        question_id=str(each["id"]),
        question=_text(each, "question"),
        answers=tuple(text for _, text in pairs),
        document=title,
        context=context,
        starts=tuple(start for start, _ in pairs),
        filters=filters,
    )


def _text(each: Any, key: str) -> str:  # noqa: ANN401
    if not isinstance(each[key], str):
        raise TypeError(f"`{key}` must be a text (got {each[key]!r:.60})")
    return str(each[key])


def _place(answer: Any, context: str, where: str, moved: list[str] | None) -> tuple[int, str]:  # noqa: ANN401
    start, text = int(answer["answer_start"]), str(answer["text"])
    if start >= 0 and context[start : start + len(text)] == text:
        return start, text
    if moved is None:
        raise DatasetError(
            f"{where}: the answer `{text[:80]}` does not stand at {start}. Correct the file, or "
            "give --repair to move such answers to where they stand."
        )
    moved.append(text)
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    return min(places, key=lambda place: (abs(place - start), place), default=-1), text
