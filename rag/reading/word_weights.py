"""Weights of a question's words: their idf in a collection."""

import math
from collections.abc import Sequence

from rag.errors import UnavailableError
from rag.stores.contract import Store


def word_weights(store: Store, words: Sequence[str]) -> tuple[dict[str, float], str | None]:
    """Return each token's idf in a collection, and a note if it is unknown.

    Args:
        store: The collection.
        words: Tokens, as bm25 sees them.

    Returns:
        Token -> ln(1 + (N - n + 0.5) / (n + 0.5)) for n of N passages; 1 for each if the store does
        not answer, with the reason.
    """
    unique = sorted(set(words))
    try:
        frequencies, total = store.document_frequencies(unique)
    except UnavailableError as error:
        return dict.fromkeys(unique, 1.0), f"every word counts the same: {error}"
    weights = {
        token: math.log(1 + (total - count + 0.5) / (count + 0.5))
        for token, count in zip(unique, frequencies, strict=True)
    }
    return weights, None
