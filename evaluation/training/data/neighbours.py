"""Exact nearest neighbours of questions among pieces, by an embedder."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from haystack import Document

from evaluation.datasets.schema import JudgedQuestion
from rag.stores.filters import matches

Vectors = npt.NDArray[np.float32]
AT_ONCE = 256  # questions per batch


class Encoder(Protocol):
    """An embedder: float32 arrays of shape (n_texts, dim), rows of length 1."""

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages, each text after its title."""


class Neighbours:
    """The pieces nearest to each question.

    Args:
        encoder: The embedder.
        pieces: Pieces as documents with meta, for a question's filters.
        texts: Text to embed for each piece.
        questions: All questions of later calls.
        depth: Number of neighbours kept per question.
    """

    def __init__(
        self,
        encoder: Encoder,
        pieces: Sequence[Document],
        texts: Sequence[str],
        questions: Sequence[JudgedQuestion],
        *,
        depth: int,
    ) -> None:
        self._pieces = pieces
        self._places = {piece.id: place for place, piece in enumerate(pieces)}
        self._kept: dict[str, npt.NDArray[np.bool_]] = {}  # by filter
        self._rows = {each.question_id: row for row, each in enumerate(questions)}
        self._passages = encoder.encode_passages(texts)
        self._questions = encoder.encode_questions([each.question for each in questions])
        self._nearest = [
            self._top(question, scores, depth)
            for start in range(0, len(questions), AT_ONCE)
            for question, scores in zip(
                questions[start : start + AT_ONCE],
                self._questions[start : start + AT_ONCE] @ self._passages.T,
                strict=True,
            )
        ]

    def nearest(self, question: JudgedQuestion) -> list[str]:
        """Return the ids of the pieces nearest to a question, nearest first."""
        return [self._pieces[place].id for place in self._nearest[self._rows[question.question_id]]]

    def score(self, question: JudgedQuestion, piece_id: str) -> float:
        """Return the cosine of a question and a piece."""
        row = self._questions[self._rows[question.question_id]]
        return float(row @ self._passages[self._places[piece_id]])

    def _top(self, question: JudgedQuestion, scores: Vectors, depth: int) -> list[int]:
        """Return the indices of the best, equal ones in their order."""
        if question.filters is not None:
            scores = np.where(self._passing(question.filters), scores, -np.inf)
        most = min(depth, int(np.isfinite(scores).sum()))
        return [int(place) for place in np.argsort(-scores, kind="stable")[:most]]

    def _passing(self, filters: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
        key = json.dumps(filters, sort_keys=True, default=str)
        if key not in self._kept:
            self._kept[key] = np.array([matches(dict(filters), each) for each in self._pieces])
        return self._kept[key]
