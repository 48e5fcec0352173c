"""Copies of one text take one place in a ranking, that of the best of them."""

from collections.abc import Callable, Iterable, Sequence

from haystack import Document

from rag.errors import UnavailableError
from rag.schema import Stage
from rag.stores.contract import RetrievedPassages, Store
from rag.stores.copies import copy_key_of
from rag.stores.filters import Filter

LARGEST_DEPTH = 5000  # passages that are retrieved to find enough that differ
GROWTH = 4


def identity_of(passage: Document) -> str:
    """Return what a passage shares with its copies; its id if it has no text."""
    key = copy_key_of(passage)
    return f"text {key}" if key else f"id {passage.id}"


def without_copies(passages: Iterable[Document]) -> list[Document]:
    """Return passages in their order, of those that read the same only the first."""
    kept: dict[str, Document] = {}
    for passage in passages:
        kept.setdefault(identity_of(passage), passage)
    return list(kept.values())


def retrieve_distinct(
    retrieve: Callable[[int], RetrievedPassages], top_k: int
) -> RetrievedPassages:
    """Return the best passages that all read differently, if there are as many.

    Args:
        retrieve: Returns so many passages, best first; it is asked for more while copies take
            places.
        top_k: Maximum number of passages.
    """
    limit = top_k
    while True:
        found = retrieve(limit)
        kept = without_copies(found)
        if len(kept) >= top_k or len(found) < limit or limit >= LARGEST_DEPTH:
            return RetrievedPassages(kept[:top_k], found.note, found.read_as)
        limit = min(limit * GROWTH, LARGEST_DEPTH)


def count_copies(
    store: Store, passages: Sequence[Document], filters: Filter | None, generation: int
) -> tuple[dict[str, int], tuple[Stage, ...]]:
    """Return passage id -> number of copies, and a stage that says so if nobody could count.

    Raises:
        StaleError: If that generation is gone.
    """
    try:
        found = store.count_copies(passages, filters=filters, generation=generation)
    except UnavailableError as error:
        return {}, (Stage("copies", 0.0, None, f"unavailable: {error}"),)
    return {each.id: n for each, n in zip(passages, found, strict=True)}, ()
