"""Training pairs of an embedder: questions with positive and negative texts.

A batch holds questions, one positive text for each and, where there is one, a negative text. The
texts of the other questions are negatives as well, unless they may be right (see `mask`).
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

POSITIVE_KINDS = frozenset({"answer", "relevant"})
PARAGRAPHS = 1600  # characters, about the length of a text in training


@dataclass(frozen=True)
class Text:
    """A text to embed.

    Attributes:
        text: The piece after its title.
        document: Document of the piece.
        score: Score by a teacher for its question, or None.
    """

    text: str
    document: str
    score: float | None = None


@dataclass(frozen=True)
class QuestionTexts:
    """A question and its texts.

    Attributes:
        question: Text of the question.
        right: Positive texts; empty if there are only a teacher's scores.
        wrong: Negative texts, or texts without label if `right` is empty.
        golds: Gold answers.
        documents: Documents of the data set that answer.
    """

    question: str
    right: tuple[Text, ...]
    wrong: tuple[Text, ...]
    golds: tuple[str, ...] = ()
    documents: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """A question's part of a batch.

    Attributes:
        asked: The question.
        right: A positive text, or the better one by the teacher.
        wrong: A negative text, or None.
        margin: The teacher's score of `right` minus that of `wrong`, standardised, or None.
    """

    asked: QuestionTexts
    right: Text
    wrong: Text | None
    margin: float | None = None

    @property
    def length(self) -> int:
        """Characters of the texts, up to their length in training."""
        wrong = len(self.wrong.text) if self.wrong else 0
        return min(PARAGRAPHS, len(self.right.text)) + min(PARAGRAPHS, wrong)


def gather(examples: Sequence[Example], *, taught: bool = False) -> list[QuestionTexts]:
    """Return the questions of examples with their texts, in order of first appearance.

    Questions with the same words are merged. One without a positive text is left out, unless it has
    two texts and a teacher will score them.

    Args:
        examples: Pairs of question and text.
        taught: Whether there will be a teacher.
    """
    together: dict[str, list[Example]] = {}
    for each in examples:
        together.setdefault(packed(each.question), []).append(each)
    found = []
    for group in together.values():
        right = _texts(each for each in group if each.kind in POSITIVE_KINDS)
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
    """Return a question's words, normalised for comparison."""
    return " ".join(question.casefold().split())


def rows_of_epoch(
    asked: Sequence[QuestionTexts], draw: random.Random, *, spread: float = 1
) -> list[Row]:
    """Return one row per question, with randomly drawn texts if there are several.

    Args:
        asked: Questions; if one of their texts has a teacher's score, all have.
        draw: Random generator.
        spread: Standard deviation of the teacher's margins, used as their divisor.
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
    """Return the teacher's margin of the first text over the second, divided by the spread."""
    if wrong is None or right.score is None or wrong.score is None:
        return None
    return (right.score - wrong.score) / spread


def spread_of(asked: Sequence[QuestionTexts]) -> float:
    """Return the standard deviation of the teacher's margins between all texts; 1 without any.

    It is not centred, so that a margin keeps its sign.
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

    A text that answers several questions is in a batch once if possible: it would be no negative
    there.
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
    """Return rows in as few batches as possible, in their order except for repeated texts."""
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
    """Return a mask of the texts that count for each question of a batch.

    A text counts if it is the row's own positive or a certain negative: not a positive of the
    question, nor of the same document as one, nor containing a gold answer. For a question without
    a positive no text counts.

    Args:
        rows: The batch.
        texts: The positives, in the order of the rows, then other texts.

    Returns:
        Boolean array of shape (n_rows, n_texts).
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
    """Return the questions with a teacher's scores, given by question and text."""

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
