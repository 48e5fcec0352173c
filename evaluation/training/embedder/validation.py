"""How good an embedder in training is: MRR@10 of questions that are held back from it."""

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
    """Questions that are held back, and what their answers are looked for in.

    Attributes:
        questions: With the places of the texts that answer.
        texts: All texts, none twice.
    """

    questions: tuple[tuple[str, frozenset[int]], ...]
    texts: tuple[str, ...]

    def measure(self, encoder: Encoder) -> float:
        """Return the mean reciprocal rank, at most 10, of the first text that answers."""
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
    """Return the pool of some questions.

    Args:
        held: What is held back; questions without a text that answers are left out.
        datasets: Pieces of their documents are put beside.
        seed: Draws questions, if there are too many, and other pieces.
        most: About how many texts there is time for; None is no limit.
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
