"""Windows of a question and a passage, the input of a reader, and the spans found in them.

A passage that is too long for the model becomes several windows that overlap. Offsets are
characters of the text that was cut; nothing here knows torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rag.view import view_of

if TYPE_CHECKING:
    from haystack import Document
    from tokenizers import Encoding, Tokenizer

Logits = npt.NDArray[np.float32]
LONGEST_TITLE = 80  # characters of a title put before the text


@dataclass(frozen=True)
class Window:
    """One input of a model: the question and a piece of a text.

    Attributes:
        text: Index of the text, from 0.
        ids: Token ids, special tokens among them.
        types: Token types, the same number.
        first: Place in `ids` of the piece's first token.
        offsets: Start and end of each of the piece's tokens in the text; none for an empty text.
    """

    text: int
    ids: tuple[int, ...]
    types: tuple[int, ...]
    first: int
    offsets: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class WindowOutput:
    """Output of a model for one window.

    Attributes:
        window: The window.
        starts: float32 array of shape (tokens,): logit that the answer starts at a token.
        ends: The same for its last token.
        null: Score of no answer, on the scale of a start's and an end's logit together.
        doubt: Logit of the null head that the window does not answer; None without such a head.
        relevance: Logit that the text is relevant to the question; None without such a head.
    """

    window: Window
    starts: Logits
    ends: Logits
    null: float
    doubt: float | None = None
    relevance: float | None = None


@dataclass(frozen=True)
class ScoredSpan:
    """Characters `start` to `end` (exclusive) of a text, with the model's score for them."""

    start: int
    end: int
    score: float


def prefix(title: str) -> str:
    """Return the text read before a passage's text: its title.

    Example:
        >>> prefix("Water supply") + "It froze."
        'Water supply: It froze.'
    """
    return f"{title[:LONGEST_TITLE]}: " if title else ""


def read_text(document: "Document") -> str:
    """Return the text of a passage as a model reads it: its view, after its title."""
    view = view_of(document.content, document.meta)
    return prefix(str(document.meta.get("title") or "")) + view.text


class WindowCutter:
    """Cutter of texts into windows, with a model's own tokenizer.

    Args:
        tokenizer: The model's tokenizer; it is copied.
        length: Number of tokens of a window, question and special tokens included.
        stride: Number of tokens of a text that a window shares with the previous one.
        longest_question: Number of tokens of a question that are read.

    Raises:
        ValueError: If question and stride leave no room for the text.
    """

    def __init__(
        self, tokenizer: "Tokenizer", *, length: int, stride: int, longest_question: int = 64
    ) -> None:
        special = tokenizer.num_special_tokens_to_add(is_pair=True)
        if length - longest_question - special <= stride:
            raise ValueError(
                f"windows of {length} tokens have no room beside a question of {longest_question} "
                f"and a stride of {stride}"
            )
        self.length, self.stride, self.longest_question = length, stride, longest_question
        self._plain, self._pairs = copy_tokenizer(tokenizer), copy_tokenizer(tokenizer)
        self._plain.no_truncation()
        self._pairs.enable_truncation(length, stride=stride, strategy="only_second")

    def shorten(self, question: str) -> str:
        """Return a question cut after its last allowed token."""
        offsets = self._plain.encode(question, add_special_tokens=False).offsets
        if len(offsets) <= self.longest_question:
            return question
        return question[: offsets[self.longest_question - 1][1]]

    def cut(self, question: str, texts: Sequence[str]) -> list[Window]:
        """Return the windows of all texts, those of one text together and in its order."""
        short = self.shorten(question)
        return self.cut_pairs([(short, text) for text in texts])

    def cut_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Window]:
        """Return the windows of pairs of a question, already short enough, and a text."""
        windows = []
        for number, encoding in enumerate(self._pairs.encode_batch(list(pairs))):
            for piece in (encoding, *encoding.overflowing):
                windows.append(_window(number, piece))
        return windows


def copy_tokenizer(tokenizer: "Tokenizer") -> "Tokenizer":
    """Return a copy without padding, whose truncation can be set."""
    from tokenizers import Tokenizer

    copied = Tokenizer.from_str(tokenizer.to_str())
    copied.no_padding()
    return copied


def _window(number: int, encoding: "Encoding") -> Window:
    places = [place for place, part in enumerate(encoding.sequence_ids) if part == 1]
    ids, offsets = encoding.ids, encoding.offsets
    return Window(
        text=number,
        ids=tuple(ids),
        types=tuple(encoding.type_ids),
        first=places[0] if places else len(ids),
        offsets=tuple(offsets[place] for place in places),
    )


def find_spans(
    readings: Sequence[WindowOutput], *, most: int, longest: int, begin: int = 0
) -> list[ScoredSpan]:
    """Return the best spans of one text, best first, none overlapping a better one.

    The score of a span is start logit + end logit - score of no answer in the same window: how
    much better the span is than none. It is not normalised within its window, so that the spans
    of all passages can be compared. A span in several windows has its best score; of equal
    scores the earlier, then the shorter span comes first.

    Args:
        readings: Output of a model for the text's windows.
        most: Maximum number of spans.
        longest: Maximum length of a span, in tokens.
        begin: Offset in the text before which no span starts.
    """
    bands = [_Band(each, longest, begin) for each in readings if each.window.offsets]
    chosen: list[ScoredSpan] = []
    while len(chosen) < most:
        best = min(
            (found for band in bands if (found := band.best())),
            key=lambda span: (-span.score, span.start, span.end),
            default=None,
        )
        if best is None:
            break
        chosen.append(best)
        for band in bands:
            band.remove(best)
    return chosen


def span_features(span: ScoredSpan, readings: Sequence[WindowOutput]) -> tuple[float, float, float]:
    """Return the features of a span, named in `rag.models.calibration.SPAN_FEATURES`.

    Margin is the span's; doubt and relevance are those of the text's best window, 0 if the model
    has no head for them.
    """
    doubts = (each.doubt for each in readings if each.doubt is not None)
    about = (each.relevance for each in readings if each.relevance is not None)
    return span.score, min(doubts, default=0.0), max(about, default=0.0)


class _Band:
    """Scores of a window's spans: row = first token, column = number of tokens after it."""

    def __init__(self, reading: WindowOutput, longest: int, begin: int) -> None:
        window = reading.window
        first, count = window.first, len(window.offsets)
        offsets = np.asarray(window.offsets)
        width = min(longest, count)
        place = np.arange(count)[:, None] + np.arange(width)[None, :]
        inside = place < count
        place = np.minimum(place, count - 1)
        self._starts, self._ends = offsets[:, :1], offsets[place, 1]
        total = reading.starts[first : first + count, None] + reading.ends[first + place]
        fits = inside & (self._starts >= begin) & (self._starts < self._ends)
        self._scores = np.where(fits, total.astype(np.float64) - reading.null, -np.inf)

    def best(self) -> ScoredSpan | None:
        """Return the best remaining span, the earlier and shorter of equal ones."""
        row, column = divmod(int(self._scores.argmax()), self._scores.shape[1])
        score = float(self._scores[row, column])
        if not np.isfinite(score):
            return None
        return ScoredSpan(int(self._starts[row, 0]), int(self._ends[row, column]), score)

    def remove(self, span: ScoredSpan) -> None:
        """Remove all spans that overlap a span."""
        self._scores[(self._starts < span.end) & (self._ends > span.start)] = -np.inf


def by_length(windows: Sequence[Window]) -> list[int]:
    """Return the places of windows, the longest first, so that batches hold equal lengths."""
    return sorted(range(len(windows)), key=lambda place: (-len(windows[place].ids), place))
