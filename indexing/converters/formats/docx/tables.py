"""Rows and cells of a DOCX table, with the columns that each cell covers."""

from collections.abc import Iterator
from dataclasses import dataclass

from indexing.converters.formats.docx.package import Element, find, is_on, name_of, value

_ROW, _CELL = name_of("w:tr"), name_of("w:tc")
_WRAPPERS = frozenset({
    name_of("w:sdt"), name_of("w:sdtContent"), name_of("w:customXml"), name_of("w:ins"),
    name_of("w:smartTag"), name_of("w:moveTo"),
})  # fmt: skip


@dataclass
class DocxCell:
    """A cell: its element, the columns and the number of rows that it covers."""

    element: Element
    column: int
    columns: int
    rows: int = 1


@dataclass(frozen=True)
class TableRow:
    """A row: its cells, and whether it is marked to be repeated on every page."""

    cells: list[DocxCell]
    is_header: bool


def unwrapped(parent: Element) -> Iterator[Element]:
    """Yield the children of an element, and those of content controls and insertions in it."""
    for child in parent.iterchildren():
        if child.tag in _WRAPPERS:
            yield from unwrapped(child)
        elif isinstance(child.tag, str):
            yield child


def read_rows(table: Element) -> list[TableRow]:
    """Return the rows of a table; cells that go on from the row above belong to it."""
    rows: list[TableRow] = []
    open_cells: dict[int, DocxCell] = {}  # by column: cells that may go on below
    for row in unwrapped(table):
        if row.tag != _ROW or find(row, "w:trPr/w:del") is not None:
            continue
        column, cells = _number(row, "w:trPr/w:gridBefore", 0), list[DocxCell]()
        still_open: dict[int, DocxCell] = {}
        for element in unwrapped(row):
            if element.tag != _CELL:
                continue
            columns = max(_number(element, "w:tcPr/w:gridSpan", 1), 1)
            merge = find(element, "w:tcPr/w:vMerge")
            above = open_cells.get(column)
            if merge is not None and merge.get(name_of("w:val")) != "restart" and above:
                above.rows += 1
                still_open[column] = above
            elif cells and value(element, "w:tcPr/w:hMerge") == "continue":
                cells[-1].columns += columns
            else:
                cells.append(DocxCell(element, column, columns))
                if merge is not None:
                    still_open[column] = cells[-1]
            column += columns
        open_cells = still_open
        rows.append(TableRow(cells, is_on(row, "w:trPr/w:tblHeader")))
    return rows


def has_marked_header(table: Element) -> bool:
    """Return whether the table's style sets its first row apart."""
    look = find(table, "w:tblPr/w:tblLook")
    if look is None:
        return False
    first = look.get(name_of("w:firstRow"))
    if first is not None:
        return first in {"1", "true", "on"}
    bits = value(table, "w:tblPr/w:tblLook", "0")
    return bool(int(bits, 16) & 0x20) if len(bits) < 9 else False


def _number(element: Element, path: str, default: int) -> int:
    given = value(element, path)
    return min(int(given), 1_000) if given.isdigit() and len(given) < 6 else default
