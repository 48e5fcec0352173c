"""Texts that are longer than a question: a pasted mail, stack trace or abstract.

bm25 searches such a text by its most telling terms: those of the highest idf times how often they
occur, up to eight times, so that a line that is repeated a thousand times does not hide all others.
Terms of sentences that ask count four times as often, for the question in a mail
(benchmarks/README.md). What can be read of a question only, ranker and reader, gets its gist: the
sentences that ask, and those with the most telling terms.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from rag.language.analysis import tokens
from rag.language.bm25_query import (
    MOST_OCCURRENCES,
    MOST_PAIRS,
    MOST_TERMS,
    Bm25Query,
    is_long,
    width,
)
from rag.language.sentences import sentence_spans

ASKED = 4  # how often a term counts that a sentence asks for
MOST_WEIGHED = 2000  # different terms of a text whose frequencies are looked up
NAMED = 8  # terms that a note names
LONGEST_GIST = 240  # characters; a reader takes 64 tokens of a question
ENOUGH = 2  # telling terms of the sentences that ask, if nothing else is needed
MOST_SENTENCES = 400  # of a text, from its beginning and its end, that are weighed for its gist

Frequencies = Callable[[Sequence[str]], Sequence[int]]
"""Returns how often each of some terms occurs in a collection."""


def idf(count: int, total: int) -> float:
    """Return ln(1 + (N - n + 0.5) / (n + 0.5)) of a term in n of N passages."""
    return math.log(1 + (max(total - count, 0) + 0.5) / (count + 0.5))


def occurrences(terms: Sequence[str], text: str) -> dict[str, int]:
    """Return how often each term of a text counts: up to eight times, four times more if asked.

    Args:
        terms: The terms of the text, with repetitions.
        text: The text; the terms of its sentences that end in a question mark count more.

    Example:
        >>> occurrences(["boiler", "cold", "boiler"], "The boiler. Is the boiler cold?")
        {'boiler': 8, 'cold': 4}
    """
    asked = frozenset(
        term for sentence in _sentences(text) if _asks(sentence) for term in tokens(sentence)
    )
    return {
        term: min(count * (ASKED if term in asked else 1), MOST_OCCURRENCES)
        for term, count in Counter(terms).items()
    }


def telling_terms(
    counts: Mapping[str, int], frequencies: Frequencies, total: int, most: int = MOST_TERMS
) -> dict[str, float]:
    """Return the terms of a text that tell most about it, with their weights, best first.

    Args:
        counts: Term -> how often it counts, in the order of the text.
        frequencies: Frequencies of terms in the collection.
        total: Number of passages of the collection.
        most: Maximum number of terms.

    Returns:
        Term -> idf times count; equal weights in the order of the text. None if no passage has any
        of them.

    Example:
        >>> known = {"boiler": 1, "the": 90}
        >>> found = telling_terms(
        ...     {"the": 1, "boiler": 1, "zzz": 1},
        ...     lambda terms: [known.get(each, 0) for each in terms],
        ...     100,
        ... )
        >>> list(found)
        ['boiler', 'the']
    """
    longest = sorted(counts, key=lambda term: -counts[term] * len(term))[:MOST_WEIGHED]
    there = zip(longest, frequencies(longest), strict=True)
    weights = {term: counts[term] * idf(count, total) for term, count in there if count}
    place = {term: number for number, term in enumerate(counts)}
    best = sorted(weights, key=lambda term: (-weights[term], place[term]))[:most]
    return {term: weights[term] for term in best}


def narrowed(
    query: Bm25Query, text: str, frequencies: Frequencies, total: int
) -> tuple[Bm25Query, str]:
    """Return a long query with its most telling terms alone, and a note that names some of them.

    Args:
        query: All terms of the text and their neighbours.
        text: The text.
        frequencies: Frequencies of terms in the collection.
        total: Number of passages of the collection.
    """
    counts = occurrences(query.terms, text)
    best = telling_terms(counts, frequencies, total)
    pairs = [pair for pair in query.pairs if best.keys() >= set(pair)][:MOST_PAIRS]
    terms = tuple(term for term in best for _ in range(counts[term]))
    named = ", ".join(list(best)[:NAMED])
    note = f"by the {len(best)} most telling of {len(counts):,} terms: {named} ..."
    return replace(query, terms=terms, pairs=tuple(pairs)), note


def gist(text: str, weights: Mapping[str, float]) -> str:
    """Return the sentences of a long text that tell most about it, in its order.

    The sentences that ask come first, then, if those have few telling terms, the others, each by
    the weight of those of its terms that no chosen sentence has, divided by the root of its length;
    what is longer than the room left is cut.

    Args:
        text: Any text; one that is not long is its own gist.
        weights: Term -> weight, as `telling_terms` gives them.

    Example:
        >>> mail = "Dear all, " + "We had a long winter. " * 20 + "Why is the boiler cold? Jo"
        >>> gist(mail, {"boiler": 3.0, "cold": 2.0, "winter": 1.0})
        'Why is the boiler cold?'
    """
    if not is_long(text):
        return text
    sentences = _sentences(text)
    asks = [_asks(sentence) for sentence in sentences]
    terms = [set(tokens(sentence)) & weights.keys() for sentence in sentences]
    chosen: dict[int, str] = {}
    said: set[str] = set()
    room = LONGEST_GIST
    while room > 0:
        gains = {
            place: (asks[place], sum(weights[term] for term in own - said) / len(sentence) ** 0.5)
            for place, (sentence, own) in enumerate(zip(sentences, terms, strict=True))
            if place not in chosen and own - said
        }
        if not gains:
            break
        best = max(gains, key=lambda place: (gains[place], -place))
        if len(said) >= ENOUGH and not asks[best] and any(asks[place] for place in chosen):
            break
        chosen[best] = _cut(sentences[best], room)
        said |= terms[best]
        room -= width(chosen[best]) + 1
    if not chosen:
        return _cut(text.strip(), LONGEST_GIST)
    return " ".join(chosen[place] for place in sorted(chosen))


def _asks(sentence: str) -> bool:
    return sentence.rstrip("\"'”’)」』 ").endswith(("?", "？"))


def _sentences(text: str) -> list[str]:
    spans = sentence_spans(text)
    half = MOST_SENTENCES // 2
    if len(spans) > MOST_SENTENCES:
        spans = [*spans[:half], *spans[-half:]]
    return [" ".join(text[start:end].split()) for start, end in spans]


def _cut(text: str, room: int) -> str:
    """Return as much of the beginning of a text as there is room for, up to a space if it can."""
    if width(text) <= room:
        return text
    ends = accumulate(map(width, text[: room + 1]))
    cut = text[: sum(end <= room for end in ends)]
    return cut.rpartition(" ")[0] or cut
