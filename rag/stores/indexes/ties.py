"""The best hits of a search engine, with ties in the order that the contract asks for."""

from collections.abc import Callable

from rag.files import Hits

SPARE = 16  # fetched beyond what was asked, so that a tie at the cut is seen
GROWTH = 8

Fetched = tuple[Hits, float | None]
"""Hits in any order, and a score that nothing left out surpasses; None if nothing is left out."""


def rank_hits(hits: Hits, top_k: int) -> Hits:
    """Return the best hits: by score, equal scores in the order of the rows."""
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:top_k]


def fetch_best(fetch: Callable[[int], Fetched], top_k: int, *, start: int = 0) -> Hits:
    """Return the best hits of an engine that cuts ties anywhere, best first.

    More is fetched until the hit at the cut is better than all that was left out.

    Args:
        fetch: Called with how many hits to look at, growing.
        top_k: Most hits.
        start: How many to look at first, if that is more than `top_k`.
    """
    limit = max(top_k + SPARE, start)
    while True:
        hits, floor = fetch(limit)
        best = rank_hits(hits, top_k)
        if floor is None or (len(best) == top_k and best[-1][1] > floor):
            return best
        limit *= GROWTH
