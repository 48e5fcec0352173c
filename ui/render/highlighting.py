"""Highlighting in passages: the span that answers, and the question's words."""

import re
from collections.abc import Iterable
from typing import Final

from rag.language.analysis import language_of
from ui.render.escaping import Html, element, escape

Span = tuple[int, int]
AROUND: Final = 220  # characters shown on either side of a span
_BREAK = re.compile(r"\s")


def highlight(
    text: str,
    *,
    marks: Iterable[Span] = (),
    terms: Iterable[Span] = (),
    mark_id: str | None = None,
) -> Html:
    """Return a text as HTML with spans marked; the visible text is unchanged.

    Args:
        text: Any text.
        marks: Spans that answer, which become `<mark>`.
        terms: Spans of the question's words, which become `<b>`.
        mark_id: Id of a zero-width anchor before the first mark; it is a box, as a frame cannot
            start at an inline element.

    Example:
        >>> highlight("a <b> c", marks=[(2, 5)])
        'a <mark>&lt;b&gt;</mark> c'
    """
    chosen, words = merged(marks, len(text)), merged(terms, len(text))
    pieces, position = [], 0
    for start, end in chosen:
        pieces.append(_with_terms(text, position, start, words))
        inside = _with_terms(text, start, end, words)
        if mark_id:
            pieces.append(element("span", id=mark_id, class_="cw-place"))
        pieces.append(element("mark", inside))
        position, mark_id = end, None
    pieces.append(_with_terms(text, position, len(text), words))
    return Html("".join(pieces))


def excerpt(
    text: str, *, marks: Iterable[Span] = (), terms: Iterable[Span] = (), around: int = AROUND
) -> Html:
    """Return the part of a text around its marks, or its beginning, marked as by `highlight`.

    Args:
        text: Any text.
        marks: See `highlight`; all of them are shown.
        terms: See `highlight`.
        around: Characters before the first and after the last mark.
    """
    chosen = merged(marks, len(text))
    first, last = (chosen[0][0], chosen[-1][1]) if chosen else (0, around)
    start = min(first, _word_start(text, first - around))
    end = max(last, _word_end(text, last + around))
    shown = highlight(text[start:end], marks=shifted(chosen, start), terms=shifted(terms, start))
    before = "… " if start else ""
    behind = " …" if end < len(text) else ""
    return Html(f"{before}{shown}{behind}")


def merged(spans: Iterable[Span], length: int) -> list[Span]:
    """Return sorted spans, clipped to a text's length, with touching and overlapping ones merged.

    Example:
        >>> merged([(4, 9), (0, 2), (1, 4), (7, 7)], 8)
        [(0, 8)]
    """
    found: list[Span] = []
    for start, end in sorted((max(0, start), min(length, end)) for start, end in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def shifted(spans: Iterable[Span], by: int) -> list[Span]:
    """Return spans of a text relative to the part that begins at `by`."""
    return [(start - by, end - by) for start, end in spans]


def language_tag(text: str) -> str | None:
    """Return the value of an attribute `lang`, for fonts and screen readers; None if unsure.

    Latin letters are ambiguous: they may be any of a hundred languages.
    """
    found = language_of(text[:400])
    return found if found not in ("", "en") else None


def _with_terms(text: str, start: int, end: int, words: list[Span]) -> Html:
    pieces, position = [], start
    inside = ((max(first, start), min(last, end)) for first, last in words)
    for first, last in inside:
        if first >= last:
            continue
        pieces.append(escape(text[position:first]))
        pieces.append(element("b", text[first:last], class_="cw-term"))
        position = last
    pieces.append(escape(text[position:end]))
    return Html("".join(pieces))


def _word_start(text: str, place: int, reach: int = 24) -> int:
    """Return the start of the word at an offset, if it is near."""
    if place <= 0:
        return 0
    found = _BREAK.search(text, place, place + reach)
    return found.end() if found else place


def _word_end(text: str, place: int, reach: int = 24) -> int:
    if place >= len(text):
        return len(text)
    for step in range(min(reach, place)):
        if text[place - step].isspace():
            return place - step
    return place
