"""Why a page of a PDF gives no text, and one line for all pages of which the same is true."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

import pypdfium2.raw as pdfium

Cause = Literal["image", "scan", "drawing", "form", "blank", "font", "damaged"]

_ONE: Mapping[Cause, str] = {
    "image": "holds an image and no text (OCR first)",
    "scan": "holds an image and hardly any text (OCR first)",
    "drawing": "holds a drawing and no text (OCR first)",
    "form": "holds an empty form and no text",
    "blank": "is blank",
    "font": "has a font without a map to characters and cannot be read (OCR first)",
    "damaged": "is damaged",
}
_SEVERAL: Mapping[Cause, str] = {
    "image": "hold images and no text (OCR first)",
    "scan": "hold images and hardly any text (OCR first)",
    "drawing": "hold drawings and no text (OCR first)",
    "form": "hold empty forms and no text",
    "blank": "are blank",
    "font": "have fonts without a map to characters and cannot be read (OCR first)",
    "damaged": "are damaged",
}
_MOST_OBJECTS = 5_000
_MOST_RANGES = 20
_DEPTH = 4  # of forms in forms; a page may hold itself
_UNREADABLE = 0.3  # share of a page's characters
_NAMES = re.compile(r"/(?:g\d+|G[0-9A-F]{2}|uni[0-9A-F]{4}|cid\d+)|\(?cid:\d+\)?")
_LITTLE = 40  # characters that a scan may bear as a page number or a stamp
_WHOLE = 0.6  # share of a page that a scan covers


def is_unreadable(text: str, unreadable: int, all_: int) -> bool:
    """Return whether the characters of a page mean nothing.

    Args:
        text: The page's text.
        unreadable: Number of characters without a meaning: control, private and unassigned ones,
            and those whose font has no map.
        all_: Number of characters, blanks left out.
    """
    named = sum(len(name) for name in _NAMES.findall(text))
    return unreadable + named > _UNREADABLE * max(all_, 1)


def may_be_scan(page: Any, text: str) -> bool:  # noqa: ANN401
    """Return whether an image covers a page whose text is no more than a stamp."""
    if len(text) > _LITTLE:
        return False
    whole = pdfium.FPDF_GetPageWidthF(page) * pdfium.FPDF_GetPageHeightF(page)
    sides = [ctypes.c_float() for _ in range(4)]
    for at in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        each = pdfium.FPDFPage_GetObject(page, at)
        if pdfium.FPDFPageObj_GetType(each) == pdfium.FPDF_PAGEOBJ_IMAGE:
            pdfium.FPDFPageObj_GetBounds(each, *map(ctypes.byref, sides))
            left, bottom, right, top = (side.value for side in sides)
            if (right - left) * (top - bottom) >= _WHOLE * whole:
                return True
    return False


def scans(stamps: Mapping[int, str]) -> list[int]:
    """Return the pages under an image whose few words are a number, or stand on several of them.

    Args:
        stamps: Page number -> its text, for the pages of which `may_be_scan` is true.
    """
    words = {page: re.sub(r"[\W\d]+", "", text).casefold() for page, text in stamps.items()}
    times = Counter(words.values())
    return [page for page, each in words.items() if not each or times[each] > 1]


def cause_of(page: Any, fields: int) -> Cause:  # noqa: ANN401
    """Return why a page has no text.

    Args:
        page: PDFium's handle.
        fields: Number of its form fields.
    """
    count, object_at = pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject
    kinds = set(islice(_kinds(count, object_at, page, 0), _MOST_OBJECTS))
    if pdfium.FPDF_PAGEOBJ_IMAGE in kinds:
        return "image"
    if fields:
        return "form"
    if kinds & {pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING}:
        return "drawing"
    return "blank"


def _kinds(count: Any, object_at: Any, holder: Any, depth: int) -> Iterator[int]:  # noqa: ANN401
    for at in range(max(count(holder), 0)):
        each = object_at(holder, at)
        kind = pdfium.FPDFPageObj_GetType(each)
        yield kind
        if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEPTH:
            yield from _kinds(
                pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, each, depth + 1
            )


def sentences(unread: Mapping[int, Cause]) -> Iterator[str]:
    """Yield one line for each cause, with the pages that it is true of.

    Args:
        unread: Page number, from 1 -> cause.

    Example:
        >>> list(sentences({2: "image", 3: "image", 4: "image", 6: "image", 9: "blank"}))
        ['pages 2 to 4 and 6 hold images and no text (OCR first)', 'page 9 is blank']
    """
    for cause, one in _ONE.items():
        pages = sorted(page for page, each in unread.items() if each == cause)
        if len(pages) == 1:
            yield f"page {pages[0]} {one}"
        elif pages:
            yield f"pages {ranges(pages)} {_SEVERAL[cause]}"


def ranges(pages: Iterable[int]) -> str:
    """Return ascending numbers in words.

    Example:
        >>> ranges([1, 2, 5, 7, 8, 9])
        '1, 2, 5 and 7 to 9'
    """
    runs: list[list[int]] = []
    for page in pages:
        if runs and runs[-1][1] == page - 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    words: list[str] = []
    for first, last in runs:
        numbers = [first] if first == last else [first, last]
        words += [f"{first} to {last}"] if last - first > 1 else map(str, numbers)
    if len(words) > _MOST_RANGES:
        left = len(words) - _MOST_RANGES
        words = [*words[:_MOST_RANGES], f"{left} more"]
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else words[0]
