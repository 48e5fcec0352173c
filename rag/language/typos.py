"""Correction of typing errors in a query: words that no passage has, one letter off.

Edits are a letter left out, put in, replaced, or two neighbours exchanged. Of several words the
passages have, the likelier edit wins, then the more frequent word, so that every store corrects
alike. Nothing in quotes is corrected, and no word of English: it is only not there.
"""

import re
from collections.abc import Callable, Iterator

from rag.language.analysis import tokens
from rag.language.bm25_query import Bm25Query, build_bm25_query, is_long_query, without_quotes
from rag.language.english_words import english_words
from rag.language.long_queries import Frequencies, narrowed

SHORTEST_WORD = 5  # letters of a word that is corrected
LONGEST_WORD = 24
MOST_WORDS = 8  # of a query that are corrected

_WORD = re.compile(r"(?<![\w’'.-])[^\W\d_]+(?![\w-]|['’]\w)")
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "αβγδεζηθικλμνξοπρστυφχψω",
)


def read_query(
    text: str, frequencies: Frequencies, total: Callable[[], int]
) -> tuple[Bm25Query, str | None]:
    """Return a text as a query for bm25, and a note on how it was read, or None.

    Typing errors are corrected; of a long text the most telling terms are taken.

    Args:
        text: The text.
        frequencies: Frequencies of terms in the collection, titles included.
        total: Returns the number of passages; asked only of a long text.
    """
    if is_long_query(text):
        return narrowed(build_bm25_query(text), text, frequencies, total())
    read, note = correct(text, frequencies)
    return build_bm25_query(read), note


def correct(text: str, frequencies: Frequencies) -> tuple[str, str | None]:
    """Return a query with its typing errors corrected, and a note on them, or None.

    Args:
        text: The query.
        frequencies: Frequencies of terms in the collection, titles included.

    Example:
        >>> correct("the boilr room", lambda terms: [int(each == "boiler") for each in terms])
        ('the boiler room', 'boilr read as boiler')
    """
    words = list(dict.fromkeys(filter(_may_err, _WORD.findall(without_quotes(text)))))
    terms = [tokens(word) for word in words]
    known = iter(frequencies([term for each in terms for term in each]) if words else ())
    unknown = [
        word
        for word, each in zip(words, terms, strict=True)
        if not sum(next(known) for _ in each) and len(each) == 1
    ]
    unknown = [word for word in unknown if word.lower() not in english_words()]
    read = {word: _best(word.lower(), frequencies) for word in unknown[:MOST_WORDS]}
    pairs = [(word, right) for word, right in read.items() if right]
    for word, right in pairs:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", right, text)
    return text, ", ".join(f"{word} read as {right}" for word, right in pairs) or None


def _may_err(word: str) -> bool:
    return SHORTEST_WORD <= len(word) <= LONGEST_WORD and _alphabet(word.lower()) != ""


def _alphabet(word: str) -> str:
    """Return the letters of a word's script; none where words are not spelled with letters."""
    return next((letters for letters in _ALPHABETS if not set(word).isdisjoint(letters)), "")


def _best(word: str, frequencies: Frequencies) -> str | None:
    """Return the likeliest word of the collection that is one edit away, or None."""
    found: dict[str, tuple[int, int, str]] = {}
    for cost, edited in _edits(word):
        key = cost, len(edited), edited
        for term in tokens(edited)[:1]:
            found[term] = min(found.get(term, key), key)
    terms = list(found)
    counts = dict(zip(terms, frequencies(terms), strict=True))
    there = [term for term in terms if counts[term]]
    if not there:
        return None
    return found[min(there, key=lambda term: (found[term][0], -counts[term], term))][-1]


def _edits(word: str) -> Iterator[tuple[int, str]]:
    """Yield every word one edit away, with its cost: lower is likelier."""
    letters = _alphabet(word)
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        first = 2 * (place == 0)  # the first letter is seldom wrong
        if len(tail) > 1 and tail[0] != tail[1]:
            yield first, head + tail[1] + tail[0] + tail[2:]
        if tail:
            doubled = tail[:1] in (head[-1:], tail[1:2])
            yield first + (not doubled), head + tail[1:]
        for letter in letters:
            yield first, head + letter + tail
            if tail and letter != tail[0]:
                yield first + 1, head + letter + tail[1:]
