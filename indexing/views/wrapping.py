"""Line breaks: which of them stand inside a sentence, by the text's own statistics."""

import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from indexing.views.hyphens import HYPHENS, Hyphens
from indexing.views.lines import Kind, TextLine, is_caption, quote_mark
from rag.view import Edit

FULL = 0.85  # of the width, from which a line counts as full
NARROWEST = 30  # columns of a wrapped text, unless most of its lines break inside a sentence
SHORT = 20  # columns of a line before which no small letter goes on
ENOUGH = 6  # breaks from which a share counts
EVEN = 0.5  # of full lines that prove a paragraph of Chinese to be wrapped
BROKEN = 0.3  # of breaks inside sentences that prove a paragraph to be wrapped
_JOINING = (Kind.PROSE, Kind.ITEM, Kind.PAIR)
_END = "。！？!?…"
_CLOSE = "”’）)」』】》\"'"
_GOES_ON = "，。、；：？！”’）》」』】…"
_OPENS = "“‘（《「『【〈"
_OPEN_ENDED = "的和与與在是把被对對从從为為及或而将將由向并並以"  # no sentence and no name ends so
_REST = re.compile("[\u4e00-\u9fff]{1,2}[，。；、！？]")  # what is left of a sentence
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
    """Meaning of a line break in a format."""

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

    def __init__(self, text: str, lines: Sequence[TextLine], breaks: Breaks) -> None:
        self._text, self._lines = text, lines
        self._is_markup = breaks is Breaks.MEANINGLESS
        self._hyphens = Hyphens(text)
        self.through_blank = _is_spaced(lines)
        self._most = 1 if self.through_blank else 0
        near = [(a, b) for a, b in pairwise(lines) if self._near(a, b)]
        self._width = _typical([line.columns for line, _ in near])
        self._size = _typical([line.size for line, _ in near])
        self._is_broken = _is_broken(near)
        self._inside = _share_inside(near)
        self._uniform = _share_full([line for line, _ in near])
        self._widths, self._proven, self._even = self._blocks()
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

    def _edit(self, number: int, before: TextLine, after: TextLine) -> Edit:
        if self._joins(number, before, after):
            return self._join(before.end, after.start + quote_mark(after), before, after)
        between = self._text[before.end : after.start]
        if between.startswith("\n") and not between.strip(" \t\n"):
            return Edit(before.end, before.end, "")  # indentation is left to code and lists
        keep = after.indent if after.kind in (Kind.CODE, Kind.ITEM) else 0
        put = "\n\n" if after.gap else "\n"
        return Edit(before.end, after.start, put + self._text[after.start - keep : after.start])

    def _join(self, start: int, end: int, before: TextLine, after: TextLine) -> Edit:
        """Return the change that joins two lines, whose gap is from `start` to `end`."""
        first, last = self._text[end : end + 1], before.text[-1]
        if _is_divided(before.text, first) and first.islower():
            keeps = self._hyphens.keeps(before.text, self._text[end : after.end])
            return Edit(start if keeps else start - 1, end, "")
        if last in "-\u2010" and before.text[-2:-1].isalnum() and first.isalnum():
            return Edit(start, end, "")
        return Edit(start, end, self._space(last, first))

    def _space(self, last: str, first: str) -> str:
        """Return what stands between the last and the first character of lines that are joined."""
        wide = [_CJK.match(last) is not None, _CJK.match(first) is not None]
        if not any(wide) or (_HANGUL.match(last) and _HANGUL.match(first)):
            return " "
        is_mark = (wide[0] and last in _GOES_ON + _OPENS) or (wide[1] and first in _GOES_ON)
        return "" if all(wide) or is_mark else self._between

    def _near(self, before: TextLine, after: TextLine) -> bool:
        """Return whether nothing but a break stands between two lines of words."""
        paged = before.page != after.page
        return (
            (after.gap <= self._most or paged)
            and before.kind in _JOINING
            and after.kind is Kind.PROSE
        )

    def _joins(self, number: int, before: TextLine, after: TextLine) -> bool:
        if not self._is_wrapped or not self._may_join(before, after):
            return False
        known = self._known(before, after)
        return self._is_full(number, before, after) if known is None else known

    def _may_join(self, before: TextLine, after: TextLine) -> bool:
        if not self._near(before, after):
            return False
        if before.kind is Kind.PAIR and (self._is_markup or after.columns < NARROWEST):
            return False
        if is_caption(after) or (_NUMBER_ALONE.fullmatch(after.text) and not self._is_markup):
            return False
        is_hard = before.ends_hard and self._is_markup and after.gap == 0
        return not is_hard and bool(quote_mark(before)) == bool(quote_mark(after))

    def _known(self, before: TextLine, after: TextLine) -> bool | None:
        """Return whether a line surely goes on, or surely does not; None if its width must tell."""
        last, first = before.text[-1], after.text[quote_mark(after) :][:1] or after.text[0]
        is_paragraph = self._is_markup and after.gap == 0 and before.page == after.page
        is_mark = first in ",;:)" and _CJK.match(last) is not None
        is_open = self._is_broken and last in ",(（" and _CJK.match(first) is not None
        if (
            is_mark
            or is_open
            or first in _GOES_ON
            or last in _OPENS
            or is_paragraph
            or _is_divided(before.text, first)
        ):
            return True
        if _ends(before.text):
            return False if last in "。！？" else None
        if before.columns >= SHORT and (last in _OPEN_ENDED or _REST.match(after.text)):
            return True
        is_latin = not (_CJK.match(last) or _CJK.match(first))
        return True if is_latin and first.islower() and before.columns >= SHORT else None

    def _is_full(self, number: int, before: TextLine, after: TextLine) -> bool:
        """Return whether the next word had no room in a line."""
        width = max(self._widths[number], self._width)
        narrowest = 16 if self._is_broken else NARROWEST
        if width < narrowest:
            return False
        if _CJK.match(before.text[-1]) or _CJK.match(after.text[0]):
            by_size = self._size and before.size >= FULL * self._size
            return self._even[number] and (bool(by_size) or before.columns >= FULL * width)
        word = _WORD.match(after.text)[0]  # type: ignore[index]  # a line is not blank
        has_no_room = before.columns + len(word) + 1 > FULL * width
        return self._proven[number] and has_no_room and before.columns * 2 > width

    def _blocks(self) -> tuple[list[int], list[bool], list[bool]]:
        """Return for each line the width of its paragraph, as far as breaks alone tell.

        And whether breaks inside sentences are usual there, and whether most of its lines are full,
        which those of a list are not; a single break follows the document.
        """
        widths = [line.columns for line in self._lines]
        proven = [self._inside >= BROKEN] * len(self._lines)
        even = [self._uniform >= EVEN] * len(self._lines)
        start = 0
        for place in range(1, len(self._lines) + 1):
            ended = place == len(self._lines) or not self._near(
                self._lines[place - 1], self._lines[place]
            )
            if ended:
                widest = max(widths[start:place], default=0)
                widths[start:place] = [widest] * (place - start)
                if place - start > 2:
                    share = _share_inside(list(pairwise(self._lines[start:place])))
                    proven[start:place] = [share >= BROKEN] * (place - start)
                    full = _share_full(self._lines[start : place - 1])
                    even[start:place] = [full >= EVEN] * (place - start)
                start = place
        return widths, proven, even


