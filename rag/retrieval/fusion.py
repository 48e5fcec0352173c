"""Fusion of rankings by weighted reciprocal rank fusion.

    score(p) = sum over rankings r of weight_r / (k + rank_r(p))

Inputs are named, so that a weight can never land on the wrong ranking; the result does not depend
on the order in which they arrive. Reference: Cormack, Clarke and Buettcher (SIGIR 2009).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component

from rag.clock import Stopwatch
from rag.retrieval.copies import identity_of
from rag.schema import Stage


def fuse(
    rankings: Mapping[str, Sequence[str]], weights: Mapping[str, float], *, k: int = 60
) -> list[tuple[str, float]]:
    """Return ids and fused scores, best first.

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
        if name not in weights:
            raise ValueError(f"the ranking `{name}` has no weight")
        if weights[name] > 0:
            for rank, passage_id in enumerate(rankings[name], start=1):
                scores[passage_id] = scores.get(passage_id, 0.0) + weights[name] / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


@component
class Fusion:
    """Haystack component: the rankings of bm25 and dense retrieval, fused into one.

    Args:
        k: See `fuse`.
        top_k: Maximum number of passages.
    """

    def __init__(self, k: int = 60, top_k: int = 10) -> None:
        self.k, self.top_k = k, top_k

    @component.output_types(documents=list[Document], stage=Stage)
    def run(
        self,
        bm25: list[Document],
        dense: list[Document],
        weights: dict[str, float],
        top_k: int | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Return the fused passages with their fused scores, and the time it took.

        Copies of one text are one passage: bm25's best of them.
        """
        watch = Stopwatch()
        first: dict[str, Document] = {}
        for document in (*bm25, *dense):
            first.setdefault(identity_of(document), document)
        rankings = {
            name: list(dict.fromkeys(first[identity_of(d)].id for d in found))
            for name, found in (("bm25", bm25), ("dense", dense))
        }
        passages = {document.id: document for document in first.values()}
        best = fuse(rankings, weights, k=self.k)[: top_k or self.top_k]
        found = [replace(passages[passage_id], score=score) for passage_id, score in best]
        return {"documents": found, "stage": watch.stage("fused", count=len(found), note=note)}
