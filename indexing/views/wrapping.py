"""Line breaks: which of them stand inside a sentence, by the text's own statistics."""

import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from indexing.views.hyphens import HYPHENS, Hyphens
from indexing.views.lines import Kind, Line, is_caption, quote_mark
from rag.view import Edit

FULL = 0.85  # of the width, from which a line counts as full
NARROWEST = 30  # columns of a wrapped text, unless most of its lines break inside a sentence
SHORT = 20  # columns of a line before which no small letter goes on
ENOUGH = 6  # breaks from which a share counts
_JOINING = (Kind.PROSE, Kind.ITEM, Kind.PAIR)
_END = "。！？!?…"
_CLOSE = "”’）)」』】》\"'"
_GOES_ON = "，。、；：？！”’）》」』】…"
_OPENS = "“‘（《「『【〈"
_CJK = re.compile(
    "[\u2e80-\u2fdf\u3001-\u3003\u3005-\u301f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U00020000-\U0003ffff“”‘’…—]"
)
_APART = re.compile("[\u3400-\u9fff] [A-Za-z0-9]|[A-Za-z0-9] [\u3400-\u9fff]")
_CLOSE_BY = re.compile("[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7a3]")
_WORD = re.compile(r"\S+")
_NUMBER_ALONE = re.compile(r"\d{1,3}")


class Breaks(Enum):
    """What a line break means in a format."""

    MEANINGLESS = "inside a paragraph nothing, as in Markdown"
    MEANT = "a new line of the page, unless most of them stand inside a sentence"
    UNKNOWN = "either, as in plain text and PDF"


class Wrapping:
    """The line breaks of one document.

    Args:
        text: The document's text.
        lines: Its lines that are not blank, running headers and footers left out.
        breaks: What a break means in the document's format.
    """

    def __init__(self, text: str, lines: Sequence[Line], breaks: Breaks) -> None:
        self._text, self._lines = text, lines
        self._is_markup = breaks is Breaks.MEANINGLESS
        self._hyphens = Hyphens(text)
        self.through_blank = _is_spaced(lines)
        self._most = 1 if self.through_blank else 0
        self._widths = self._block_widths()
        near = [(a, b) for a, b in pairwise(lines) if self._near(a, b)]
        self._width = _typical([line.columns for line, _ in near])
        self._size = _typical([line.size for line, _ in near])
        self._is_broken = _is_broken(near)
        self._is_wrapped = breaks is not Breaks.MEANT or self.through_blank or self._is_broken
        self._between = " " if _has_spaces(text) else ""

    def edits(self) -> list[Edit]:
        """Return a change for every break that is not yet as the view has it."""
        found: list[Edit] = []
        if not self._is_wrapped:
            return found
        for number, (before, after) in enumerate(pairwise(self._lines)):
            edit = self._edit(number, before, after)
            if edit.put != self._text[edit.start : edit.end]:
                found.append(edit)
        return found

    def joins(self, number: int) -> bool:
        """Return whether a line goes on with the sentence of the line before it."""
        if not 0 < number < len(self._lines):
            return False
        return self._joins(number - 1, self._lines[number - 1], self._lines[number])

    def _edit(self, number: int, before: Line, after: Line) -> Edit:
        if self._joins(number, before, after):
            mark = quote_mark(after)
            start, shift = before.end - before.ends_hard * before.text.endswith("\\"), mark
            return self._join(Edit(start, after.start + shift, " "), before, after)
        gap = min(after.gap, 1) if not self.through_blank else 1
        if {before.kind, after.kind} & {Kind.CODE, Kind.ROW}:
            gap = after.gap
        keep = after.indent if after.kind in (Kind.CODE, Kind.ITEM) else 0
        indent = self._text[after.start - keep : after.start]
        if before.kind is Kind.CODE and after.kind is Kind.CODE:
            return Edit(before.end, after.start, "\n" * (gap + 1) + indent)
        return Edit(before.end, after.start, "\n" * (min(gap, 1) + 1) + indent)

    def _join(self, edit: Edit, before: Line, after: Line) -> Edit:
        first = self._text[edit.end : edit.end + 1]
        last = before.text[-1]
        if last in HYPHENS and first.islower() and before.text[-2:-1].isalpha():
            if self._hyphens.keeps(before.text, self._text[edit.end : after.end]):
                return Edit(edit.start, edit.end, "")
            return Edit(edit.start - 1, edit.end, "")
        if last in "-\u2010" and before.text[-2:-1].isalnum() and first.isalnum():
            return Edit(edit.start, edit.end, "")
        wide = _CJK.match(last), _CJK.match(first)
        if all(wide) and not (_HANGUL.match(last) and _HANGUL.match(first)):
            return Edit(edit.start, edit.end, "")
        if (wide[0] and last in _GOES_ON + _OPENS) or (wide[1] and first in _GOES_ON):
            return Edit(edit.start, edit.end, "")
        if any(wide):
            return Edit(edit.start, edit.end, self._between)
        return edit

    def _near(self, before: Line, after: Line) -> bool:
        """Return whether nothing but a break stands between two lines of words."""
        paged = before.page != after.page
        return (
            (after.gap <= self._most or paged)
            and before.kind in _JOINING
            and after.kind is Kind.PROSE
        )

    def _joins(self, number: int, before: Line, after: Line) -> bool:
        if not self._is_wrapped or not self._near(before, after):
            return False
        if before.kind is Kind.PAIR and after.columns < NARROWEST:
            return False
        if is_caption(after) or _NUMBER_ALONE.fullmatch(after.text) and not self._is_markup:
            return False
        last, first = before.text[-1], after.text[quote_mark(after) :][:1] or after.text[0]
        if bool(quote_mark(before)) != bool(quote_mark(after)):
            return False
        if before.ends_hard and self._is_markup and after.gap == 0:
            return False
        if first in _GOES_ON or last in _OPENS:
            return True
        if self._is_markup and after.gap == 0 and before.page == after.page:
            return before.kind is not Kind.PAIR
        if _ends(before.text):
            return last not in "。！？" and self._is_full(number, before, after)
        if last in HYPHENS and first.islower() and before.text[-2:-1].isalpha():
            return True
        if _CJK.match(last) or _CJK.match(first):
            return self._is_full(number, before, after)
        if first.islower() and before.columns >= SHORT:
            return True
        return self._is_full(number, before, after)

    def _is_full(self, number: int, before: Line, after: Line) -> bool:
        """Return whether the next word had no room in a line."""
        width = max(self._widths[number], self._width)
        narrowest = 16 if self._is_broken else NARROWEST
        if width < narrowest:
            return False
        if _CJK.match(before.text[-1]) or _CJK.match(after.text[0]):
            by_size = self._size and before.size >= FULL * self._size
            return bool(by_size) or before.columns >= FULL * width
        word = _WORD.match(after.text)[0]  # type: ignore[index]  # a line is not blank
        return before.columns + len(word) + 1 > FULL * width and before.columns * 2 > width

    def _block_widths(self) -> list[int]:
        """Return for each line the width of its paragraph, as far as breaks alone tell."""
        widths = [line.columns for line in self._lines]
        start = 0
        for place in range(1, len(self._lines) + 1):
            ended = place == len(self._lines) or not self._near(
                self._lines[place - 1], self._lines[place]
            )
            if ended:
                widest = max(widths[start:place], default=0)
                widths[start:place] = [widest] * (place - start)
                start = place
        return widths


