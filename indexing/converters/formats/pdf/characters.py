"""The characters of a PDF page as PDFium gives them, with boxes turned so that text runs right.

Boxes are in points; `bottom` grows upwards. What lies outside the visible page is left out; a line
that begins on it and runs over its edge is whole.
"""

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

_HYPHEN = 0x02  # PDFium's mark for a hyphen at the end of a line, whose line break it leaves out
_SOFT_HYPHEN = 0xAD
_SPACES = frozenset((0x09, 0x20, 0xA0, 0x3000))
_BREAKS = frozenset((0x0A, 0x0D))
_ANGLES_LOOKED_AT = 24
_MAP_ERRORS_LOOKED_FOR = 8  # every n-th character, until one is found
# What programs draw for bullets with the fonts Symbol and Wingdings, kept in the private area.
_BULLETS = frozenset("\uf02d\uf06c\uf06e\uf071\uf075\uf076\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc")


class Box(NamedTuple):
    """A rectangle; text runs from left to right, its lines go from high to low."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        """The height, never 0."""
        return max(self.top - self.bottom, 0.1)


class Character(NamedTuple):
    """A visible character.

    Attributes:
        text: The character, or the few that PDFium gives for one code.
        box: Where it stands; as wide as it advances, as high as its font.
        before: What PDFium saw between it and the one before: "", " ", or a newline.
        real: Whether a space before it is one of the file's own.
        number: Its number on PDFium's page.
        unreadable: Whether it has no known meaning.
    """

    text: str
    box: Box
    before: str
    real: bool
    number: int
    unreadable: bool


def quarter_turns(text_page: Any) -> int:  # noqa: ANN401 - a handle of PDFium
    """Return by how many quarters most of a page's text is turned counter-clockwise, 0 to 3."""
    count = pdfium.FPDFText_CountChars(text_page)
    step = max(1, count // _ANGLES_LOOKED_AT)
    angles = Counter(
        _turns(text_page, index)
        for index in range(0, max(count, 0), step)
        if pdfium.FPDFText_GetUnicode(text_page, index) > 0x20
    )
    return angles.most_common(1)[0][0] if angles else 0


def _turns(text_page: Any, index: int) -> int:  # noqa: ANN401
    angle = float(pdfium.FPDFText_GetCharAngle(text_page, index))  # clockwise
    return -round(angle / (math.pi / 2)) % 4


def turned(box: Box, quarters: int) -> Box:
    """Return a box of the page as it lies when the page is turned until its text runs right."""
    left, bottom, right, top = box
    if quarters == 1:
        return Box(bottom, -right, top, -left)
    if quarters == 2:
        return Box(-right, -top, -left, -bottom)
    if quarters == 3:
        return Box(-top, left, -bottom, right)
    return box


def characters(text_page: Any, visible: Box, quarters: int) -> Iterator[Character]:  # noqa: ANN401
    """Yield the visible characters of a page in the order of its content.

    Args:
        text_page: PDFium's handle.
        visible: The part of the page that is shown, not turned.
        quarters: See `quarter_turns`.
    """
    count = max(pdfium.FPDFText_CountChars(text_page), 0)
    unmapped = _unmapped(text_page, count)
    rectangle = pdfium.FS_RECTF()
    pointer = ctypes.byref(rectangle)
    unicode_of, box_of = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
    left, bottom, right, top = visible
    before, real, last = "", False, None
    for index in range(count):
        code = unicode_of(text_page, index)
        if code in _SPACES:
            before = before or " "
            real = real or not pdfium.FPDFText_IsGenerated(text_page, index)
            continue
        if code in _BREAKS:
            before = "\n"
            continue
        if 0xD800 <= code < 0xDC00:  # the first half of a character
            continue
        box_of(text_page, index, pointer)
        box = Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        inside = left <= box[0] and box[2] <= right and bottom <= box[1] and box[3] <= top
        if not (inside or _is_visible(box, visible) or (last and _follows(last, box))):
            before = before or " "
            continue
        last = box
        if quarters:
            box = turned(box, quarters)
        if 0x20 < code < 0x7F and not unmapped:
            yield Character(chr(code), box, before, real, index, False)
            before, real = "", False
            continue
        hyphen = code == _HYPHEN and pdfium.FPDFText_IsHyphen(text_page, index) == 1
        text = "-" if hyphen else _shown(code, unicode_of(text_page, max(index - 1, 0)))
        unreadable = not hyphen and (index in unmapped or _is_unreadable(text))
        yield Character(text, box, before, real, index, unreadable)
        before, real = "\n" if hyphen else "", False


def _shown(code: int, code_before: int) -> str:
    """Return a character as a person sees it; it may be the second half of one."""
    if 0xDC00 <= code < 0xE000 and 0xD800 <= code_before < 0xDC00:
        return chr(0x10000 + ((code_before - 0xD800) << 10) + code - 0xDC00)
    if code == _SOFT_HYPHEN:  # drawn wherever a PDF file has one
        return "-"
    return "•" if chr(code) in _BULLETS else chr(code)


def _is_visible(box: Box, visible: Box) -> bool:
    middle = (box.bottom + box.top) / 2
    inside = box.right >= visible.left and box.left <= visible.right
    return inside and visible.bottom <= middle <= visible.top


def _follows(one: Box, other: Box) -> bool:
    """Return whether a line runs on over the edge of the page."""
    level = abs(one.bottom - other.bottom) < 0.1 * one.height
    return level and -0.5 * one.height < other.left - one.right < one.height


def _is_unreadable(text: str) -> bool:
    if text < "\x7f":
        return text < " "
    return text == "\ufffd" or unicodedata.category(text) in ("Cc", "Co", "Cn", "Cs")


def _unmapped(text_page: Any, count: int) -> frozenset[int]:  # noqa: ANN401
    """Return the characters whose font says nothing of what they mean; PDFium guesses there."""
    is_unmapped = pdfium.FPDFText_HasUnicodeMapError
    if not any(is_unmapped(text_page, at) == 1 for at in range(0, count, _MAP_ERRORS_LOOKED_FOR)):
        return frozenset()
    return frozenset(at for at in range(count) if is_unmapped(text_page, at) == 1)


def letter_size(text_page: Any, index: int, quarters: int) -> float:  # noqa: ANN401
    """Return the size of a character's font in points, as it is seen; 0 if it stands crosswise."""
    if _turns(text_page, index) != quarters:
        return 0.0
    matrix = pdfium.FS_MATRIX()
    scale = 1.0
    if pdfium.FPDFText_GetMatrix(text_page, index, ctypes.byref(matrix)):
        scale = math.hypot(matrix.c, matrix.d)
    return float(pdfium.FPDFText_GetFontSize(text_page, index)) * scale
