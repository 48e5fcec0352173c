"""Conversion of PDF files, page by page, with headings from the bookmarks.

Pages are joined by a newline and a form feed; `pages` holds the start of each. Runs of spaces and
of blank lines are collapsed, nothing else is changed: running headers and hyphens stay.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from indexing.converters.schema import ConversionProblem, ConvertedDocument, Heading, Unreadable
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import one_line

_SEPARATOR = "\n\f"
_MOST_BOOKMARKS = 5_000
# Placeholders that programs write instead of a title.
_NO_TITLE = re.compile(
    r"untitled|\(?anonymous\)?|\(?unspecified\)?|(document|slide|title|powerpoint presentation)\d*"
    r"|microsoft (word|powerpoint|excel)\b.*|.*\.(docx?|pptx?|xlsx?|pdf|tex|dvi|indd|qxd|rtf|odt)"
    r"|[\W\d_]*",
    re.IGNORECASE,
)
# Exceptions that pypdf raises on damaged files besides its own.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def convert_pdf(data: bytes, stem: str) -> Iterator[ConvertedDocument | ConversionProblem]:
    """Yield the document of a PDF file, and a problem for each page that cannot be read.

    Args:
        data: The bytes of the file.
        stem: The title if the file has no sensible one.

    Raises:
        Unreadable: If the file is damaged or encrypted, or no page has text.
    """
    reader = _open(data)
    texts: list[str] = []
    problems: list[ConversionProblem] = []
    try:
        for number, page in enumerate(reader.pages, start=1):
            try:
                texts.append(_tidy(page.extract_text()))
            except _DAMAGE as error:
                texts.append("")
                problems.append(ConversionProblem(f"page {number}: damaged ({_name(error)})"))
    except _DAMAGE as error:  # in the list of pages itself
        if not texts:
            raise Unreadable(f"the PDF is damaged ({_name(error)})") from error
        problems.append(ConversionProblem(f"after page {len(texts)}: damaged ({_name(error)})"))
    if not any(text.strip() for text in texts):
        raise Unreadable(
            f"the PDF is damaged ({problems[0].reason})"
            if problems
            else "no text: scanned pages need OCR first"
        )
    yield _assemble(reader, texts, stem)
    yield from problems


def _open(data: bytes) -> PdfReader:
    if b"%PDF-" not in data[:1024]:
        raise Unreadable("it is not a PDF file")
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is encrypted and needs a password")
    except DependencyError as error:
        raise Unreadable("it is encrypted; save it without encryption") from error
    except _DAMAGE as error:
        raise Unreadable(f"the PDF is damaged ({_name(error)})") from error
    return reader


def _name(error: Exception) -> str:
    return one_line(str(error), 80) or type(error).__name__


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t\f\v\xa0]+", " ", text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", text)).strip()


def _assemble(reader: PdfReader, texts: list[str], stem: str) -> ConvertedDocument:
    pages, size = [], 0
    for text in texts:
        pages.append(size)
        size += len(text) + len(_SEPARATOR)
    body = _SEPARATOR.join(texts)
    title = _title(reader) or stem
    meta = {"format": "pdf"}
    return whole_file(body, title, meta, sections=_sections(reader, body, pages), pages=pages)


def _title(reader: PdfReader) -> str:
    try:
        title = one_line(str((reader.metadata and reader.metadata.title) or ""))
    except _DAMAGE:
        return ""
    return "" if "\ufffd" in title or _NO_TITLE.fullmatch(title) else title


def _sections(reader: PdfReader, body: str, pages: list[int]) -> list[Heading]:
    """Return a section for each bookmark whose title stands on its page, in outline order."""
    sections: dict[int, Heading] = {}
    try:
        bookmarks = list(islice(_bookmarks(reader.outline, 1), _MOST_BOOKMARKS))
        numbers = [reader.get_destination_page_number(mark) for _, mark in bookmarks]
    except _DAMAGE:
        return []
    after = 0
    for (level, mark), number in zip(bookmarks, numbers, strict=True):
        if number is None or not 0 <= number < len(pages):
            continue
        end = pages[number + 1] if number + 1 < len(pages) else len(body)
        match = _find(str(mark.title or ""), body, max(pages[number], min(after, end)), end)
        if match:
            after = match.end()
            sections[match.start()] = Heading(match.start(), min(level, 6), match[0])
    return list(sections.values())


def _bookmarks(outline: Any, level: int) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    for entry in outline:
        if isinstance(entry, list):
            yield from _bookmarks(entry, level + 1)
        else:
            yield level, entry


def _find(title: str, body: str, start: int, end: int) -> re.Match[str] | None:
    words = one_line(title, 200).split()
    if not words:
        return None
    return re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE).search(body, start, end)