def _ends(text: str) -> bool:
    """Return whether a line ends as a sentence does."""
    bare = text.rstrip(_CLOSE)
    return bool(bare) and (bare[-1] in _END or bare[-1] == "." and not bare.endswith(".."))


def _is_spaced(lines: Sequence[Line]) -> bool:
    """Return whether there is a blank line after every line, in the middle of sentences too."""
    words = [(a, b) for a, b in pairwise(lines) if a.kind in _JOINING and b.kind is Kind.PROSE]
    spaced = [(a, b) for a, b in words if b.gap]
    if len(spaced) < ENOUGH or len(spaced) < 0.8 * len(words):
        return False
    broken = sum(_is_inside(a, b) for a, b in spaced)
    return broken > 0.5 * len(spaced)


def _is_inside(before: Line, after: Line) -> bool:
    """Return whether a break surely stands inside a sentence."""
    if _ends(before.text) or before.text[-1] in "；;：:":
        return False
    first = after.text[0]
    if _CJK.match(before.text[-1]) and _CJK.match(first):
        return before.columns > 12
    return first.islower()


def _is_broken(breaks: Sequence[tuple[Line, Line]]) -> bool:
    """Return whether most breaks stand inside a sentence, so that narrow lines are wrapped too."""
    inside = [a.text[-1].isalnum() and _is_inside(a, b) for a, b in breaks]
    return len(inside) >= ENOUGH and sum(inside) > 0.5 * len(inside)


def _has_spaces(text: str) -> bool:
    """Return whether most Latin words that stand beside Chinese ones have a space there."""
    return len(_APART.findall(text)) >= len(_CLOSE_BY.findall(text))


def _typical(widths: Sequence[int]) -> int:
    """Return the width that nine of ten lines keep; 0 for too few lines."""
    return sorted(widths)[len(widths) * 9 // 10] if len(widths) >= ENOUGH else 0
