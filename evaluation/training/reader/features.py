"""Features of a reader's training: windows of examples with labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.training.data.examples import Example
from rag.models.windows import Window, WindowCutter, prefix

UNKNOWN = -1


@dataclass(frozen=True)
class Feature:
    """A window and its labels.

    Attributes:
        window: The window; `window.text` is the index of its example.
        start: Index of the answer's first token in the window, 0 for no answer, or `UNKNOWN`.
        end: Index of the answer's last token, 0 for no answer, or `UNKNOWN`.
        null: 1 if the window does not answer, 0 if it does, or `UNKNOWN`.
        relevant: 1 or 0, or `UNKNOWN`.
    """

    window: Window
    start: int
    end: int
    null: int
    relevant: int


def make_features(examples: Sequence[Example], cutter: WindowCutter) -> list[Feature]:
    """Return the labelled windows of examples; only the first window of a negative."""
    shorts = {each.question: cutter.shorten(each.question) for each in examples}
    pairs = [(shorts[each.question], prefix(each.title) + each.text) for each in examples]
    features: list[Feature] = []
    for window in cutter.cut_pairs(pairs):
        example = examples[window.text]
        if example.kind == "negative" and features and features[-1].window.text == window.text:
            continue
        features.append(label(example, window))
    return features


def label(example: Example, window: Window) -> Feature:
    """Return a window of an example with its labels."""
    if example.kind == "relevant":
        return Feature(window, UNKNOWN, UNKNOWN, UNKNOWN, 1)
    if example.kind == "negative":
        return Feature(window, 0, 0, 1, 0)
    if example.kind == "no answer":
        return Feature(window, 0, 0, 1, UNKNOWN)
    shift = len(prefix(example.title))
    place = token_span(window, example.start + shift, example.end + shift)
    if place is None:
        return Feature(window, 0, 0, 1, UNKNOWN)
    return Feature(window, *place, 0, 1)


def token_span(window: Window, start: int, end: int) -> tuple[int, int] | None:
    """Return the indices of the tokens of characters `start` to `end`; None if cut off."""
    inside = [
        place for place, (first, last) in enumerate(window.offsets) if first < end and start < last
    ]
    if not inside:
        return None
    whole = window.offsets[inside[0]][0] <= start and end <= window.offsets[inside[-1]][1]
    if not whole:
        return None
    return window.first + inside[0], window.first + inside[-1]
