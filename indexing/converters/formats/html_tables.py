"""Data tables of HTML pages as pipe rows; layout tables are recognised and left alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import Tag
from bs4.element import NavigableString, PreformattedString

from indexing.converters.formats.html_tree import alternative_text, is_number
from indexing.converters.text.tables import GridCell, cell_text, write_table

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS = frozenset({"ul", "ol", "dl", "blockquote"})
# fmt: off
_BLOCKS = _LISTS | {
    "p", "div", "li", "dt", "dd", "section", "article", "figure", "figcaption", "address", "hr",
    "center", "form", "fieldset", "details", "summary",
}
# fmt: on
_LONGEST_VALUE = 500  # characters of a cell that is still a value if it holds several blocks
_MOST_SPANNED = 1_000  # columns, as in browsers


@dataclass
class _HtmlCell:
    """The content of a cell."""

    tag: Tag
    paragraphs: list[str] = field(default_factory=list)
    nested: list[Tag] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class DataTable:
    """The lines of a table, and the tables inside its cells, which come after it."""

    text: str
    nested: list[Tag]


def read_table(table: Tag) -> DataTable | None:
    """Return a table of data, or None if the table lays out a page.

    A table is layout if it says so, has no two columns, or holds headings, code or whole parts of a
    page in its cells; without header cells (`th`) also if it holds lists or other tables.
    """
    if table.get("role") in {"presentation", "none"}:
        return None
    caption, rows, heads = _read_rows(table)
    cells = [cell for row in rows for cell in row]
    has_names = any(cell.tag.name == "th" for cell in cells)
    if any(_is_layout(cell, has_names) for cell in cells):
        return None
    if len(rows) == 1 and any(len(cell.paragraphs) > 1 or cell.nested for cell in cells):
        return None
    placed = _place(rows)
    text = write_table(
        placed,
        header_rows=_count_header_rows(rows, heads),
        caption=caption,
        guess=not any(row and row[0].tag.name == "th" for row in rows[1:]),
        marked=bool(rows) and all(_is_bold(cell.tag) for cell in rows[0]),
    )
    if text is None and all(len(cell.paragraphs) < 2 for cell in cells):  # rows of one column
        text = "\n".join(cell.paragraphs[0] for cell in cells if cell.paragraphs)
    nested = [inner for cell in cells for inner in cell.nested]
    return DataTable(text, nested) if text else None


def _is_layout(cell: _HtmlCell, has_names: bool) -> bool:
    if cell.kinds & _HEADINGS or "pre" in cell.kinds:
        return True
    if not has_names and (cell.nested or cell.kinds & _LISTS):
        return True
    return len(cell.paragraphs) > 1 and sum(map(len, cell.paragraphs)) > _LONGEST_VALUE


def _read_rows(table: Tag) -> tuple[str, list[list[_HtmlCell]], int]:
    """Return the caption, the cells of each row, and the number of rows in `<thead>`."""
    caption, heads = "", 0
    rows: list[list[_HtmlCell]] = []
    todo: list[tuple[Tag, bool]] = [(table, False)]
    while todo:
        parent, in_head = todo.pop()
        if parent.name == "tr":
            rows.append([])
            heads += in_head
        elif parent.name in {"td", "th"}:
            if not rows:
                rows.append([])
            rows[-1].append(_read_cell(parent))
            continue
        elif parent.name == "caption":
            caption = cell_text(_read_cell(parent).paragraphs).replace("\\|", "|")
            continue
        below = [child for child in parent.contents if isinstance(child, Tag)]
        inside = in_head or parent.name == "thead"
        todo.extend((child, inside) for child in reversed(below) if child.name != "table")
    return caption, [row for row in rows if row], heads


def _read_cell(tag: Tag) -> _HtmlCell:
    cell, words = _HtmlCell(tag), list[str]()
    for piece in _pieces(tag, cell):
        if piece is None:
            cell.paragraphs.append("".join(words))
            words.clear()
        else:
            words.append(piece)
    cell.paragraphs.append("".join(words))
    cell.paragraphs = [" ".join(line.split()) for line in cell.paragraphs if line.strip()]
    return cell


def _pieces(root: Tag, cell: _HtmlCell) -> Iterator[str | None]:
    """Yield the words under a cell in order, and None where a paragraph begins or ends."""
    todo: list[tuple[object, bool]] = [(root, False)]
    while todo:
        node, leaving = todo.pop()
        if isinstance(node, Tag):
            name = node.name
            if leaving:
                yield None
                continue
            if name == "table" and node is not root:
                cell.nested.append(node)
                continue
            cell.kinds.add(name)
            if name in _BLOCKS:
                yield None
                todo.append((node, True))
            elif name == "br":
                yield " "
            elif name == "img":
                yield f" {alternative_text(node)} "
            elif name == "sup" and is_number(node):
                yield "^"
            todo.extend((child, False) for child in reversed(node.contents))
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            yield str(node)


def _place(rows: list[list[_HtmlCell]]) -> list[list[GridCell]]:
    """Return the cells with their columns; cells of rows above take their places first."""
    placed: list[list[GridCell]] = []
    taken: dict[int, int] = {}  # column -> the first row where it is free again
    for number, row in enumerate(rows):
        column, line = 0, list[GridCell]()
        for cell in row:
            while taken.get(column, 0) > number:
                column += 1
            columns = min(max(_number(cell.tag, "colspan"), 1), _MOST_SPANNED)
            spanned = _number(cell.tag, "rowspan")
            left = len(rows) - number
            height = left if spanned == 0 else min(max(spanned, 1), left)
            line.append(GridCell(cell_text(cell.paragraphs), column, columns, height))
            if height > 1:
                taken |= dict.fromkeys(range(column, column + columns), number + height)
            column += columns
        placed.append(line)
    return placed


def _number(tag: Tag, name: str) -> int:
    value = tag.get(name)
    digits = value.strip() if isinstance(value, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 1


def _count_header_rows(rows: list[list[_HtmlCell]], heads: int) -> int:
    """Return the number of rows at the top that are in `<thead>`, or hold header cells alone."""
    count = 0
    for row in rows:
        if not all(cell.tag.name == "th" or not cell.paragraphs for cell in row):
            break
        count += 1
    return max(count, heads) if max(count, heads) < len(rows) else 0


def _is_bold(tag: Tag) -> bool:
    words = tag.get_text(strip=True)
    bold = tag.find(["b", "strong"])
    return bool(words) and isinstance(bold, Tag) and bold.get_text(strip=True) == words
