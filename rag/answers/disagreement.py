"""Disagreement of two documents about a number, such as a year or a weight.

Only numbers of the same unit that answer the same question are compared: other words may say the
same in two ways.
"""

import re
from collections.abc import Sequence

from rag.language.forms import simplified
from rag.reading.unit_choice import UnitCandidate

LEAST = 0.3  # probability of the exact words, below which nothing is said to disagree
_NUMBER = re.compile(r"\d[\d,. ]*")
_IN_WORDS = re.compile(
    r"\b(?:about|around|some|nearly|almost|over|roughly|exactly|only|in|on|at|the|year)\b|约|大约|近|年|共",
    re.IGNORECASE,
)


def disagreement(quoted: Sequence[UnitCandidate]) -> str | None:
    """Return what two documents say of the same thing if they differ, or None.

    Args:
        quoted: The units of an answer to a question for a fact, best first.
    """
    said = [(each.surroundings.found, *_value(each)) for each in quoted if _is_sure(each)]
    for place, (found, numbers, rest, words) in enumerate(said):
        for others, other_numbers, other_rest, other_words in said[place + 1 :]:
            one, other = found[0], others[0]
            alike = numbers and other_numbers and rest == other_rest
            if alike and one.document_id != other.document_id and numbers != other_numbers:
                return (
                    f"the documents disagree: `{one.source}` says {words}, "
                    f"`{other.source}` says {other_words}"
                )
    return None


def _is_sure(candidate: UnitCandidate) -> bool:
    best = candidate.best
    return bool(candidate.surroundings.found) and best is not None and best.score >= LEAST


def _value(candidate: UnitCandidate) -> tuple[frozenset[str], str, str]:
    """Return the numbers of the exact words, the words around them in one form, and the words."""
    best = candidate.best
    words = (best.short or "") if best else ""
    numbers = frozenset(re.sub(r"[,. ]+$|[, ]", "", each) for each in _NUMBER.findall(words))
    rest = _IN_WORDS.sub("", _NUMBER.sub("", simplified(words).casefold()))
    return numbers, "".join(filter(str.isalnum, rest)), words
