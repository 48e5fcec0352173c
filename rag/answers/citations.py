"""Citations: answer sentences tied to the exact spans that support them.

Offsets are relative to a passage's text here, and become offsets into the document by adding the
passage's start; a citation's quote is cut from the very text that those offsets point to. A written
answer is checked sentence by sentence: each `[n]` is tied to the sentence of passage n that
supports it, markers of passages that do not exist are dropped, and unsupported sentences get `[?]`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.language.analysis import tokens
from rag.language.sentences import sentence_spans
from rag.reading.evidence import locate, on_one_line
from rag.schema import AnswerBlock, Citation, Passage
from rag.view import Span

WrittenSentence = tuple[str, list[int], str]  # without markers, cited numbers, gap before it

UNSUPPORTED = "[?]"
SUPPORT = 0.5  # minimum share of a sentence's words that its evidence contains
TELLING = 20  # characters of a sentence after which the one before has surely ended
NEIGHBOURS = 3  # maximum number of consecutive sentences that support one sentence together

_MARKERS = re.compile(r"\s*[\[【［]\s*(\d{1,4}(?:\s*[,，、]\s*\d{1,4})*)\s*[\]】］]")
_END_AND_MARKERS = re.compile(rf"([.!?。！？]+)((?:{_MARKERS.pattern})+)")
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class CitedText:
    """A text with markers `[n]`, the citations they point to, and the problems found in it.

    Attributes:
        text: The sentences, each followed by its markers.
        citations: Citations in the order of their numbers, from 1.
        sentences: Number of sentences.
        unsupported: Number of sentences without support.
        unknown: Cited numbers that no passage has.
        short: The exact words of the best evidence, if the reader found them.
        blocks: The quoted units of which the text is made; none if it was written.
        reservation: What speaks against the text, such as another document; None if nothing.
    """

    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    sentences: int = 0
    unsupported: int = 0
    unknown: list[int] = field(default_factory=list)
    short: str | None = None
    blocks: list[AnswerBlock] = field(default_factory=list)
    reservation: str | None = None

    def cite(
        self,
        passage: Passage,
        start: int,
        end: int,
        answer: Span | None = None,
        wording: str = "",
    ) -> int:
        """Return the number of a span of a passage, adding a citation if it has none yet."""
        shift = passage.start
        span = (shift + start, shift + end)
        exact = None if answer is None else (shift + answer[0], shift + answer[1])
        shown = wording or _wording(passage, start, end)
        return self.cite_span(passage, span, passage.text[start:end], exact, shown)

    def cite_span(
        self, passage: Passage, span: Span, quote: str, answer: Span | None, wording: str
    ) -> int:
        """Return the number of a span of a document, adding a citation if it has none yet.

        Args:
            passage: The passage in which the span begins; it may end behind it.
            span: Offsets in the document's stored text.
            quote: Its characters.
            answer: Offsets of the exact words that answer, in the document's stored text.
            wording: The quote in readable form, on one line.
        """
        for citation in self.citations:
            if (citation.document_id, citation.start, citation.end) == (passage.document_id, *span):
                return citation.n
        place = passage.place_at(span[0] if answer is None else answer[0])
        self.citations.append(
            Citation(
                n=len(self.citations) + 1,
                passage_id=passage.passage_id,
                document_id=passage.document_id,
                source=passage.source,
                page=place.page,
                heading=place.heading,
                start=span[0],
                end=span[1],
                quote=quote,
                answer_start=None if answer is None else answer[0],
                answer_end=None if answer is None else answer[1],
                wording=wording,
            )
        )
        return len(self.citations)


def _wording(passage: Passage, start: int, end: int) -> str:
    """Return characters `start` to `end` of a passage's text in readable form, on one line."""
    view = passage.view
    first, last = view.to_view(start, end)
    return on_one_line(view.text[first:last])


def tie(written: str, passages: Sequence[Passage]) -> CitedText:
    """Return a written answer with its markers tied to spans of the passages and checked.

    Args:
        written: Text of the language model, with `[n]` for passage n, from 1.
        passages: The passages of its prompt, in that order.

    Returns:
        The same sentences; each marker is the number of a citation, numbered by first appearance.
        A sentence without a marker gets one if a passage supports it. An unsupported sentence ends
        in `[?]`.
    """
    return tie_sentences(split_markers(written), passages)


