"""Metrics of citations: overlap with gold spans, and support of written sentences.

A marker is `[1]`, `[1][2]` or `[1, 2]`; a sentence that the check of written answers could not
support ends in `[?]`. Values are from 0 to 1, never percentages.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_MARKER = re.compile(r"\[\s*\d+(?:\s*[,，、]\s*\d+)*\s*\]")
_MARKED_SENTENCE = re.compile(r"\[\?\]|(?:\[\d+\])+")


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (exclusive) of a document."""

    document_id: str
    start: int
    end: int

    def __post_init__(self) -> None:
        """Check that the span is neither empty nor negative."""
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, got {self.start} and {self.end}.")


@dataclass(frozen=True)
class SpanScores:
    """Overlap of cited spans with gold spans.

    Attributes:
        character_precision: Share of the cited characters that are gold.
        character_recall: Share of the gold characters that are cited.
    """

    character_precision: float
    character_recall: float


def remove_citations(sentence: str) -> str:
    """Return a sentence without markers and the spaces before them.

    Example:
        >>> remove_citations("Yes [1][2], and again [2, 3].")
        'Yes, and again.'

    Reference:
        ALCE eval.py `remove_citations`, except that [1, 2] is removed as a whole.
    """
    return re.sub(rf"\s*{_MARKER.pattern}", "", sentence).strip()


def supported_sentences(answer: str) -> float:
    """Return the share of a written answer's sentences that its check supports; 0 without any.

    This is citation recall with the product's own check as the judge: half of a sentence's words
    and all its numbers stand in what it cites.

    Args:
        answer: A written answer, each sentence followed by its markers or by `[?]`.

    Example:
        >>> supported_sentences("It is red. [1][2] It is a horse. [?]")
        0.5

    Reference:
        Gao et al. (2023), EMNLP, whose judge is a model of entailment.
    """
    marks = _MARKED_SENTENCE.findall(answer)
    return _ratio(len(marks) - marks.count("[?]"), len(marks))


def span_scores(cited: Collection[Span], gold: Collection[Span]) -> SpanScores:
    """Return the overlap of cited spans with gold spans, by character.

    Characters covered by several spans of one side count once.

    Args:
        cited: Spans cited by the answer; may be empty.
        gold: Spans that support the right answer; may be empty.

    Returns:
        Two numbers from 0 to 1; precision is 0 without a cited span and recall without a gold one.

    Example:
        Ten characters cited, the last five of which are among the twenty gold ones.

        >>> scores = span_scores([Span("a", 0, 10)], [Span("a", 5, 25), Span("b", 0, 1)])
        >>> scores.character_precision, round(scores.character_recall, 4)
        (0.5, 0.2381)

    Reference:
        Character overlap as in Smith and Troynikov (2024), Evaluating Chunking Strategies (Chroma).
    """
    merged_cited, merged_gold = _merge(cited), _merge(gold)
    common = sum(_overlap(one, other) for one in merged_cited for other in merged_gold)
    return SpanScores(
        character_precision=_ratio(common, sum(span.end - span.start for span in merged_cited)),
        character_recall=_ratio(common, sum(span.end - span.start for span in merged_gold)),
    )


def _merge(spans: Collection[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.document_id, span.start)):
        last = merged[-1] if merged else None
        if last and last.document_id == span.document_id and span.start <= last.end:
            merged[-1] = Span(last.document_id, last.start, max(last.end, span.end))
        else:
            merged.append(span)
    return merged


def _overlap(one: Span, other: Span) -> int:
    if one.document_id != other.document_id:
        return 0
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
