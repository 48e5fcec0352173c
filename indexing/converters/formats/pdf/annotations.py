"""Values of form fields and free-text notes, read as text and put where they stand on the page."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from indexing.converters.formats.pdf.characters import Box, turned
from indexing.converters.formats.pdf.lines import PageLine

_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13  # flag of a text field whose value is not shown
_TICKS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_TALL = 1.9  # lines: a field this high has its label above it, or at its top
_MOST_OPTIONS = 2_000


@dataclass(frozen=True)
class Note:
    """Words that stand on a page without being part of its content."""

    text: str
    box: Box


def notes_of(page: Any, form: Any, quarters: int) -> tuple[list[Note], int]:  # noqa: ANN401
    """Return what annotations of a page say, and the number of its form fields.

    Args:
        page: PDFium's handle.
        form: PDFium's form environment; None if the file has no form.
        quarters: How the page is turned.
    """
    notes, fields = [], 0
    for at in range(max(pdfium.FPDFPage_GetAnnotCount(page), 0)):
        annotation = pdfium.FPDFPage_GetAnnot(page, at)
        if not annotation:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            fields += kind == pdfium.FPDF_ANNOT_WIDGET
            if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                continue
            if kind == pdfium.FPDF_ANNOT_FREETEXT:
                text = _tidy(_contents(annotation))
            elif kind == pdfium.FPDF_ANNOT_WIDGET and form:
                text = _tidy(_value(form, annotation))
            else:
                continue
            rectangle = pdfium.FS_RECTF()
            if text and pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rectangle)):
                box = Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
                notes.append(Note(text, turned(box, quarters)))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return notes, fields


def put_in(notes: list[Note], lines: list[PageLine]) -> list[PageLine]:
    """Return the lines of a page with its notes at their places.

    A value stands behind its label on the same line, or in a line of its own below the label.
    """
    lines = list(lines)
    for note in sorted(notes, key=lambda each: (-each.box.top, each.box.left)):
        line = _beside(note, lines)
        words = note.text.replace("\n", " ")
        place = (note.box.left + note.box.right) / 2
        if line is not None:
            line.insert(min(place, note.box.left + note.box.height), words)
        else:
            first = note.box.top - min(note.box.height, 12.0)
            box = Box(note.box.left, first, note.box.right, note.box.top)
            own = PageLine(note.text, [place] * len(note.text), box)
            lines.insert(_behind_the_one_above(note, lines), own)
    return lines


def _beside(note: Note, lines: list[PageLine]) -> PageLine | None:
    """Return the line that a note stands in: level with it, and near or left of it."""
    bottom, top = note.box.bottom, note.box.top
    found: list[tuple[float, PageLine]] = []
    for line in lines:
        middle = (line.box.bottom + line.box.top) / 2
        height = line.box.height
        level = min(top, line.box.top) - max(bottom, line.box.bottom)
        inside = line.box.left >= note.box.left and line.box.right <= note.box.right
        above = note.box.height > _TALL * height and line.box.left > note.box.left - height
        if level < 0.5 * min(height, note.box.height) or (inside and middle > top) or above:
            continue
        apart = max(note.box.left - line.box.right, line.box.left - note.box.right, 0.0)
        found.append((apart - level, line))
    return min(found, key=lambda each: each[0])[1] if found else None


def _behind_the_one_above(note: Note, lines: list[PageLine]) -> int:
    """Return where a note becomes a line of its own: behind the nearest line above it."""
    middle = (note.box.bottom + note.box.top) / 2
    best, at = float("inf"), 0 if lines else len(lines)
    for number, line in enumerate(lines):
        down = (line.box.bottom + line.box.top) / 2 - middle
        beside = max(line.box.left - note.box.right, note.box.left - line.box.right, 0.0)
        if down >= 0 and down + beside < best:
            best, at = down + beside, number + 1
    return at


def _contents(annotation: Any) -> str:  # noqa: ANN401
    return _string(lambda *to: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", *to))


def _tidy(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.replace("\r", "\n").split("\n")]
    return "\n".join(line for line in lines if line)


def _value(form: Any, annotation: Any) -> str:  # noqa: ANN401
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _TICKS:
        return "[x]" if pdfium.FPDFAnnot_IsChecked(form, annotation) else "[ ]"
    value = _string(lambda *to: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, *to))
    if kind in _CHOICES:
        return ", ".join(_chosen(form, annotation)) or value
    hidden = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
    return value if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and not hidden else ""


def _chosen(form: Any, annotation: Any) -> Iterator[str]:  # noqa: ANN401
    for at in range(min(pdfium.FPDFAnnot_GetOptionCount(form, annotation), _MOST_OPTIONS)):
        if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, at):
            yield _string(
                lambda *to, at=at: pdfium.FPDFAnnot_GetOptionLabel(form, annotation, at, *to)
            )


def _string(ask: Callable[..., int]) -> str:
    """Return a string of PDFium, which tells its size in bytes when asked without a place."""
    size = ask(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    with suppress(UnicodeDecodeError):
        return buffer.raw[: size - 2].decode("utf-16-le")
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")
