"""HTML of a document, or a long part of it, scrolled to a marked span.

The text is in a frame of its own that is scrolled to the mark by the style sheet
(`scroll-initial-target`), and by a link to the mark in browsers without that property.
"""

from dataclasses import dataclass
from typing import Final

from ui.render.escaping import Html, element
from ui.render.highlighting import highlight, language_tag
from ui.render.places import MARK

SHOWN: Final = 60_000  # characters of a document in one view


@dataclass(frozen=True)
class DocumentExcerpt:
    """The shown part of a document: its offsets, and the length of the whole."""

    start: int
    end: int
    length: int


def view_around(length: int, start: int, most: int = SHOWN) -> DocumentExcerpt:
    """Return the part of a document that shows a place with its surroundings.

    Example:
        >>> view_around(1000, 900, most=100)
        DocumentExcerpt(start=850, end=950, length=1000)
    """
    first = max(0, min(start - most // 2, length - most))
    return DocumentExcerpt(first, min(length, first + most), length)


def document_text(text: str, view: DocumentExcerpt, start: int, end: int, label: str) -> Html:
    """Return a part of a document's text with a span of it marked.

    Args:
        text: The document's text.
        view: The part to show.
        start: Offset of the span's first character in the document.
        end: Offset after its last character; equal to `start` marks nothing.
        label: Accessible name of the frame.
    """
    part = text[view.start : view.end]
    shown = highlight(part, marks=[(start - view.start, end - view.start)], mark_id=MARK)
    return element(
        "div",
        shown,
        class_="cw-document",
        dir="auto",
        lang=language_tag(part),
        tabindex="0",
        role="region",
        aria_label=label,
    )
