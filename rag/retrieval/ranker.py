"""Putting passages in order by reading each of them together with the question.

`Ranker` is the Haystack component; what it asks is a `RelevanceModel`: a cross-encoder of
sentence-transformers, or the joint reader-ranker of `rag.models.pair_model`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component

from rag.clock import Stopwatch
from rag.models.cross_encoder import RelevanceModel
from rag.models.windows import read_text
from rag.schema import Stage

FEW = 5  # passages ranked at a time, where it may end early
SOFTNESS = 8.0  # of the model's logits, where they are added to scores from 0 to 1


@component
class Ranker:
    """Haystack component: passages in the order of their relevance to the question.

    Args:
        model: Scores them.
        candidates: Most passages that are ranked; the others follow as they came.
        weight: Share of the model's score, against the score that the passages came with; 1 is the
            model's alone. See `joined`.
        answered: Tells how likely one of some passages answers, at no cost once they were ranked.
        enough: Where only the best answer is wanted, passages are ranked a few at a time, until one
            answers with this probability.
    """

    def __init__(
        self,
        model: RelevanceModel,
        candidates: int = 20,
        *,
        weight: float = 1.0,
        answered: Callable[[str, Sequence[Document]], float] | None = None,
        enough: float = 1.0,
    ) -> None:
        self.model, self.candidates, self.weight = model, candidates, weight
        self.answered, self.enough = answered, enough

    def warm_up(self) -> None:
        """Load the model."""
        self.model.warm_up()

    @component.output_types(documents=list[Document], ranked=list[Document], stage=Stage)
    def run(
        self,
        question: str,
        documents: list[Document],
        deadline: float | None = None,
        early: bool = False,
    ) -> dict[str, Any]:
        """Return all passages, those that were ranked, and how long it took.

        Args:
            question: The question.
            documents: Passages, best first; content may be empty or None.
            deadline: When to give up, on the clock of `time.monotonic`; passages stay as they came.
            early: Whether to end when a passage surely answers.

        Returns:
            `documents`: the ranked ones first, with the model's score, or if the score they came
            with counts as well, that of both; then the others, untouched. `ranked`: the former
            alone, in the model's order with its score. Equal scores are in the order they came in.
        """
        watch = Stopwatch()
        scores = self._scores(question, documents[: self.candidates], deadline, early=early)
        if scores is None:
            note = "not ranked: the budget was used up"
            return {"documents": documents, "ranked": [], "stage": watch.stage("ranked", note=note)}
        first, rest = documents[: len(scores)], documents[len(scores) :]
        ranked = _by_score(first, scores)
        best = ranked
        if self.weight < 1:
            best = _by_score(first, joined([each.score for each in first], scores, self.weight))
        stage = watch.stage("ranked", count=len(ranked), model=self.model.files.name)
        return {"documents": [*best, *rest], "ranked": ranked, "stage": stage}

    def _scores(
        self, question: str, documents: Sequence[Document], deadline: float | None, *, early: bool
    ) -> list[float] | None:
        """Return the scores of the first passages, of all of them unless it ends early."""
        ends_early = early and self.answered is not None and self.enough < 1
        size = FEW if ends_early else max(len(documents), 1)
        scores: list[float] = []
        for start in range(0, len(documents), size):
            some = documents[start : start + size]
            found = self.model.relevance(question, list(map(read_text, some)), deadline=deadline)
            if found is None:
                return None
            scores += found
            if ends_early and self.answered and self.answered(question, some) >= self.enough:
                break
        return scores


def joined(came: Sequence[float | None], logits: Sequence[float], weight: float) -> list[float]:
    r"""Return scores of passages from what they came with and what a model says of them.

    $$(1 - w) \frac{s - \min s}{\max s - \min s} + w \, \sigma(x / 8)$$

    The scores that passages come with mean something only beside each other, so that they are
    spread from 0 to 1; a model's logits mean something by themselves: where it is indifferent, it
    does not move anything.

    Args:
        came: A score each, higher is better; if one is None, their places count instead.
        logits: The model's, of the same passages.
        weight: Of the model, from 0 to 1.

    Example:
        >>> joined([0.9, 0.5], [0.0, 0.0], 0.5)
        [0.75, 0.25]

    Reference:
        Akkalyoncu Yilmaz, Yang, Zhang and Lin (2019), EMNLP, interpolate the scores of the first
        stage and of the ranker too.
    """
    known = [score for score in came if score is not None]
    scores = known if len(known) == len(came) else [float(-place) for place in range(len(came))]
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    width = high - low or 1.0
    return [
        (1 - weight) * (score - low) / width + weight / (1 + math.exp(-logit / SOFTNESS))
        for score, logit in zip(scores, logits, strict=True)
    ]


def _by_score(documents: Sequence[Document], scores: Sequence[float]) -> list[Document]:
    """Return passages with these scores, best first; equal ones stay in order."""
    order = sorted(range(len(documents)), key=lambda place: -scores[place])  # stable
    return [replace(documents[place], score=scores[place]) for place in order]
