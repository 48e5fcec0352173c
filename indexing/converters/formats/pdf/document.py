"""Conversion of PDF files, page by page.

Pages are joined by a newline and a form feed; `pages` holds the start of each. Running headers,
hyphens at line ends and ligatures stay as they are. A page that gives no text is said, with why.
"""

import ctypes
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.converters.formats.pdf.annotations import notes_of, put_in
from indexing.converters.formats.pdf.characters import (
    Box,
    characters,
    letter_size,
    quarter_turns,
)
from indexing.converters.formats.pdf.headings import (
    Bookmark,
    SizedLine,
    from_bookmarks,
    from_sizes,
)
from indexing.converters.formats.pdf.lines import PageLine, lines_of
from indexing.converters.formats.pdf.unread import (
    Cause,
    cause_of,
    is_unreadable,
    may_be_scan,
    ranges,
    scans,
    sentences,
)
from indexing.converters.schema import (
    ConversionNote,
    ConversionProblem,
    ConvertedDocument,
    Heading,
    PageLimits,
    Unreadable,
    page_seconds,
)
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import one_line

_SEPARATOR = "\n\f"
_MOST_BOOKMARKS = 5_000
_MOST_DAMAGED = 100  # pages in a row, before the others are taken for damaged too
# Placeholders that programs write instead of a title.
_NO_TITLE = re.compile(
    r"untitled|\(?anonymous\)?|\(?unspecified\)?|(document|slide|title|powerpoint presentation)\d*"
    r"|microsoft (word|powerpoint|excel)\b.*|.*\.(docx?|pptx?|xlsx?|pdf|tex|dvi|indd|qxd|rtf|odt)"
    r"|[\W\d_]*",
    re.IGNORECASE,
)
_XFA = "it is an XFA form, of which only what other programs show is read; print it to a new PDF"


def convert_pdf(
    data: bytes,
    stem: str,
    limits: PageLimits = PageLimits(),  # noqa: B008 - frozen
) -> Iterator[ConvertedDocument | ConversionProblem | ConversionNote]:
    """Yield a PDF file's document, problems for pages that cannot be read, a note on blank ones.

    Args:
        data: The bytes of the file.
        stem: The title if the file has no sensible one.
        limits: Passwords, and time for the pages; those read until then are kept.

    Raises:
        Unreadable: If the file is damaged or encrypted, or no page has text.
    """
    started = time.monotonic()
    pdf = _open(data, limits.passwords)
    try:
        reading = _Reading(pdf)
        late = reading.read(limits, started)
        causes = reading.causes()
        blank = {page: cause for page, cause in causes.items() if cause == "blank"}
        unread = {page: cause for page, cause in causes.items() if cause != "blank"}
        problems = [ConversionProblem(line) for line in sentences(unread)]
        notes = [ConversionNote(line) for line in sentences(blank)]
        if late:
            problems.append(ConversionProblem(_late(reading, limits), late=True))
        if pdf.get_formtype() == pypdfium2.raw.FORMTYPE_XFA_FULL:
            problems.append(ConversionProblem(_XFA))
        if not any(reading.texts):
            raise Unreadable(_nothing([*problems, *notes]))
        limits.on_page(0, len(pdf))
        yield reading.document(stem)
        yield from problems
        yield from notes
    finally:
        pdf.close()


def _open(data: bytes, passwords: tuple[str, ...]) -> pypdfium2.PdfDocument:
    """Open a file, with the first password that fits."""
    if b"%PDF-" not in data[:1024]:
        raise Unreadable("it is not a PDF file")
    for password in (None, *passwords):
        try:
            pdf = pypdfium2.PdfDocument(data, password=password)
            if len(pdf) < 1:
                raise Unreadable("the PDF is damaged (it has no pages)")
            with suppress(pypdfium2.PdfiumError):  # a damaged form; the pages are still there
                pdf.init_forms()
        except pypdfium2.PdfiumError as error:
            if error.err_code == pdfium.FPDF_ERR_PASSWORD:
                continue
            if error.err_code == pdfium.FPDF_ERR_SECURITY:
                raise Unreadable("it is encrypted in an unknown way; save it without") from error
            raise Unreadable("the PDF is damaged") from error
        return pdf
    if not passwords:
        raise Unreadable("it is encrypted and needs a password: add it to `conversion.passwords`")
    tried = "the password" if len(passwords) == 1 else f"none of the {len(passwords)} passwords"
    opens = "does not open it" if len(passwords) == 1 else "opens it"
    raise Unreadable(
        f"it is encrypted and needs a password: {tried} in `conversion.passwords` {opens}"
    )


def _nothing(found: list[ConversionProblem | ConversionNote]) -> str:
    """Return why a file gives no document."""
    reasons = "; ".join(each.reason for each in found)
    if any(isinstance(each, ConversionProblem) and each.late for each in found):
        return reasons
    if "damaged" in reasons:
        return f"the PDF is damaged ({reasons})"
    if not any(isinstance(each, ConversionProblem) for each in found):
        return f"no text: {reasons}"
    return f"no text: scanned pages need OCR first ({reasons})"


