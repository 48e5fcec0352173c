"""Metrics of citations: ALCE's recall and precision, and overlap with gold spans.

A marker is `[1]`, `[1][2]` or `[1, 2]`; n is the passage's position, from 1, in the list that the
generator was given. The caller provides the judge of support: `entails` is a function of premises
and a sentence. Values are from 0 to 1, never percentages.
"""

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

Entails = Callable[[list[str], str], bool]

_MARKER = re.compile(r"\[\s*\d+(?:\s*[,，、]\s*\d+)*\s*\]")


@dataclass(frozen=True)
class CitationScores:
    """ALCE scores of one answer.

    Attributes:
        recall: Share of sentences that are supported by their cited passages together.
        precision: Share of citations that are needed or support their sentence alone.
        sentences: Number of sentences, the denominator of recall.
        citations: Number of citations in sentences without an out-of-range one, the denominator
            of precision.
        uncited: Number of sentences without a citation.
        out_of_range: Number of citations whose number has no passage.
    """

    recall: float
    precision: float
    sentences: int
    citations: int
    uncited: int
    out_of_range: int


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
        span_precision: Share of the cited spans that overlap a gold span.
        span_recall: Share of the gold spans that overlap a cited span.
    """

    character_precision: float
    character_recall: float
    span_precision: float
    span_recall: float


def parse_citations(sentence: str) -> list[int]:
    r"""Return the numbers cited in a sentence, in order, repeats kept.

    Args:
        sentence: Text with markers. The comma may be ，or 、; ranges such as [1-3] are no markers.

    Returns:
        The numbers as written, from 1; empty if there is no marker. [0] gives 0, which is out of
        range everywhere.

    Example:
        >>> parse_citations("Yes [1][2], and again [2, 3].")
        [1, 2, 2, 3]

    Reference:
        ALCE eval.py finds `\[\d+`, which reads [1, 2] as 1 alone.
    """
    return [int(n) for marker in _MARKER.findall(sentence) for n in re.findall(r"\d+", marker)]


def remove_citations(sentence: str) -> str:
    """Return a sentence without markers and the spaces before them, as `entails` takes it.

    Example:
        >>> remove_citations("Yes [1][2], and again [2, 3].")
        'Yes, and again.'

    Reference:
        ALCE eval.py `remove_citations`, except that [1, 2] is removed as a whole.
    """
    return re.sub(rf"\s*{_MARKER.pattern}", "", sentence).strip()


def citation_scores(
    sentences: Sequence[str],
    passages: Sequence[str],
    entails: Entails,
    *,
    at_most: int | None = None,
) -> CitationScores:
    """Return ALCE's citation recall and precision of one answer.

    A sentence is supported if its cited passages together entail it; a sentence without a citation,
    or with one out of range, is not. A citation is precise if its sentence is supported, unless its
    passage alone does not entail the sentence while the other cited passages still do.

    Args:
        sentences: The answer's sentences, with markers; may be empty.
        passages: The passages behind the markers: [1] is the first.
        entails: Returns whether premises, at least one, jointly entail a sentence without markers.
        at_most: Number of citations used per sentence, the first ones; None is all. ALCE's default
            is 3.

    Returns:
        The scores with their denominators; 0 where a denominator is 0.

    Example:
        Passage 1 supports it, passage 2 is not needed: all sentences, half of the citations.

        >>> passages = ["the sky is blue", "grass"]
        >>> scores = citation_scores(["Blue [1][2]."], passages, lambda p, s: "blue" in "".join(p))
        >>> scores.recall, scores.precision
        (1.0, 0.5)

    Reference:
        Gao et al. (2023), EMNLP; princeton-nlp/ALCE eval.py `compute_autoais`.
    """
    cited = [parse_citations(sentence) for sentence in sentences]
    outside = sum(not 1 <= n <= len(passages) for numbers in cited for n in numbers)
    supported = precise = citations = 0
    for sentence, numbers in zip(sentences, cited, strict=True):
        if not all(1 <= n <= len(passages) for n in numbers):
            continue
        premises = [passages[n - 1] for n in numbers[:at_most]]
        needed = _count_precise(premises, remove_citations(sentence), entails)
        supported += needed is not None
        precise += needed or 0
        citations += len(premises)
    return CitationScores(
        recall=_ratio(supported, len(sentences)),
        precision=_ratio(precise, citations),
        sentences=len(sentences),
        citations=citations,
        uncited=sum(not numbers for numbers in cited),
        out_of_range=outside,
    )


def mean_citation_scores(answers: Sequence[CitationScores]) -> tuple[float, float, int]:
    """Return mean citation recall and precision over answers, and the number of answers.

    Args:
        answers: Scores by answer. Those without a sentence (abstentions) are left out, as in
            ALCE; one without a citation counts as 0 in both.

    Returns:
        Recall, precision, and the number of answers; 0, 0, 0 if none has a sentence.

    Example:
        >>> half, uncited = CitationScores(1, 0.5, 2, 2, 0, 0), CitationScores(0, 0, 1, 0, 1, 0)
        >>> mean_citation_scores([half, uncited])
        (0.5, 0.25, 2)

    Reference:
        ALCE eval.py `compute_autoais`.
    """
    scored = [answer for answer in answers if answer.sentences]
    recall = math.fsum(answer.recall for answer in scored)
    precision = math.fsum(answer.precision for answer in scored)
    return _ratio(recall, len(scored)), _ratio(precision, len(scored)), len(scored)


def span_scores(cited: Collection[Span], gold: Collection[Span]) -> SpanScores:
    """Return the overlap of cited spans with gold spans, by character and by span.

    Characters covered by several spans of one side count once; repeated spans count once.

    Args:
        cited: Spans cited by the answer; may be empty.
        gold: Spans that support the right answer; may be empty.

    Returns:
        Four numbers from 0 to 1; precision is 0 without a cited span and recall without a gold one.

    Example:
        Ten characters cited, the last five of which are among the twenty gold ones.

        >>> scores = span_scores([Span("a", 0, 10)], [Span("a", 5, 25), Span("b", 0, 1)])
        >>> scores.character_precision, round(scores.character_recall, 4), scores.span_recall
        (0.5, 0.2381, 0.5)

    Reference:
        Character overlap as in Smith and Troynikov (2024), Evaluating Chunking Strategies (Chroma).
    """
    cited, gold = set(cited), set(gold)
    merged_cited, merged_gold = _merge(cited), _merge(gold)
    common = sum(_overlap(one, other) for one in merged_cited for other in merged_gold)
    return SpanScores(
        character_precision=_ratio(common, sum(span.end - span.start for span in merged_cited)),
        character_recall=_ratio(common, sum(span.end - span.start for span in merged_gold)),
        span_precision=_ratio(_touching(cited, gold), len(cited)),
        span_recall=_ratio(_touching(gold, cited), len(gold)),
    )


def _count_precise(premises: list[str], claim: str, entails: Entails) -> int | None:
    """Return the number of precise citations of a sentence, or None if it is not supported."""
    if not premises or not entails(premises, claim):
        return None
    if len(premises) == 1:
        return 1
    others = [premises[:i] + premises[i + 1 :] for i in range(len(premises))]
    return sum(
        entails([premise], claim) or not entails(rest, claim)
        for premise, rest in zip(premises, others, strict=True)
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


def _touching(spans: Collection[Span], others: Collection[Span]) -> int:
    return sum(any(_overlap(span, other) for other in others) for span in spans)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
