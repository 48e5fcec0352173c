"""The order of a DOCX document's blocks, and the document that comes out."""

import re
from collections.abc import Iterator

from indexing.converters.formats.docx.drawings import CHART, DIAGRAM, chart_text, diagram_text
from indexing.converters.formats.docx.numbering import Numbering, bases, read_styles
from indexing.converters.formats.docx.package import (
    DAMAGE,
    DAMAGED,
    Element,
    Package,
    check_unpacked_size,
    find,
    is_on,
    name_of,
    value,
)
from indexing.converters.formats.docx.paragraphs import NoteReference, read_paragraph
from indexing.converters.formats.docx.tables import (
    TableRow,
    has_marked_header,
    read_rows,
    unwrapped,
)
from indexing.converters.schema import (
    ConversionNote,
    ConvertedDocument,
    Empty,
    Heading,
    Unreadable,
)
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import one_line
from indexing.converters.text.tables import GridCell, cell_text, write_table

_PARAGRAPH, _TABLE = name_of("w:p"), name_of("w:tbl")
_PICTURES = frozenset(map(name_of, ("w:drawing", "w:pict", "w:object")))
_LONGEST_VALUE = 500  # characters of a cell that is still a value if it holds several paragraphs
_DEEPEST_INDENT = 8
_LIST_STYLE = re.compile(r"List (?:Bullet|Number)", re.IGNORECASE)
# what is left of "Page 2 of 7" without its numbers
_PAGE_WORDS = re.compile(
    r"\W*(?:(?:page|seite|pagina|p[aá]gina|of|von|de|sur|第|页|頁|共)\W*)*", re.I
)


def convert_docx(data: bytes, stem: str) -> ConvertedDocument:
    """Return the document of a DOCX file.

    Args:
        data: The bytes of the file.
        stem: The title if neither the properties nor a heading give one.

    Raises:
        Unreadable: If the file is damaged, encrypted, a zip bomb or holds pictures alone.
        Empty: If it holds nothing.
    """
    return next(piece for piece in read_docx(data, stem) if isinstance(piece, ConvertedDocument))


