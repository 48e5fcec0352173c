"""Ranking of passages by a model that reads each of them together with the question.

`Ranker` is the Haystack component; it scores with a `RelevanceModel`: a cross-encoder of
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

FEW = 5  # passages ranked at a time, where ranking may end early
SOFTNESS = 8.0  # divisor of the model's logits before they are added to scores from 0 to 1


@component
class Ranker:
    """Haystack component: passages in the order of their relevance to the question.

    Args:
        model: Model that scores the passages.
        candidates: Maximum number of passages that are ranked; the others follow unchanged.
        weight: Share of the model's score, against the retrieval score; 1 is the model's alone.
            See `joined`.
        answered: Returns the probability that one of some passages answers, at no cost once they
            were ranked.
        enough: If only the best answer is wanted, passages are ranked a few at a time, until one
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
        """Return all passages, those that were ranked, and the time it took.

        Args:
            question: The question.
            documents: Passages, best first; content may be empty or None.
            deadline: Time limit on the clock of `time.monotonic`; after it the order is unchanged.
            early: Whether to end when a passage surely answers.

        Returns:
            `documents`: ranked passages first, with the model's score or, if `weight` is under 1,
            the joint score; then the others, unchanged. `ranked`: only the ranked passages, in the
            model's order with its score. Equal scores keep the original order.
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
        name, runtime = self.model.files.name, self.model.ran_by
        stage = watch.stage("ranked", count=len(ranked), model=name, runtime=runtime)
        return {"documents": [*best, *rest], "ranked": ranked, "stage": stage}

    def _scores(
        self, question: str, documents: Sequence[Document], deadline: float | None, *, early: bool
    ) -> list[float] | None:
        """Return the scores of the first passages, of all candidates unless it ends early."""
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
    r"""Return scores of passages, combined from retrieval scores and a model's logits.

    $$(1 - w) \frac{s - \min s}{\max s - \min s} + w \, \sigma(x / 8)$$

    Retrieval scores have a meaning only relative to each other, so they are scaled to 0 to 1; a
    model's logits have an absolute meaning: where the model is indifferent, it changes nothing.

    Args:
        came: Retrieval scores, higher is better; if one is None, ranks are used instead.
        logits: The model's logits for the same passages.
        weight: Weight of the model, from 0 to 1.

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
    """Return passages with these scores, best first; equal scores keep their order."""
    order = sorted(range(len(documents)), key=lambda place: -scores[place])  # stable
    return [replace(documents[place], score=scores[place]) for place in order]
