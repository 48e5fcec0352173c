"""Quotes that begin or end in the middle of a sentence, by the document around them."""

import re
import unicodedata

from evaluation.answers.given_answers import QuotedPlace
from rag.language.sentences import DASHES, LIST_ITEM

_ENDS = frozenset(".!?。！？…;；:：")
_CLOSERS = "\"'”’)]）】」』》*_`"
_JOINS = frozenset(",，、")
_BLANK_LINE = re.compile(r"\n[ \t]*\n|\f")
_BULLET = re.compile(
    rf"(?:^|\n)[ \t>]*(?:[{DASHES}]|\(?\d{{1,3}}[.)、]|[（(]\d{{1,3}}[)）])[ \t]*$"
)
_STRUCTURE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\||```|~~~|>|={3,}|-{3,}|<)")


def is_item(place: QuotedPlace) -> bool:
    """Return whether a quote is an item of a list, with its mark or just behind it."""
    return bool(LIST_ITEM.match(place.quote.lstrip("\n")) or _BULLET.search(place.before))


def cut_at_start(place: QuotedPlace) -> bool:
    """Return whether a quote begins in the middle of a sentence or word.

    Example:
        >>> cut_at_start(QuotedPlace("a.md", "", "and rain.", "", "It brings snow ", ""))
        True
    """
    quote = place.quote.lstrip("*_`\"'“‘「(（")
    before, gap = _split_gap(place.before)
    first, last = quote[:1], before[-1:]
    if not gap and _inside_a_word(last + first):
        return True
    apart = _BLANK_LINE.search(gap) or _BULLET.search(place.before) or LIST_ITEM.match(quote)
    if apart or not first or not last:
        return False
    if last in _JOINS:
        return not _STRUCTURE.match(place.quote)
    if "\n" in gap and _STRUCTURE.match(before.rpartition("\n")[2]):
        return False
    if "\n" in gap or last in _CLOSERS:
        return first.islower() and (last in _CLOSERS or last.islower())
    return last.isalnum() and first.isalnum()


def cut_at_end(place: QuotedPlace) -> bool:
    """Return whether a quote ends in the middle of a sentence or word.

    Example:
        >>> cut_at_end(QuotedPlace("a.md", "", "It brings snow", "", "", " and rain."))
        True
    """
    quote = place.quote.rstrip().rstrip(_CLOSERS)
    behind, gap = _split_gap(place.behind, behind=True)
    if not quote:
        return False
    last, first = quote[-1], behind[:1]
    if last in _JOINS or not first or last in _ENDS:
        return last in _JOINS
    if not gap and _inside_a_word(last + first):
        return True
    if _BLANK_LINE.search(gap) or _STRUCTURE.match(behind) or LIST_ITEM.match(behind):
        return False
    if "\n" in gap:
        return first.islower() and last.isalpha()
    return first in _JOINS or first.isalnum()


def _split_gap(text: str, *, behind: bool = False) -> tuple[str, str]:
    """Return the text next to a quote, and the white space between them."""
    if behind:
        rest = text.lstrip()
        return rest, text[: len(text) - len(rest)]
    rest = text.rstrip()
    return rest, text[len(rest) :]


def _inside_a_word(pair: str) -> bool:
    """Return whether two neighbouring characters are letters of a script with spaces."""
    wide = any(unicodedata.east_asian_width(each) in "WF" for each in pair)
    return len(pair) == 2 and pair.isalpha() and not wide