def read_docx(data: bytes, stem: str) -> Iterator[ConvertedDocument | ConversionNote]:
    """Yield the document, and a note if it holds hidden text; see `convert_docx`."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("it is an old Word file or needs a password; save it as a plain .docx")
    check_unpacked_size(data)
    try:
        package = Package(data)
        body = _Body(package)
        body.read()
        title = one_line(package.title)
    except DAMAGE as error:
        raise Unreadable(DAMAGED) from error
    except StopIteration as error:
        raise Unreadable(DAMAGED) from error
    if not title:
        title = body.sections[0].heading if body.sections else stem
    text = "".join(body.parts)
    if not text.strip():
        if any(each.tag in _PICTURES for each in package.document.iter()):
            raise Unreadable("it holds pictures and no text (OCR first)")
        raise Empty("there is no text in it")
    yield whole_file(text, title, {"format": "docx"}, sections=body.sections)
    if body.hidden:
        yield ConversionNote.hidden_texts(body.hidden)


class _Body:
    """Text of a document in the making.

    Args:
        package: The parts of the file.
    """

    def __init__(self, package: Package) -> None:
        self.parts: list[str] = []
        self.sections: list[Heading] = []
        self.hidden = 0
        self._package = package
        self._styles = read_styles(package.part("styles"))
        self._numbering = Numbering(package.part("numbering"), self._styles)
        self._notes = {
            (kind, note.get(name_of("w:id"), "")): note
            for kind in ("footnotes", "endnotes")
            for note in self._children(package.part(kind))
        }
        self._note_number: dict[NoteReference, int] = {}
        self._size = 0
        self._was_item = False

    @staticmethod
    def _children(part: Element) -> list[Element]:
        return [] if part is None else [each for each in part if isinstance(each.tag, str)]

    def read(self) -> None:
        """Read headers, body and footers."""
        body = find(self._package.document, "w:body")
        around = {"header": list[Element](), "footer": list[Element]()}
        for kind, parts in around.items():
            for reference in body.iter(name_of(f"w:{kind}Reference")):
                part = self._package.part_by_id(reference.get(name_of("r:id"), ""))
                if part is not None:
                    parts.append(part)
        self._read_around(around["header"])
        self._read_blocks(body)
        self._read_around(around["footer"])

    def _read_around(self, parts: list[Element]) -> None:
        """Write headers or footers: each line once, and none that only counts pages."""
        seen: set[str] = set()
        for part in parts:
            for paragraph in part.iter(_PARAGRAPH):
                found = read_paragraph(paragraph, self._note_number)
                line = " ".join(found.text.split())
                if line not in seen and not _PAGE_WORDS.fullmatch(line):
                    self._write(line)
                seen.add(line)

    def _read_blocks(self, parent: Element) -> None:
        for block in unwrapped(parent):
            if block.tag == _PARAGRAPH:
                self._read_paragraph(block)
            elif block.tag == _TABLE:
                self._read_table(block)

    def _read_paragraph(self, paragraph: Element) -> None:
        found = read_paragraph(paragraph, self._note_number)
        self.hidden += found.hidden
        mark, indent = self._mark(paragraph, bool(found.text))
        level = self._heading_level(paragraph)
        if level:
            words = re.sub(r"\[\d+\]", "", found.text) if found.notes else found.text
            self._write(" ".join(f"{mark} {words}".split()) if words else "", level=level)
        else:
            self._write_pieces(found.pieces, mark, indent)
        for box in [
            *found.floating,
            *(p for p in found.pieces if level and not isinstance(p, str)),
            *found.drawings,
        ]:
            self._read_inner(box)
        self._write_notes(found.notes)

    def _write_pieces(self, pieces: list[str | Element], mark: str, indent: str) -> None:
        """Write the words of a paragraph, text boxes in its lines between them."""
        words: list[str] = []
        for piece in [*pieces, None]:
            if isinstance(piece, str):
                words.append(piece)
                continue
            text = "".join(words).strip()
            words.clear()
            if text:
                self._write(f"{indent}{mark} {text}" if mark else text, item=bool(mark))
                mark = ""
            if piece is not None:
                self._read_blocks(piece)

    def _mark(self, paragraph: Element, has_words: bool) -> tuple[str, str]:
        """Return the number or bullet of a paragraph, and the space before it."""
        found = self._numbering.mark(paragraph) if has_words else None
        if found:
            return found[0], "  " * min(found[1], _DEEPEST_INDENT)
        by_style = _LIST_STYLE.match(self._style_name(paragraph)) and not _is_unlisted(paragraph)
        return ("-", "") if by_style else ("", "")

    def _style_name(self, paragraph: Element) -> str:
        style = self._styles.get(value(paragraph, "w:pPr/w:pStyle"))
        return style.name if style else ""

    def _heading_level(self, paragraph: Element) -> int:
        """Return 1 to 6 for a heading, by its style, the base of its style or its outline level."""
        for _, style in bases(self._styles, value(paragraph, "w:pPr/w:pStyle")):
            if style.name.lower() == "title":
                return 1
            match = re.fullmatch(r"heading (\d)", style.name, re.IGNORECASE)
            if match:
                return min(max(int(match[1]), 1), 6)
            if style.outline is not None and style.outline < 9:
                return min(style.outline + 1, 6)
        outline = value(paragraph, "w:pPr/w:outlineLvl")
        return min(int(outline) + 1, 6) if outline in set("012345678") else 0

    def _write_notes(self, references: list[NoteReference]) -> None:
        for reference in references:
            note = self._notes.pop(reference, None)
            if note is None or note.get(name_of("w:type")) not in {None, "normal"}:
                continue
            lines = [read_paragraph(p, self._note_number).text for p in note.iter(_PARAGRAPH)]
            text = " ".join(" ".join(lines).split())
            if text:
                self._write(f"[{self._note_number[reference]}] {text}")

    def _read_table(self, table: Element) -> None:
        rows = read_rows(table)
        cells = [cell.element for row in rows for cell in row.cells]
        if self._is_layout(rows):
            for cell in cells:
                self._read_blocks(cell)
            return
        nested: list[Element] = []
        notes: list[NoteReference] = []
        written = [
            [
                GridCell(self._cell_text(c.element, nested, notes), c.column, c.columns, c.rows)
                for c in row.cells
            ]
            for row in rows
        ]
        self._write(self._table_text(table, rows, written))
        self._write_notes(notes)
        for inner in nested:
            self._read_inner(inner)

    def _read_inner(self, element: Element) -> None:
        """Write a table, text box, chart or diagram that stands in a paragraph or cell."""
        if element.tag == _TABLE:
            self._read_table(element)
        elif element.tag == CHART:
            part = self._package.part_by_id(element.get(name_of("r:id"), ""))
            self._write("" if part is None else chart_text(part))
        elif element.tag == DIAGRAM:
            part = self._package.part_by_id(element.get(name_of("r:dm"), ""))
            self._write("" if part is None else diagram_text(part))
        else:
            self._read_blocks(element)

    def _is_layout(self, rows: list[TableRow]) -> bool:
        """Return whether a table only arranges the page: one column, or parts of it in cells."""
        cells = [cell for row in rows for cell in row.cells]
        if len({cell.column for cell in cells}) < 2:
            return True
        if len(rows) == 1 and any(len(_words_of(cell.element)) > 1 for cell in cells):
            return True
        return any(self._is_part_of_page(cell.element) for cell in cells)

    def _table_text(
        self, table: Element, rows: list[TableRow], written: list[list[GridCell]]
    ) -> str:
        marked = next((n for n, row in enumerate(rows) if not row.is_header), 0)
        words = written[0] if written else []
        named = len(words) > 2 and len(rows) > 2 and has_marked_header(table)
        bold = bool(words) and all(_is_bold(cell.element) for cell in rows[0].cells)
        text = write_table(written, header_rows=marked, marked=named or bold)
        # all but one of its columns are empty
        return text or "\n".join(cell.text for row in written for cell in row if cell.text)

    def _is_part_of_page(self, cell: Element) -> bool:
        """Return whether a cell holds headings, or several paragraphs too long for a value."""
        paragraphs = [block for block in unwrapped(cell) if block.tag == _PARAGRAPH]
        if any(self._heading_level(each) for each in paragraphs):
            return True
        words = _words_of(cell)
        return len(words) > 1 and sum(map(len, words)) > _LONGEST_VALUE

    def _cell_text(self, cell: Element, nested: list[Element], notes: list[NoteReference]) -> str:
        """Return the words of a cell; tables and text boxes in it are added to `nested`."""
        lines: list[str] = []
        for block in unwrapped(cell):
            if block.tag == _TABLE:
                nested.append(block)
            elif block.tag == _PARAGRAPH:
                found = read_paragraph(block, self._note_number)
                self.hidden += found.hidden
                mark, _ = self._mark(block, bool(found.text))
                lines += [f"{mark} {found.text}" if mark not in {"", "-"} else found.text]
                nested += [*found.floating, *found.drawings]
                nested += [piece for piece in found.pieces if not isinstance(piece, str)]
                notes += found.notes
        return cell_text(lines)

    def _write(self, text: str, *, level: int = 0, item: bool = False) -> None:
        if not text.strip():
            return
        gap = "" if not self.parts else "\n" if item and self._was_item else "\n\n"
        if level:
            self.sections.append(Heading(self._size + len(gap), level, text))
        self.parts += [gap, text]
        self._size += len(gap) + len(text)
        self._was_item = item


def _words_of(cell: Element) -> list[str]:
    """Return the words of the paragraphs that stand directly in a cell."""
    paragraphs = (block for block in unwrapped(cell) if block.tag == _PARAGRAPH)
    texts = ("".join(t.text or "" for t in each.iter(name_of("w:t"))) for each in paragraphs)
    return [text for text in texts if text.strip()]


def _is_unlisted(paragraph: Element) -> bool:
    return value(paragraph, "w:pPr/w:numPr/w:numId") == "0"


def _is_bold(cell: Element) -> bool:
    runs = [run for run in cell.iter(name_of("w:r")) if find(run, "w:t") is not None]
    return bool(runs) and all(is_on(run, "w:rPr/w:b") for run in runs)
