"""Weights of a question's words, and the share of them that a passage holds."""

from collections.abc import Mapping, Sequence

from haystack import Document

from rag.errors import UnavailableError
from rag.language.analysis import tokens
from rag.language.long_queries import idf
from rag.stores.contract import Store
from rag.view import view_of


def word_weights(store: Store, words: Sequence[str]) -> tuple[dict[str, float], str | None]:
    """Return each token's idf in a collection, and a note if it is unknown.

    Args:
        store: The collection.
        words: Tokens, as bm25 sees them.

    Returns:
        Token -> idf; 1 for each if the store does not answer, with the reason.
    """
    unique = sorted(set(words))
    try:
        frequencies, total = store.document_frequencies(unique)
    except UnavailableError as error:
        return dict.fromkeys(unique, 1.0), f"every word counts the same: {error}"
    return {word: idf(n, total) for word, n in zip(unique, frequencies, strict=True)}, None


def held_share(weights: Mapping[str, float], passage: Document) -> float:
    """Return the share of the tokens' weight that a passage, its title and its headings hold.

    Args:
        weights: Token of the question -> weight.
        passage: A passage as a store returned it.

    Returns:
        From 0 to 1; 0 without tokens.
    """
    meta = passage.meta
    names = f"{meta.get('title') or ''}\n{meta.get('heading') or ''}\n"
    held = set(tokens(names + view_of(passage.content, meta).text))
    total = sum(weights.values())
    return sum(each for word, each in weights.items() if word in held) / total if total else 0.0