def _is_divided(before: str, first: str) -> bool:
    """Return whether a word or a number is divided between a line and the next one's start."""
    last, stem = before[-1], before[-2:-1]
    is_word = last in HYPHENS and stem.isalpha() and first.islower()
    return is_word or (last in "-\u2010" and stem.isdigit() and first.isdigit())


def _ends(text: str) -> bool:
    """Return whether a line ends as a sentence does."""
    bare = text.rstrip(_CLOSE)
    return bool(bare) and (bare[-1] in _END or (bare[-1] == "." and not bare.endswith("..")))


def _is_spaced(lines: Sequence[TextLine]) -> bool:
    """Return whether there is a blank line after every line, in the middle of sentences too."""
    words = [(a, b) for a, b in pairwise(lines) if a.kind in _JOINING and b.kind is Kind.PROSE]
    spaced = [(a, b) for a, b in words if b.gap]
    if len(spaced) < 3 or len(spaced) < 0.8 * len(words):
        return False
    broken = [a for a, b in spaced if _is_inside(a, b)]
    if len(spaced) < ENOUGH:  # a few lines must be long ones
        broken = [line for line in broken if line.columns >= NARROWEST]
        return len(broken) > 0.7 * len(spaced)
    return len(broken) > 0.5 * len(spaced)


def _share_full(lines: Sequence[TextLine]) -> float:
    """Return the share of lines that are as wide, or have as many characters, as the widest."""
    width = max((line.columns for line in lines), default=0)
    size = max((line.size for line in lines), default=0)
    full = sum(line.columns >= FULL * width or line.size >= FULL * size for line in lines)
    return full / len(lines) if lines else 0.0


def _share_inside(breaks: Sequence[tuple[TextLine, TextLine]]) -> float:
    """Return the share of breaks that surely stand inside a sentence."""
    return sum(_is_inside(a, b) for a, b in breaks) / len(breaks) if breaks else 0.0


def _is_inside(before: TextLine, after: TextLine) -> bool:
    """Return whether a break surely stands inside a sentence."""
    if _ends(before.text) or before.text[-1] in "；;：:":
        return False
    first = after.text[0]
    if _CJK.match(before.text[-1]) and _CJK.match(first):
        return before.columns > 12
    return first.islower()


def _is_broken(breaks: Sequence[tuple[TextLine, TextLine]]) -> bool:
    """Return whether most breaks stand inside a sentence, so that narrow lines are wrapped too."""
    inside = [a.text[-1].isalnum() and _is_inside(a, b) for a, b in breaks]
    return len(inside) >= ENOUGH and sum(inside) > 0.5 * len(inside)


def _has_spaces(text: str) -> bool:
    """Return whether most Latin words that stand beside Chinese ones have a space there."""
    return len(_APART.findall(text)) >= len(_CLOSE_BY.findall(text))


def _typical(widths: Sequence[int]) -> int:
    """Return the width that nine of ten lines keep; 0 for too few lines."""
    return sorted(widths)[len(widths) * 9 // 10] if len(widths) >= ENOUGH else 0
