"""What an embedder learns from: questions with texts that answer and texts that do not.

A step sees a batch of questions, one text that answers each and, where there is one, a text that
does not. The texts of the other questions count as wrong as well, unless they may be right: `mask`
says which.
"""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from evaluation.training.data.examples import Example, find_answer
from evaluation.training.loop import POOL, Schedule
from rag.models.windows import prefix

RIGHT = frozenset({"answer", "relevant"})
PARAGRAPHS = 1600  # characters, about as many as are read of a text


@dataclass(frozen=True)
class Text:
    """A text that is embedded.

    Attributes:
        text: What is read: the piece behind its title.
        document: Document that it is of.
        score: What a teacher gives it for its question, or None.
    """

    text: str
    document: str
    score: float | None = None


@dataclass(frozen=True)
class QuestionTexts:
    """A question and its texts.

    Attributes:
        question: Its words.
        right: Texts that answer; empty if only a teacher knows anything about it.
        wrong: Texts that do not, or of which that is not known if `right` is empty.
        golds: Gold answers.
        documents: Documents that answer, in this set.
    """

    question: str
    right: tuple[Text, ...]
    wrong: tuple[Text, ...]
    golds: tuple[str, ...] = ()
    documents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """What a step sees of a question.

    Attributes:
        asked: The question.
        right: A text that answers, or the better one by the teacher.
        wrong: One that does not, or None.
        margin: How much higher the teacher scores the first, standardised; None without a teacher.
    """

    asked: QuestionTexts
    right: Text
    wrong: Text | None
    margin: float | None = None

    @property
    def length(self) -> int:
        """Characters of the texts, as far as they are read."""
        wrong = len(self.wrong.text) if self.wrong else 0
        return min(PARAGRAPHS, len(self.right.text)) + min(PARAGRAPHS, wrong)


def gather(examples: Sequence[Example], *, taught: bool = False) -> list[QuestionTexts]:
    """Return the questions of some examples with their texts, in the order they first came.

    Questions with the same words are one. One without a text that answers is left out, unless a
    teacher will tell its texts apart and there are two.

    Args:
        examples: Pairs of question and text.
        taught: Whether there will be a teacher.
    """
    together: dict[str, list[Example]] = {}
    for each in examples:
        together.setdefault(packed(each.question), []).append(each)
    found = []
    for group in together.values():
        right = _texts(each for each in group if each.kind in RIGHT)
        kinds = {"negative"} if right else {"negative", "no answer"}
        wrong = _texts(each for each in group if each.kind in kinds)
        answering = {each.text for each in right}
        wrong = tuple(each for each in wrong if each.text not in answering)
        if right or (taught and len(wrong) > 1):
            documents = frozenset(each.document for each in right)
            golds = tuple(dict.fromkeys(gold for each in group for gold in each.golds))
            found.append(QuestionTexts(group[0].question, right, wrong, golds, documents))
    return found


def _texts(examples: Iterator[Example] | Sequence[Example]) -> tuple[Text, ...]:
    return tuple(
        dict.fromkeys(Text(prefix(each.title) + each.text, each.document) for each in examples)
    )


def packed(question: str) -> str:
    """Return a question's words, by which two are the same."""
    return " ".join(question.casefold().split())


def rows_of_epoch(
    asked: Sequence[QuestionTexts], draw: random.Random, *, spread: float = 1
) -> list[Row]:
    """Return one row for each question, with other texts each time if there are several.

    Args:
        asked: Questions; if one of their texts has a teacher's score, all have.
        draw: Draws the texts.
        spread: Standard deviation of the teacher's margins, which they are divided by.
    """
    rows = []
    for each in asked:
        if each.right:
            right = draw.choice(each.right)
            wrong = draw.choice(each.wrong) if each.wrong else None
        else:
            right, wrong = sorted(draw.sample(each.wrong, 2), key=lambda text: -(text.score or 0.0))
        rows.append(Row(each, right, wrong, margin(right, wrong, spread)))
    return rows


def margin(right: Text, wrong: Text | None, spread: float = 1) -> float | None:
    """Return how much higher the teacher scores the first text, divided by the spread."""
    if wrong is None or right.score is None or wrong.score is None:
        return None
    return (right.score - wrong.score) / spread


def spread_of(asked: Sequence[QuestionTexts]) -> float:
    """Return the standard deviation of the teacher's margins between all texts; 1 without any.

    It is not centred: a margin keeps its sign.
    """
    margins = []
    for each in asked:
        texts = sorted(each.wrong, key=lambda text: -(text.score or 0.0))
        both = itertools.product(each.right, each.wrong) if each.right else pairwise(texts)
        found = (margin(right, wrong) for right, wrong in both)
        margins += [value for value in found if value is not None]
    return float(np.std(margins)) or 1.0 if margins else 1.0


def batches(
    asked: Sequence[QuestionTexts], schedule: Schedule, *, spread: float = 1
) -> Iterator[list[Row]]:
    """Yield the rows of each step, of similar lengths, epoch after epoch, without end.

    A text that answers several questions stands in a batch once where that can be: it would be no
    negative there.
    """
    for epoch in itertools.count():
        draw = random.Random(f"{schedule.seed}:{epoch}")  # noqa: S311 - not for secrets
        rows = rows_of_epoch(asked, draw, spread=spread)
        draw.shuffle(rows)
        size, found = schedule.batch_size, []
        for start in range(0, len(rows), size * POOL):
            pool = sorted(rows[start : start + size * POOL], key=lambda row: row.length)
            found += deal(pool, size)
        draw.shuffle(found)
        yield from found


def deal(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Return rows in batches, as few as they fill, in their order but for texts that come twice."""
    batches: list[list[Row]] = [[] for _ in range(-(-len(rows) // size))]
    held: list[set[str]] = [set() for _ in batches]
    first = 0
    later = []
    for row in rows:
        while len(batches[first]) == size:
            first += 1
        fits = (
            place
            for place in range(first, len(batches))
            if len(batches[place]) < size and row.right.text not in held[place]
        )
        place = next(fits, None)
        if place is None:
            later.append(row)
            continue
        batches[place].append(row)
        held[place].add(row.right.text)
    for row in later:
        next(each for each in batches if len(each) < size).append(row)
    return batches


def mask(rows: Sequence[Row], texts: Sequence[Text]) -> npt.NDArray[np.bool_]:
    """Tell which texts count for which questions of a batch.

    A text counts if it is the row's own that answers, or surely wrong: not one that answers the
    question, nor of the same document as one, nor holding a gold answer. A question without a text
    that answers counts none.

    Args:
        rows: The batch.
        texts: Those that answer, in the order of the rows, then others.

    Returns:
        Array of shape (rows, texts).
    """
    found = np.zeros((len(rows), len(texts)), np.bool_)
    for place, row in enumerate(rows):
        if not row.asked.right:
            continue
        right = {each.text for each in row.asked.right}
        found[place] = [
            each.text not in right
            and each.document not in row.asked.documents
            and not find_answer(each.text, row.asked.golds)
            for each in texts
        ]
        found[place, place] = True
    return found


def with_scores(
    asked: Sequence[QuestionTexts], scores: Mapping[tuple[str, str], float]
) -> list[QuestionTexts]:
    """Return questions whose texts have a teacher's scores, given by question and text."""

    def taught(question: str, texts: Sequence[Text]) -> tuple[Text, ...]:
        return tuple(Text(each.text, each.document, scores[question, each.text]) for each in texts)

    return [
        QuestionTexts(
            each.question,
            taught(each.question, each.right),
            taught(each.question, each.wrong),
            each.golds,
            each.documents,
        )
        for each in asked
    ]
