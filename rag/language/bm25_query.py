"""A query as bm25 takes it: terms, neighbours, phrases in quotes.

Terms that stand together in the query count more where they stand together in a passage. A phrase
in quotes, of any kind but single ones, must stand in a passage in this order if the query is
keywords; in a question or a sentence it counts more, as quotes there often only name a title.
Common words, which bm25 leaves out, are left out of a phrase too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rag.language.analysis import is_unspaced, normal_form, token_runs, tokens
from rag.language.forms import dates, joined, split_forms
from rag.language.question_detection import is_question

LONG = 300  # characters of a question; a longer text is read otherwise (`long_queries`)
WIDE = 3  # characters of scripts with spaces that one without spaces counts for
MOST_TERMS = 64  # different terms of a query
MOST_OCCURRENCES = 8  # of each term of a long text that count
MOST_PAIRS = 64  # neighbours of a query that are looked for
MOST_FORMS = 32
DAY_WEIGHT = 3  # of a date beside its words
MOST_KEYWORDS = 8  # terms outside of the quotes; with more it is a sentence that quotes something

# An ASCII sign opens before and closes after a letter, so that `5"` is no quote.
_QUOTED = re.compile(
    r'(?<![A-Za-z0-9"])"(?=\S)([^"\n]{1,200})(?<=\S)"(?![A-Za-z0-9"])'
    r"|[“„]([^“”„\n]{1,200})[”“]|「([^「」\n]{1,200})」|『([^『』\n]{1,200})』|«([^«»\n]{1,200})»"
)

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Bm25Query:
    """The terms of a query.

    Attributes:
        terms: All of them, with repetitions, in order; none finds nothing.
        pairs: Terms that stand next to each other in the query, each pair once; none in scripts
            without spaces, whose terms overlap and so tell neighbours by themselves.
        forms: Other ways to write the query's identifiers and dates, each of one term or a phrase;
            with repetitions, which count.
        phrases: Terms of each phrase in quotes, in order.
        strict: Whether a passage must contain every phrase.
    """

    terms: Phrase
    pairs: tuple[Phrase, ...] = ()
    forms: tuple[Phrase, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    strict: bool = False


@lru_cache(maxsize=16)
def query_runs(text: str) -> tuple[Phrase, ...]:
    """Return the terms of a query in runs; see `rag.language.analysis.token_runs`."""
    return tuple(map(tuple, token_runs(text)))


def query_terms(text: str) -> Phrase:
    """Return the terms of a query, with repetitions, in order."""
    return tuple(term for run in query_runs(text) for term in run)


def width(text: str) -> int:
    """Return the length of a text, in characters of scripts with spaces.

    Example:
        >>> width("heat pump"), width("热泵")
        (9, 6)
    """
    return len(text) + (WIDE - 1) * sum(map(is_unspaced, text)) if not text.isascii() else len(text)


def is_long(text: str) -> bool:
    """Return whether a text is longer than a question."""
    return len(text) > LONG or width(text) > LONG


def is_long_query(text: str) -> bool:
    """Return whether a text is long, or has more terms than are searched."""
    terms = query_terms(text)
    most = MOST_OCCURRENCES * MOST_TERMS
    return is_long(text) or len(set(terms)) > MOST_TERMS or len(terms) > most


def build_bm25_query(text: str) -> Bm25Query:
    """Return a text as a query for bm25; of a long one only its terms and all their neighbours.

    Example:
        >>> query = build_bm25_query('"heat pump" noise')
        >>> query.terms, query.phrases, query.strict
        (('heat', 'pump', 'nois'), (('heat', 'pump'),), True)
        >>> build_bm25_query("“晚钟”是谁画的？").strict
        False
    """
    words = query_runs(text)[::2]
    pairs = filter(_tells_more, dict.fromkeys(pair for run in words for pair in pairwise(run)))
    terms = query_terms(text)
    if is_long_query(text):
        return Bm25Query(terms, tuple(pairs))
    quoted = (_words(part) for part in quoted_parts(text))
    phrases = tuple(dict.fromkeys(phrase for phrase in quoted if phrase))
    outside = sum(map(len, words)) - sum(map(len, phrases))
    return Bm25Query(
        terms=terms,
        pairs=tuple(pairs)[:MOST_PAIRS],
        forms=tuple(_forms(text))[:MOST_FORMS],
        phrases=phrases,
        strict=bool(phrases) and outside <= MOST_KEYWORDS and not is_question(text),
    )


def quoted_parts(text: str) -> list[str]:
    """Return what stands in quotes in a text.

    Example:
        >>> quoted_parts('"heat pump" 「熱泵」 5" and 6" pipes')
        ['heat pump', '熱泵']
    """
    return [next(filter(None, found)) for found in _QUOTED.findall(text)]


def without_quotes(text: str) -> str:
    """Return a text without what stands in quotes."""
    return _QUOTED.sub(" ", text)


def _tells_more(pair: Phrase) -> bool:
    """Return whether a pair says more than its terms alone."""
    return pair[0] != pair[1] and not (is_unspaced(pair[0]) and is_unspaced(pair[1]))


def _forms(text: str) -> Iterator[Phrase]:
    """Yield the other ways to write the identifiers and dates of a query."""
    for line in normal_form(text).split("\n"):
        for *_, day in dates(line):  # above another day that is written in the same way
            yield from [(day,)] * DAY_WEIGHT
        yield from dict.fromkeys((word,) for *_, word in joined(line))
        for parts in split_forms(line):
            terms = [tokens(part) for part in parts]
            if all(len(each) == 1 for each in terms):  # no part is a common word
                yield tuple(term for each in terms for term in each)


def _words(text: str) -> Phrase:
    return tuple(term for run in token_runs(text)[::2] for term in run)
