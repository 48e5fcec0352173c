"""Rows of tables and fields of records, read as sentences with their column names.

The row `| A300 | 27 |` below `| Model | Weight (kg) |` is read as "A300. The Weight (kg) of A300 is
27." Column names and the row's name are put in; every cell keeps its place in the text.
"""

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from indexing.views.lines import Kind, TextLine
from rag.view import Edit

LONGEST_VALUE = 160  # characters of a cell that is a value; a longer one is a text
LONGEST_NAME = 60
LONGEST_CAPTION = 100
MOST_COLUMNS = 40
_DELIMITER = re.compile(r"\|(?:\s*:?-{1,}:?\s*\|)+$")
_CELL = re.compile(r"(?:\\.|[^|\\])*")
_MARKUP = re.compile(r"\*{1,3}|`|__|<br\s*/?>|\\(?=[|*_`])")
_NUMBER = re.compile(r"[-+±~≈<>$€£¥]*\s*[\d.,:/%\s'-]+\s*(?:[a-zA-Z%°²³/]{0,6})$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTS = _words("# no no. nr nr. number id index row sn s/n 序号 编号 編號 号 序 行号")
_VALUES = _words(
    "value values content contents setting data details 值 数值 內容 内容 参数值 取值 数据"
)
_NAMES = _words(
    "name model title product item part type device country city person author field parameter "
    "姓名 名称 名稱 型号 型號 产品 產品 项目 項目 标题 標題 国家 城市 部件 参数 參數 字段"
)
_TITLE = re.compile(r"(?:table|表)\s*\d", re.IGNORECASE)
_HAN = re.compile("[\u3400-\u9fff]")
_PAIR = re.compile(r"([^:：\n]{1,80}?)[ \t]*[:：][ \t]*")

Span = tuple[int, int]


@dataclass(frozen=True)
class _RowName:
    """The name of a row: the cells that make it, the first of them its own, and their words."""

    places: tuple[int, ...]
    words: str


@dataclass(frozen=True)
class _RowCell:
    """A cell of a row: its place in the text, its words, and the offset of the bar behind it."""

    start: int
    end: int
    words: str
    bar: int = 0


def row_edits(text: str, lines: Sequence[TextLine]) -> Iterator[Edit]:
    """Yield the changes of all table rows below a header row."""
    place = 0
    for kind, group in groupby(lines, lambda line: (line.kind, line.page)):
        rows = list(group)
        before = lines[place - 1] if place else None
        place += len(rows)
        if kind[0] is not Kind.ROW:
            continue
        header = next((n for n, row in enumerate(rows) if _DELIMITER.match(row.text)), None)
        if not header or header > 3:
            continue
        yield from _table_edits(text, rows, header, _caption(before))


def record_edits(lines: Sequence[TextLine], fields: Container[str]) -> Iterator[Edit]:
    """Yield the changes of a record's lines `Name: value`.

    Args:
        lines: The record's lines.
        fields: Names of its fields; another line with a colon is a part of a text.
    """
    found = [(line, match) for line in lines if (match := _PAIR.match(line.text))]
    found = [(line, match) for line, match in found if match[1] in fields]
    cells = [
        _RowCell(line.start + match.end(), line.end, line.text[match.end() :])
        for line, match in found
    ]
    names = [match[1] for _, match in found]
    named = _name_place(names, cells)
    name = cells[named].words if named is not None else ""
    for number, (line, _) in enumerate(found):
        cell = cells[number]
        if number == named or not _is_value(cell) or not name:
            continue
        before, after = _phrase(names[number], name, cell.words)
        yield Edit(line.start, cell.start, before)
        yield Edit(cell.end, cell.end, after)


def _table_edits(text: str, rows: Sequence[TextLine], header: int, caption: str) -> Iterator[Edit]:
    head = [cells for row in rows[:header] if (cells := list(_cells(text, row)))]
    width = max(map(len, head), default=0)
    if not 2 <= width <= MOST_COLUMNS:
        return
    names = [_column_name(head, column) for column in range(width)]
    yield Edit(rows[header].start, rows[header].end, "")
    body = [row for row in rows[header + 1 :] if not _DELIMITER.match(row.text)]
    filled = [list(_cells(text, row))[:width] for row in body]
    keys = _row_names(names, filled)
    for row, cells, key in zip(body, filled, keys, strict=True):
        if any(cell.words for cell in cells):
            yield from _row_edits(row, names, cells, key, caption)


def _row_names(names: Sequence[str], rows: Sequence[Sequence[_RowCell]]) -> list[_RowName]:
    """Return the name of each row.

    A name that several rows have is told apart by the next column of names: "Hill, Class second".
    """
    places = [_name_place(names, cells) for cells in rows]
    first = [
        cells[place].words if place is not None else ""
        for place, cells in zip(places, rows, strict=True)
    ]
    repeated = {name for name, count in Counter(first).items() if count > 1 and name}
    found = []
    for place, name, cells in zip(places, first, rows, strict=True):
        places_of_name: tuple[int, ...] = () if place is None else (place,)
        words = name
        if place is not None and name in repeated:
            more = (n for n, cell in enumerate(cells)
                    if n > place and cell.words and names[n] and _is_name(cell))  # fmt: skip
            for number in islice(more, 1):
                places_of_name = (place, number)
                words = f"{name}, {names[number]} {cells[number].words}"
        found.append(_RowName(places_of_name, words))
    return found


def _column_name(head: Sequence[Sequence[_RowCell]], column: int) -> str:
    """Return the name of a column; of several header rows the names from top to bottom."""
    words = [row[column].words for row in head if column < len(row)]
    return " ".join(dict.fromkeys(each for each in words if each))


def _row_edits(
    row: TextLine,
    names: Sequence[str],
    cells: Sequence[_RowCell],
    name: _RowName,
    caption: str,
) -> Iterator[Edit]:
    is_han = _HAN.search(name.words) is not None
    last, gap = row.start, f"{caption}: " if caption else ""
    for number, cell in enumerate(cells):
        if not cell.words:
            continue
        before, after = "", "。" if is_han else "."
        if number in name.places:
            before = f"{names[number]}：" if is_han else f"{names[number]}: "
            before = before if names[number] else ""
        elif names[number]:
            before, after = _cell_phrase(names[number], name.words, cell)
        yield Edit(last, cell.start, gap)
        if before:
            yield Edit(cell.start, cell.start, before)
        yield Edit(cell.end, cell.bar, after)
        last, gap = cell.bar, "" if is_han else " "
    yield Edit(last, row.end, "")


def _cell_phrase(column: str, name: str, cell: _RowCell) -> tuple[str, str]:
    if not _is_value(cell):
        return f"{column}: ", "" if cell.words[-1] in ".。!?！？" else "."
    return _phrase(column, name, cell.words)


def _phrase(column: str, name: str, value: str) -> tuple[str, str]:
    """Return what stands before and behind a value."""
    end = "" if value[-1] in ".。!?！？" else "."
    han = _HAN.search(column + name) is not None
    if column.casefold() in _VALUES and name:
        return (f"{name}是", "。" if end else "") if han else (f"The {name} is ", end)
    if not name or len(name) > LONGEST_NAME or column.casefold() in _COUNTS:
        return f"{column}: ", end
    if han:
        return f"{name}的{column}是", "。" if end else ""
    return f"The {column} of {name} is ", end


def _is_value(cell: _RowCell) -> bool:
    return bool(cell.words) and len(cell.words) <= LONGEST_VALUE and "\n" not in cell.words


def _is_name(cell: _RowCell) -> bool:
    return len(cell.words) <= LONGEST_NAME and not _NUMBER.match(cell.words)


def _name_place(names: Sequence[str], cells: Sequence[_RowCell]) -> int | None:
    """Return which cell names the row: the first that is a name and no number."""
    fitting = [
        place
        for place, (name, cell) in enumerate(zip(names, cells, strict=False))
        if cell.words and name.casefold() not in _COUNTS and _is_name(cell)
    ]
    for place in fitting:
        if place == 0 or names[place].casefold() in _NAMES:
            return place
    if fitting:
        return fitting[0]
    return 0 if cells and cells[0].words and names[0].casefold() not in _COUNTS else None


def _cells(text: str, row: TextLine) -> Iterator[_RowCell]:
    """Yield the cells of a row `| a | b |`, without white space and markup at their borders."""
    place = row.start + 1
    while place < row.end:
        match = _CELL.match(text, place, row.end)
        end = match.end() if match else place
        if end >= row.end and not text[place:end].strip():
            return
        raw = text[place:end]
        stripped = raw.strip()
        start = place + len(raw) - len(raw.lstrip()) if stripped else place
        bar = min(end + 1, row.end)
        yield _RowCell(start, start + len(stripped), _MARKUP.sub("", stripped).strip(), bar)
        place = end + 1


def _caption(before: TextLine | None) -> str:
    """Return the caption of the table below a line; an empty string if it has none."""
    if before is None or before.columns > LONGEST_CAPTION or before.gap > 1:
        return ""
    text = _MARKUP.sub("", before.text)
    is_title = _TITLE.match(text) is not None or before.text.startswith("**")
    if before.kind is Kind.PROSE and is_title:
        return text.rstrip(":：. ")
    return ""
