"""Fusion of the lists of bm25 and dense retrieval, by scores or by ranks.

By scores, a convex combination:

    score(p) = sum over lists r of weight_r * share_r(p) / sum of the weights
    share_r(p) = (score_r(p) - floor_r) / (best score of r - floor_r)

By ranks, reciprocal rank fusion: score(p) = sum over rankings r of weight_r / (k + rank_r(p)).

Inputs are named, so that a weight can never land on the wrong list; the result does not depend on
the order in which they arrive. References: Bruch, Gai and Ingber (2023), "An Analysis of Fusion
Functions for Hybrid Retrieval"; Cormack, Clarke and Buettcher (SIGIR 2009).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from haystack import Document, component

from rag.clock import Stopwatch
from rag.retrieval.copies import identity_of
from rag.schema import Stage

Scored = Sequence[tuple[str, float]]  # ids and scores, in any order, each id once


def fuse(
    rankings: Mapping[str, Sequence[str]], weights: Mapping[str, float], *, k: int = 60
) -> list[tuple[str, float]]:
    """Return ids and fused scores by reciprocal ranks, best first.

    Args:
        rankings: Name -> ids, best first, without repeats.
        weights: Name -> weight, at least 0; a ranking of weight 0 adds no id.
        k: Constant of the formula, at least 1; the larger, the slower the weight falls with rank.

    Returns:
        Every id of a ranking with weight, by falling score; equal scores by id.

    Raises:
        ValueError: If a ranking has no weight.

    Example:
        >>> fuse({"bm25": ["a", "b"], "dense": ["b"]}, {"bm25": 1, "dense": 1}, k=1)
        [('b', 0.8333333333333333), ('a', 0.5)]
    """
    scores: dict[str, float] = {}
    for name in sorted(rankings):
        if _weight(name, weights) > 0:
            for rank, passage_id in enumerate(rankings[name], start=1):
                scores[passage_id] = scores.get(passage_id, 0.0) + weights[name] / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def fuse_scores(
    lists: Mapping[str, Scored],
    weights: Mapping[str, float],
    *,
    floors: Mapping[str, float],
    depth: int,
) -> list[tuple[str, float]]:
    """Return ids and fused scores by a convex combination of their scores, best first.

    An id that a list lacks counts there with the list's lowest score if the list has `depth` ids,
    as it may be just below; else with nothing, as it was not found.

    Args:
        lists: Name -> ids and scores, in any order, each id once.
        weights: Name -> weight, at least 0; a list of weight 0 adds no id.
        floors: Name -> score that means nothing, from which shares are counted; 0 if missing. A
            list that goes below it is counted from its lowest score.
        depth: Number of ids that a list has at most.

    Returns:
        Every id of a list with weight, with scores from 0 to 1, falling; of equal ones first those
        that more lists hold, then by id.

    Raises:
        ValueError: If a list has no weight, or a score is not a finite number.

    Example:
        >>> lists = {"bm25": [("a", 8.0), ("b", 2.0)], "dense": [("b", 0.5)]}
        >>> fuse_scores(lists, {"bm25": 1, "dense": 1}, floors={}, depth=50)
        [('b', 0.625), ('a', 0.5)]
    """
    used = {name: lists[name] for name in sorted(lists) if _weight(name, weights) > 0}
    total = sum(weights[name] for name in used)
    shares = {name: _shares(name, used[name], floors.get(name, 0.0)) for name in used}
    holders: dict[str, int] = {}
    for found in shares.values():
        for passage_id in found:
            holders[passage_id] = holders.get(passage_id, 0) + 1
    scores = dict.fromkeys(holders, 0.0)
    for name, found in shares.items():
        missing = min(found.values()) if found and len(found) >= depth else 0.0
        for passage_id in scores:
            scores[passage_id] += weights[name] / total * found.get(passage_id, missing)
    return sorted(scores.items(), key=lambda item: (-item[1], -holders[item[0]], item[0]))


def _weight(name: str, weights: Mapping[str, float]) -> float:
    if name not in weights:
        raise ValueError(f"the ranking `{name}` has no weight")
    return weights[name]


def _shares(name: str, scored: Scored, floor: float) -> dict[str, float]:
    """Return each id's share, from 0 to 1, of what the best one has above the floor."""
    for passage_id, score in scored:
        if not math.isfinite(score):
            raise ValueError(f"`{passage_id}` has the score {score} in the list `{name}`")
    low = min((score for _, score in scored), default=floor)
    low, best = min(low, floor), max((score for _, score in scored), default=floor)
    width = best - low
    return {passage_id: (score - low) / width if width > 0 else 1.0 for passage_id, score in scored}


@component
class Fusion:
    """Haystack component: the lists of bm25 and dense retrieval, fused into one.

    Args:
        kind: `scores` or `ranks`.
        k: Constant of `ranks`, see `fuse`.
        top_k: Maximum number of passages.
        depth: Number of passages that the retrievers return at most, see `fuse_scores`.
        floor: Returns the cosine of unrelated texts, from which shares are counted.
    """

    def __init__(
        self,
        kind: Literal["scores", "ranks"] = "scores",
        *,
        k: int = 60,
        top_k: int = 10,
        depth: int = 50,
        floor: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.kind, self.k, self.top_k, self.depth, self.floor = kind, k, top_k, depth, floor

    @component.output_types(documents=list[Document], stage=Stage)
    def run(  # noqa: PLR0917 - two inputs and what differs between questions
        self,
        bm25: list[Document],
        dense: list[Document],
        weights: dict[str, float],
        top_k: int | None = None,
        note: str | None = None,
        depth: int | None = None,
    ) -> dict[str, Any]:
        """Return the fused passages with their fused scores, and the time it took.

        Copies of one text are one passage: bm25's best of them. Lists that cannot be joined by
        scores, as one of them has none, are joined by ranks, and the stage says so.
        """
        watch = Stopwatch()
        first: dict[str, Document] = {}
        for document in (*bm25, *dense):
            first.setdefault(identity_of(document), document)
        lists = {name: _distinct(found, first) for name, found in _named(bm25, dense)}
        passages = {document.id: document for document in first.values()}
        bare = [name for name, found in lists.items() if not all(map(_is_scored, found.values()))]
        if self.kind == "ranks" or bare:
            fused = fuse({name: list(found) for name, found in lists.items()}, weights, k=self.k)
        else:
            scored = {name: _items(found) for name, found in lists.items()}
            floors = {"dense": self.floor() if dense else 0.0}
            fused = fuse_scores(scored, weights, floors=floors, depth=depth or self.depth)
        if self.kind == "scores" and bare:
            said = f"joined by ranks: `{bare[0]}` gave passages without finite scores"
            note = "; ".join(filter(None, (note, said)))
        best = fused[: top_k or self.top_k]
        found = [replace(passages[passage_id], score=score) for passage_id, score in best]
        return {"documents": found, "stage": watch.stage("fused", count=len(found), note=note)}


def _named(bm25: list[Document], dense: list[Document]) -> tuple[tuple[str, list[Document]], ...]:
    return ("bm25", bm25), ("dense", dense)


def _distinct(found: Sequence[Document], first: Mapping[str, Document]) -> dict[str, float | None]:
    """Return id -> score of passages in their order; copies are the first of them, best score."""
    kept: dict[str, float | None] = {}
    for document in found:
        kept.setdefault(first[identity_of(document)].id, document.score)
    return kept


def _is_scored(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


def _items(found: Mapping[str, float | None]) -> list[tuple[str, float]]:
    return [(passage_id, score) for passage_id, score in found.items() if score is not None]
