"""Validation of an embedder in training: MRR@10 of held-back questions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from evaluation.datasets.schema import Dataset
from evaluation.metrics.retrieval import reciprocal_rank
from evaluation.training.data.examples import cut_documents
from evaluation.training.data.neighbours import Encoder
from evaluation.training.embedder.pairs import QuestionTexts
from rag.models.windows import prefix

MOST_QUESTIONS, FEWEST_QUESTIONS = 200, 20
OTHERS = 500  # pieces of the corpus beside those of the questions
CUTOFF = 10


@dataclass(frozen=True)
class ValidationPool:
    """Held-back questions, and the texts that are ranked for them.

    Attributes:
        questions: Questions with the indices of their positive texts.
        texts: All texts, without duplicates.
    """

    questions: tuple[tuple[str, frozenset[int]], ...]
    texts: tuple[str, ...]

    def measure(self, encoder: Encoder) -> float:
        """Return MRR@10 of the first positive text."""
        passages = encoder.encode_passages(self.texts)
        asked = encoder.encode_questions([question for question, _ in self.questions])
        order = np.argsort(-(asked @ passages.T), axis=1, kind="stable")[:, :CUTOFF]
        return fmean(
            reciprocal_rank([str(place) for place in row], {str(place): 1 for place in right})
            for row, (_, right) in zip(order, self.questions, strict=True)
        )


def make_validation_pool(
    held: Sequence[QuestionTexts],
    datasets: Sequence[Dataset],
    *,
    seed: int,
    most: int | None = None,
) -> ValidationPool:
    """Return the validation pool of held-back questions.

    Args:
        held: Held-back questions; those without a positive text are left out.
        datasets: Data sets whose pieces are added as other texts.
        seed: Random seed of the sample of questions, if there are too many, and of other pieces.
        most: Approximate maximum number of texts; None is no limit.
    """
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    asked = [each for each in held if each.right]
    if len(asked) > MOST_QUESTIONS:
        asked = draw.sample(asked, MOST_QUESTIONS)
    if most is not None:
        asked = asked[: max(FEWEST_QUESTIONS, most // 4)]  # a question brings several texts
    own = dict.fromkeys(text.text for each in asked for text in (*each.right, *each.wrong))
    pieces = (piece for dataset in datasets for piece in cut_documents(dataset.documents))
    read = dict.fromkeys(prefix(piece.title) + piece.text for piece in pieces if piece.text.strip())
    others = [text for text in read if text not in own]
    room = OTHERS if most is None else min(OTHERS, max(0, most - len(own)))
    texts = [*own, *draw.sample(others, min(room, len(others)))]
    places = {text: place for place, text in enumerate(texts)}
    questions = tuple(
        (each.question, frozenset(places[text.text] for text in each.right)) for each in asked
    )
    return ValidationPool(questions, tuple(texts))
