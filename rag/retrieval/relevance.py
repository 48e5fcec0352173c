"""Relevance: the calibrated probability that a passage bears on the question.

A logistic regression over what is absolute, so that passages of different questions and collections
can be compared. A fused score cannot: its best is near 1 for any question. The signs are

- `similarity`: (cosine - floor) / (1 - floor), with the embedder's floor; a passage that dense
  retrieval did not return counts with the lowest cosine that it did;
- `words`: the share of the question's idf that the passage, its title and its headings hold, and
  the logarithm of the number of different terms in the question;
- `logit`: the ranker's, if it was trained here.

There are weights for each set of signs in `relevance.json`, which `benchmarks/refit.py` writes: for
English, and under "" for every other language, fitted on English and Chinese sets together, as the
Chinese ones alone are too few. A logit for which there are none is left out.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from haystack import Document

from rag.clock import Stopwatch
from rag.retrieval.copies import identity_of
from rag.retrieval.query import Query
from rag.retrieval.word_weights import held_share, word_weights
from rag.schema import Stage
from rag.stores.contract import Store

WEIGHTS_FILE = Path(__file__).parent / "relevance.json"
SIGNS = ("similarity", "words", "logit")
DIGITS = 4


@dataclass(frozen=True)
class Signs:
    """Signs that a passage bears on a question; None is unknown.

    Attributes:
        similarity: See the module; 1 is the largest.
        coverage: Share of the question's idf, from 0 to 1; None if the question has no terms.
        terms: Number of different terms of the question.
        logit: The ranker's.
    """

    similarity: float | None = None
    coverage: float | None = None
    terms: int = 0
    logit: float | None = None

    @property
    def known(self) -> str:
        """The names of the signs that are known, in the order of `SIGNS`, joined by `+`."""
        values = (self.similarity, self.coverage, self.logit)
        return "+".join(name for name, each in zip(SIGNS, values, strict=True) if each is not None)

    @property
    def features(self) -> list[float]:
        """One number for each weight of these signs."""
        found: list[float] = []
        if self.similarity is not None:
            found.append(self.similarity)
        if self.coverage is not None:
            found += [self.coverage, math.log1p(self.terms)]
        if self.logit is not None:
            found.append(self.logit)
        return found


def probability_of(signs: Signs, language: str) -> float | None:
    """Return the probability that a passage bears on the question; None if no sign is known.

    Args:
        signs: What is known.
        language: Language of the question, such as `en`; one without weights has those of "".
    """
    by_signs = _weights().get(language, _weights()[""])
    if signs.known not in by_signs:
        signs = replace(signs, logit=None)
    if not signs.known:
        return None
    fitted = by_signs[signs.known]
    weighed = zip(fitted["weights"], signs.features, strict=True)
    total = fitted["bias"] + sum(weight * value for weight, value in weighed)
    return round(0.5 + 0.5 * math.tanh(total / 2), DIGITS)


@cache
def _weights() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return found


def similarity_of(cosine: float, floor: float) -> float:
    """Return a cosine counted from the embedder's floor, so that embedders can be compared."""
    return (cosine - floor) / (1 - floor)


class RelevanceEstimator:
    """Relevance of the passages of one collection.

    Args:
        store: The collection, for the document frequencies of terms.
        floor: Returns the cosine of unrelated texts by its embedder.
    """

    def __init__(self, store: Store, floor: Callable[[], float]) -> None:
        self.store, self.floor = store, floor

    def run(
        self,
        query: Query,
        passages: Sequence[Document],
        rankings: Mapping[str, Sequence[Document]],
        *,
        similarity: bool,
        logits: bool,
    ) -> tuple[dict[str, float], Stage]:
        """Return passage id -> relevance, where it is known, and the time it took.

        Args:
            query: The question.
            passages: The passages found.
            rankings: Stage -> the passages that it returned, with its scores.
            similarity: Whether the embedder serves the question's language.
            logits: Whether the ranker was trained here, so that its scores are known logits.
        """
        watch = Stopwatch()
        weights, note = word_weights(self.store, query.tokens)
        cosines = _scores(rankings.get("dense", ())) if similarity else {}
        known = _scores(rankings.get("ranked", ())) if logits else {}
        lowest, floor = min(cosines.values(), default=None), self.floor() if cosines else 0.0
        found: dict[str, float] = {}
        for passage in passages:
            identity = identity_of(passage)
            cosine = cosines.get(identity, lowest)
            relevance = probability_of(
                Signs(
                    similarity=None if cosine is None else similarity_of(cosine, floor),
                    coverage=held_share(weights, passage) if weights else None,
                    terms=len(weights),
                    logit=known.get(identity),
                ),
                query.language,
            )
            if relevance is not None:
                found[passage.id] = relevance
        return found, watch.stage("relevance", count=len(found), note=note)


def _scores(found: Sequence[Document]) -> dict[str, float]:
    """Return the finite scores of a stage by what passages share with their copies."""
    return {
        identity_of(each): each.score
        for each in reversed(found)  # the best of copies stays
        if each.score is not None and math.isfinite(each.score)
    }
