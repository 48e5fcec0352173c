"""Needed words in a text, compared without case, white space and Markdown marks.

Both sides are normalised by NFKC. A number is found only as a whole: `8` stands in `8 kg`, but
neither in `18 kg` nor in `8.5 kg` or `8,000`.
"""

import re
import unicodedata
from collections.abc import Sequence

_MARKS = re.compile(r"[*_`#>|~\\\u200b-\u200d\ufeff\u00ad]")
_SPACE = re.compile(r"\s+")
CITATION_MARKERS = re.compile(r"\s*\[\d{1,3}\](?!\()")
_QUOTES = str.maketrans("‘’“”–—−", "''\"\"---")


def without_markers(answer: str) -> str:
    """Return an answer without the markers `[n]` of its citations, its lines kept.

    Example:
        >>> without_markers("It is red [1]. It is big [2].")
        'It is red. It is big.'
    """
    return CITATION_MARKERS.sub("", answer)


def plain(text: str) -> str:
    """Return a text in lower case without white space and Markdown marks, by NFKC.

    Example:
        >>> plain("**Ａ１**  is `Red`"), plain("‘a’ – b")
        ('a1isred', "'a'-b")
    """
    return _SPACE.sub("", spaced(text))


def spaced(text: str) -> str:
    """Return a text as `plain` does, but with single spaces."""
    marked = _MARKS.sub("", unicodedata.normalize("NFKC", text).translate(_QUOTES))
    return _SPACE.sub(" ", marked.casefold()).strip()


def holds(text: str, wanted: str) -> bool:
    """Return whether a text holds another one.

    Example:
        >>> holds("It weighs **18 kg**.", "18KG"), holds("It weighs 18 kg.", "8 kg")
        (True, False)
    """
    pattern = " ?".join(re.escape(character) for character in plain(wanted))
    if pattern[:1].isdigit():
        pattern = rf"(?<!\d)(?<!\d[.,]){pattern}"
    if pattern[-1:].isdigit():
        pattern += r"(?!\d)(?![.,]\d)"
    return re.search(pattern, spaced(text)) is not None


def missing_groups(text: str, needed: Sequence[Sequence[str]]) -> list[str]:
    """Return the first alternative of every needed group of which a text holds none."""
    return [group[0] for group in needed if not any(holds(text, each) for each in group)]


def overlap(one: str, other: str, *, least: int = 20) -> bool:
    """Return whether two texts share words: one holds the other, or they overlap at their ends.

    Args:
        one: A text, such as a quote.
        other: Another one, such as the place of the answer.
        least: Fewest characters, white space not counted, of an overlap at the ends.
    """
    a, b = plain(one), plain(other)
    if not a or not b:
        return False
    if a in b or b in a:
        return True
    shared = range(least, min(len(a), len(b)))
    return any(a.endswith(b[:n]) or b.endswith(a[:n]) for n in shared)