def tie_sentences(sentences: Iterable[WrittenSentence], passages: Sequence[Passage]) -> CitedText:
    """Return sentences with their markers tied to spans of the passages and checked; see `tie`."""
    cited = CitedText()
    parts = []
    for sentence, numbers, gap in sentences:
        if not tokens(sentence):
            parts.append(gap + sentence)
            continue
        cited.sentences += 1
        cited.unknown += [number for number in numbers if not 1 <= number <= len(passages)]
        named = [passages[number - 1] for number in numbers if 1 <= number <= len(passages)]
        marks = _marks(sentence, named, passages, cited)
        cited.unsupported += marks == UNSUPPORTED
        parts.append(f"{gap}{sentence} {marks}")
    cited.text = "".join(parts).strip()
    return cited


def split_markers(written: str) -> list[WrittenSentence]:
    """Return the sentences of a text without markers, the cited numbers, and the gap before.

    Example:
        >>> split_markers("It is red [1][2]. It is big.")
        [('It is red.', [1, 2], ''), ('It is big.', [], ' ')]
    """
    text = _markers_inside(written)
    return list(_without_markers(text, sentence_spans(text)))


def split_settled(written: str) -> list[WrittenSentence]:
    """Return the sentences of an unfinished text that its continuation cannot change.

    The last sentence is left out, as it may go on; so is one whose markers may still follow.

    Example:
        >>> split_settled("It is red [1]. It is big. It has a very long tail that goes")
        [('It is red.', [1], ''), ('It is big.', [], ' ')]
    """
    text = _markers_inside(written)
    spans = sentence_spans(text)
    while spans:
        start, end = spans.pop()
        if end - start >= TELLING and text[start] not in "[【［":
            break
    return list(_without_markers(text, spans))


def _without_markers(text: str, spans: Iterable[Span]) -> Iterator[WrittenSentence]:
    position = 0
    for start, end in spans:
        sentence = text[start:end]
        numbers = [
            int(number)
            for marker in _MARKERS.findall(sentence)
            for number in re.findall(r"\d+", marker)
        ]
        gap = "\n" if "\n" in text[position:start] else " "
        yield _MARKERS.sub("", sentence).strip(), numbers, gap if position else ""
        position = end


def _markers_inside(written: str) -> str:
    """Move markers that stand behind a sentence's end before it, so that they stay with it."""
    return _END_AND_MARKERS.sub(r"\2\1", written)


def _marks(
    sentence: str, named: Sequence[Passage], passages: Sequence[Passage], cited: CitedText
) -> str:
    """Return the markers of a sentence: of the passages it names, or of one that supports it."""
    numbers = []
    for passage in named:
        span = _support_in(sentence, passage)
        if span:
            numbers.append(cited.cite(passage, *span))
    if not numbers:
        for passage in passages:
            span = _support_in(sentence, passage)
            if span:
                numbers.append(cited.cite(passage, *span))
                break
    unique = dict.fromkeys(numbers)
    return "".join(f"[{number}]" for number in unique) or UNSUPPORTED


def _support_in(sentence: str, passage: Passage) -> tuple[int, int] | None:
    """Return the span of a passage's text that best supports a sentence; or None."""
    view = passage.view
    span = find_support(sentence, view.text, lines_end=view.lines_end)
    return None if span is None else locate(view, *span)


def find_support(sentence: str, text: str, *, lines_end: bool = False) -> tuple[int, int] | None:
    """Return the span of a text, one to three sentences, that best supports a sentence; or None.

    A span supports a sentence if it contains at least half of its words and each of its numbers.
    Of equal spans the shorter, then the earlier one is taken.

    Args:
        sentence: The sentence.
        text: The text.
        lines_end: Whether every line break ends a sentence of the text.
    """
    wanted, digits = set(tokens(sentence)), set(_DIGITS.findall(sentence))
    if not wanted:
        return None
    spans = sentence_spans(text, lines_end=lines_end)
    best: tuple[float, int, int] | None = None
    span = None
    for count in range(1, NEIGHBOURS + 1):
        for first in range(len(spans) - count + 1):
            start, end = spans[first][0], spans[first + count - 1][1]
            part = text[start:end]
            if not digits <= set(_DIGITS.findall(part)):
                continue
            share = len(wanted & set(tokens(part))) / len(wanted)
            rating = (round(share, 6), -count, -start)
            if share >= SUPPORT and (best is None or rating > best):
                best, span = rating, (start, end)
        if best is not None and best[0] == 1:
            break
    return span