def _late(reading: "_Reading", limits: PageLimits) -> str:
    pages = len(reading.pdf)
    missing = list(range(len(reading.texts) + 1, pages + 1))
    what = "page" if len(missing) == 1 else "pages"
    were = "was" if len(missing) == 1 else "were"
    allowed = (limits.seconds or 0) + limits.seconds_per_page * pages
    return f"{what} {ranges(missing)} {were} not read within {allowed:g} s ({page_seconds(pages)})"


class _Reading:
    """The pages of a file as far as they are read."""

    def __init__(self, pdf: pypdfium2.PdfDocument) -> None:
        self.pdf = pdf
        self.texts: list[str] = []
        self._lines: list[SizedLine] = []  # with starts that count from their page's
        self._causes: dict[int, Cause] = {}
        self._stamps: dict[int, str] = {}
        self._damaged = 0  # pages in a row

    def causes(self) -> dict[int, Cause]:
        """Return page number -> why it gives no text."""
        return {**self._causes, **dict.fromkeys(scans(self._stamps), "scan")}

    def read(self, limits: PageLimits, started: float) -> bool:
        """Read the pages; return whether the time was over before the last one."""
        pages = len(self.pdf)
        end = float("inf")
        if limits.seconds is not None:
            end = started + limits.seconds + limits.seconds_per_page * pages
        for number in range(1, pages + 1):
            if time.monotonic() > end or (limits.last is not None and number > limits.last):
                return True
            limits.on_page(number, pages)
            self.texts.append("" if number in limits.skip else self._page(number))
            if self._damaged == _MOST_DAMAGED:  # a list of pages that has no end, or no pages
                after = range(number + 1, pages + 1)
                self._causes.update(dict.fromkeys(after, "damaged"))
                return False
        return False

    def _page(self, number: int) -> str:
        """Return the text of a page; keep its lines, or why there is none."""
        try:
            page = self.pdf[number - 1]
        except pypdfium2.PdfiumError:
            self._causes[number] = "damaged"
            self._damaged += 1
            return ""
        self._damaged = 0
        text_page = None
        try:
            text_page = page.get_textpage()
            return self._page_text(number, page, text_page)
        except pypdfium2.PdfiumError:
            self._causes[number] = "damaged"
            return ""
        finally:
            if text_page:
                text_page.close()
            page.close()

    def _page_text(
        self, number: int, page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage
    ) -> str:
        quarters = quarter_turns(text_page.raw)
        seen = list(characters(text_page.raw, _visible(page), quarters))
        lines = list(lines_of(seen))
        form = self.pdf.formenv.raw if self.pdf.formenv else None
        notes, fields = notes_of(page.raw, form, quarters)
        plain = "".join(line.text for line in lines)
        if is_unreadable(plain, sum(each.unreadable for each in seen), len(seen)):
            self._causes[number] = "font"
            lines = []
        for line in lines:
            line.size = letter_size(text_page.raw, line.first, quarters)
        lines = put_in(notes, lines) if notes else lines
        if not lines:
            self._causes.setdefault(number, cause_of(page.raw, fields))
        elif may_be_scan(page.raw, plain):
            self._stamps[number] = plain
        return self._joined(lines, number - 1)

    def _joined(self, lines: list[PageLine], page: int) -> str:
        start = 0
        for line in lines:
            self._lines.append(SizedLine(start, line.text, line.size, page))
            start += len(line.text) + 1
        return "\n".join(line.text for line in lines)

    def document(self, stem: str) -> ConvertedDocument:
        """Return the document of the pages that were read."""
        pages, size = [], 0
        for text in self.texts:
            pages.append(size)
            size += len(text) + len(_SEPARATOR)
        body = _SEPARATOR.join(self.texts)
        sections = from_bookmarks(self._bookmarks(), body, pages) or self._by_size(pages)
        title = self._title() or stem
        meta = {"format": "pdf"}
        return whole_file(body, title, meta, sections=sections, pages=pages)

    def _by_size(self, pages: list[int]) -> list[Heading]:
        lines = [
            SizedLine(pages[line.page] + line.start, line.text, line.size, line.page)
            for line in self._lines
            if line.size > 0
        ]
        return from_sizes(lines, len(pages))

    def _title(self) -> str:
        title = one_line(self.pdf.get_metadata_value("Title"))
        return "" if "\ufffd" in title or _NO_TITLE.fullmatch(title) else title

    def _bookmarks(self) -> list[Bookmark]:
        bookmarks: list[Bookmark] = []
        with suppress(pypdfium2.PdfiumError):
            for mark in islice(self.pdf.get_toc(), _MOST_BOOKMARKS):
                target = mark.get_dest()
                page = target.get_index() if target else None
                title = one_line(mark.get_title(), 200)
                if page is not None and title:
                    bookmarks.append(Bookmark(mark.level + 1, title, page))
        return bookmarks


def _visible(page: pypdfium2.PdfPage) -> Box:
    """Return the part of a page that is shown: its crop box, as far as the sheet goes."""
    rectangle = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page.raw, ctypes.byref(rectangle)):
        infinite = float("inf")
        return Box(-infinite, -infinite, infinite, infinite)
    return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
