"""Reading questions with known answers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import DatasetError


@dataclass(frozen=True)
class Question:
    """A question and what is known about its answer.

    Attributes:
        question_id: Its id, unique in the set.
        question: The words.
        answers: Gold answers; empty if the documents do not answer it.
        document: Title of the article it belongs to.
        context: The paragraph that the answers stand in.
        starts: Offset of each answer in the context.
    """

    question_id: str
    question: str
    answers: tuple[str, ...]
    document: str
    context: str
    starts: tuple[int, ...]

    @property
    def is_answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.answers)


def read_squad(path: Path) -> list[Question]:
    """Return the questions of a file in SQuAD's form, version 1.1 or 2.0, in its order.

    Raises:
        DatasetError: If the file cannot be read, a key is missing, an id comes twice, or an answer
            is not where it is said to be; names the place.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        articles = content["data"]
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"`{path}` is not a SQuAD file: {error!r}.") from None
    found: dict[str, Question] = {}
    for number, article in enumerate(articles):
        for place, paragraph in enumerate(article["paragraphs"]):
            where = f"`{path}`, article {number + 1}, paragraph {place + 1}"
            for question in _questions(article, paragraph, where):
                if question.question_id in found:
                    raise DatasetError(f"{where}: the id `{question.question_id}` comes twice.")
                found[question.question_id] = question
    if not found:
        raise DatasetError(f"`{path}` holds no question.")
    return list(found.values())


def _questions(article: Any, paragraph: Any, where: str) -> list[Question]:  # noqa: ANN401
    try:
        context = paragraph["context"]
        return [
            Question(
                question_id=str(each["id"]),
                question=each["question"],
                answers=tuple(answer["text"] for answer in each["answers"]),
                document=article.get("title", ""),
                context=context,
                starts=tuple(_checked(answer, context, where) for answer in each["answers"]),
            )
            for each in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{where}: {error!r} is missing or of another type.") from None


def _checked(answer: Any, context: str, where: str) -> int:  # noqa: ANN401
    start, text = int(answer["answer_start"]), answer["text"]
    if context[start : start + len(text)] != text:
        raise DatasetError(f"{where}: the answer `{text}` does not stand at {start}.")
    return start
