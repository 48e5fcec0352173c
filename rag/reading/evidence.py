"""Features that score a sentence as an answer.

Pure functions; the reader computes them and `rag.reading.probabilities` turns them into a
probability.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.view import PLACES, Span, View

FEATURES = ("similarity", "coverage", "passage_coverage", "rank", "kind", "brevity")

_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|far|high|deep|large|big|tall|heavy|wide|often|fast)\b"
    r"|\b(?:when|what (?:year|date|time|day|percentage|number|age|temperature|size))\b"
    r"|\bin (?:what|which) (?:year|month)\b"
    r"|多少|多久|多大|多长|多長|多高|多远|多遠|多重|几[^乎]|幾|何时|何時|什么时候|什麼時候|哪一?年|哪年|年份|日期",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[零一二三四五六七八九十百千万萬亿億两兩]"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
    r"|fifty|sixty|hundred|thousand|million|half|dozen|january|february|march|april|may|june|july"
    r"|august|september|october|november|december|monday|tuesday|wednesday|thursday|friday"
    r"|saturday|sunday)\b",
    re.IGNORECASE,
)
_ASKS_WHO = re.compile(r"\bwho(?:se|m)?\b|谁|誰|哪位", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+|[A-Z][a-z]+ [A-Z][a-z]+")


@dataclass(frozen=True)
class Evidence:
    """A sentence of a passage, or the sentences around a span, with features and score.

    Attributes:
        passage_id: Id of the passage.
        start: Offset of the sentence in the passage's text.
        end: Offset behind its last character.
        features: One number for each name in `FEATURES`, or for a span in `SPAN_FEATURES`.
        score: Probability that it answers the question, from 0 to 1.
        span: Offsets in the passage's text of the exact words that answer; None if only the
            sentence is known.
        wording: The sentence in readable form, on one line.
        short: The exact words in readable form, on one line; None if only the sentence is known.
    """

    passage_id: str
    start: int
    end: int
    features: tuple[float, ...]
    score: float = 0.0
    span: tuple[int, int] | None = None
    wording: str = ""
    short: str | None = None


def locate(view: View, start: int, end: int) -> Span | None:
    """Return the span of a passage's text that a sentence of its view shows; None if none does.

    A sentence with words that the view has put in, as it does for a table's cell, is the line.

    Args:
        view: The passage's view.
        start: Offset of the sentence in the readable text.
        end: Offset behind it.

    Example:
        >>> from rag.view import Edit
        >>> view = View("| A | 27 |", [Edit(6, 6, "The kg of A is ")])
        >>> view.text, locate(view, 6, 23)
        ('| A | The kg of A is 27 |', (0, 10))
    """
    text = view.source
    first, last = view.to_source(start, end)
    if view.puts_words_in(start, end):
        first = text.rfind("\n", 0, first) + 1
        newline = text.find("\n", last)
        last = newline if newline >= 0 else len(text)
    part = text[first:last]
    first += len(part) - len(part.lstrip())
    last = first + len(part.strip())
    return (first, last) if first < last else None


def locate_words(view: View, start: int, end: int, around: Span) -> Span | None:
    """Return the span of a passage's text that exact words of its view show; None if none does.

    Words that the view has put in are looked up in the sentence's own line: the name of a row.

    Args:
        view: The passage's view.
        start: Offset of the words in the readable text.
        end: Offset behind them.
        around: Where the sentence stands in the passage's text.
    """
    first, last = view.to_source(start, end)
    if view.source[first:last].strip() and not view.puts_words_in(start, end):
        return first, last
    place = view.source.find(view.text[start:end], *around)
    return (place, place + end - start) if place >= 0 else None


def heading_names(meta: Mapping[str, Any]) -> frozenset[str]:
    """Return the headings that a passage's metadata name: they are no sentences that answer.

    Args:
        meta: Metadata of a passage, as a store keeps it.
    """
    paths = [meta.get("heading"), *(path for _, _, path in meta.get(PLACES) or ())]
    names = {str(path).rpartition(" > ")[2] for path in paths if path}
    return frozenset(names | {str(meta.get("title") or "")})


def is_heading(sentence: str, names: frozenset[str]) -> bool:
    """Return whether a sentence is one of some headings, or has a heading's mark in Markdown.

    Example:
        >>> is_heading("## Error lights", frozenset({"Error lights"}))
        True
    """
    bare = on_one_line(sentence).lstrip("#").strip()
    return sentence.startswith("#") or bare in names or bare.rstrip(":：") in names


def on_one_line(text: str) -> str:
    """Return a text with single spaces in place of white space."""
    return " ".join(text.split())


def coverage(question: Sequence[str], text: Sequence[str], weights: Mapping[str, float]) -> float:
    """Return the share of a question's tokens that a text contains, weighted by rarity.

    Args:
        question: Tokens of the question.
        text: Tokens of the text.
        weights: Token -> weight, at least 0.

    Returns:
        From 0 to 1; 0 if the question has no tokens.

    Example:
        >>> coverage(["a", "b"], ["b", "c"], {"a": 1.0, "b": 3.0})
        0.75
    """
    wanted = set(question)
    total = sum(weights[token] for token in wanted)
    return sum(weights[token] for token in wanted & set(text)) / total if total else 0.0


def kind_fits(question: str, sentence: str) -> float:
    """Return 1 if a sentence has the kind of thing a question asks for, -1 if it lacks it, else 0.

    Kinds are numbers and dates, and names of persons; words of the question itself do not count.

    Example:
        >>> kind_fits("How many beds are there?", "There are 40 beds."), kind_fits("Why?", "So.")
        (1.0, 0.0)
    """
    if _ASKS_NUMBER.search(question):
        wanted = _NUMBER
    elif _ASKS_WHO.search(question):
        wanted = _NAME
        if not sentence.isascii():
            return 0.0
    else:
        return 0.0
    said = {match.casefold() for match in wanted.findall(question)}
    new = [match for match in wanted.findall(sentence) if match.casefold() not in said]
    return 1.0 if new else -1.0
