"""Features that score a sentence as an answer.

Pure functions; the reader computes them and `rag.reading.probabilities` turns them into a
probability.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """

    passage_id: str
    start: int
    end: int
    features: tuple[float, ...]
    score: float = 0.0
    span: tuple[int, int] | None = None


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
