"""Best hits of a search engine, with ties in the contract's order."""

from collections.abc import Callable

from rag.files import Hits

SPARE = 16  # fetched beyond the requested number, so that a tie at the cut is seen
GROWTH = 8

Fetched = tuple[Hits, float | None]
"""Hits in any order, and an upper bound of all other scores; None if there are no others."""


def rank_hits(hits: Hits, top_k: int) -> Hits:
    """Return the best hits: by score, equal scores in row order."""
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:top_k]


def fetch_best(fetch: Callable[[int], Fetched], top_k: int, *, start: int = 0) -> Hits:
    """Return the best hits of an engine that cuts ties arbitrarily, best first.

    More hits are fetched until the one at the cut is better than all that were left out.

    Args:
        fetch: Function of the number of hits to fetch; called with growing numbers.
        top_k: Maximum number of hits.
        start: Number of hits to fetch first, if larger than `top_k`.
    """
    limit = max(top_k + SPARE, start)
    while True:
        hits, floor = fetch(limit)
        best = rank_hits(hits, top_k)
        if floor is None or (len(best) == top_k and best[-1][1] > floor):
            return best
        limit *= GROWTH
