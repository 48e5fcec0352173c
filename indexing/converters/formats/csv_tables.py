"""Conversion of .csv files: one document per row, with any delimiter."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import islice

from indexing.converters.formats.csv_header import find_layout, looks_like_header, name_columns
from indexing.converters.formats.records import record_document
from indexing.converters.schema import (
    ConversionNote,
    ConversionProblem,
    ConvertedDocument,
    Empty,
    Scalar,
)
from indexing.converters.text.cleaning import clean, one_line

__all__ = ["convert_csv", "find_delimiter", "looks_like_header", "read_rows"]

_DELIMITERS = ",;\t|"
CSV_LIMIT = (
    131_072  # characters of a cell: the csv module's own limit, a global never to be lowered
)
_MOST_LOOKED_AT = 200  # rows, for the delimiter
_SEPARATOR = re.compile(r"\ufeff?sep=(\\t|[^\w\s\"]|\t)[ \t]*(?=\n)", re.IGNORECASE)
_MOST_RESTARTS = 20
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?")
# 310,00 and 1.310,00
_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3}){1,5}|\d{1,17}),\d{1,17}")

Kind = Callable[[str], Scalar]
"""Turns a cell into the value of a filter: `int`, `float`, `str`, or a number with a comma."""

Piece = ConvertedDocument | ConversionProblem | ConversionNote
Row = tuple[int, list[str]]  # the line on which it begins, and its cells


def convert_csv(text: str) -> Iterator[Piece]:
    """Yield the documents of a CSV file, and a problem for each row that cannot be read.

    The first row of full width names the columns; if it looks like data, they are called col1,
    col2, ... Lines above it are a document of their own, and the first of them is the title of
    rows that have none. A column that holds only numbers becomes a numeric filter, any other column
    a string filter; `310,00` is a number where the delimiter is no comma.

    Raises:
        Empty: If there is no row of data.
    """
    first, rest = _split_separator(text)
    delimiter = first or find_delimiter(text)
    top = list(_first_rows(rest, delimiter))
    if not top:
        raise Empty("it has no rows")
    layout = find_layout(top)
    kinds = _column_kinds(rest, delimiter, layout.last_line)
    names = name_columns(layout.header, kinds)
    yield from _title_document(layout.titles)
    number = empty = 0
    for row in read_rows(rest, delimiter):
        if isinstance(row, ConversionProblem):
            number += 1
            yield row
        elif row[0] > layout.last_line:
            number += 1
            document = _read_row(row, number, names, kinds, layout.title)
            empty += document is None
            yield from [document] if document else []
    if number == empty:
        raise Empty("it has column names but no rows")
    if empty:
        yield ConversionNote.empty_records(empty)


def _split_separator(text: str) -> tuple[str, str]:
    """Return the delimiter that a first line such as `sep=;` names, and the text without it.

    The line stays as a blank one, so that other lines keep their numbers.
    """
    match = _SEPARATOR.match(text)
    return (match[1].replace("\\t", "\t"), text[match.end() :]) if match else ("", text)


def _title_document(titles: Sequence[Sequence[str]]) -> Iterator[ConvertedDocument]:
    lines = [": ".join(cell.strip() for cell in cells if cell.strip()) for cells in titles]
    text = clean("\n".join(lines))
    if text.strip():
        yield ConvertedDocument("0", one_line(lines[0]), text, (), (), {"format": "csv"})


def _read_row(
    row: Row, number: int, names: list[str], kinds: Mapping[int, Kind], title: str
) -> ConvertedDocument | None:
    """Return the document of a row, or None if its cells are empty."""
    cells = row[1]
    named = [
        (name, index, cell)
        for index, (name, cell) in enumerate(zip(names, cells, strict=False))
        if name
    ]
    record = {name: cell for name, _, cell in named}
    typed = {name: _typed(cell, kinds.get(index, str)) for name, index, cell in named}
    return record_document(record, number, "csv", typed, title=title)


def find_delimiter(text: str) -> str:
    r"""Return the character between the cells: comma, semicolon, tab or bar.

    It is the one that divides most lines into the same number of cells.

    Example:
        >>> find_delimiter("name;price\npump, large;3,50\n")
        ';'
    """
    sample = text[:65_536]
    lines = sample.split("\n")
    sample = "\n".join(lines[:-1]) if len(lines) > 1 and len(text) > len(sample) else sample
    first_line = re.sub('"[^"]*"', "", sample.lstrip("\n").split("\n", 1)[0])
    scores = {mark: _evenness(sample, mark) for mark in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda mark: (scores[mark], first_line.count(mark)))
    return best if scores[best] else ","


def _evenness(sample: str, delimiter: str) -> float:
    """Return the share of rows that have the most frequent number of cells, if over one."""
    widths: Counter[int] = Counter()
    try:
        for row in islice(csv.reader(sample.split("\n"), delimiter=delimiter), _MOST_LOOKED_AT):
            if any(cell.strip() for cell in row):
                widths[len(row)] += 1
    except csv.Error:
        pass  # what was counted until there counts
    several = {width: count for width, count in widths.items() if width > 1}
    return max(several.values()) / sum(widths.values()) if several else 0.0


def read_rows(text: str, delimiter: str) -> Iterator[Row | ConversionProblem]:
    """Yield the rows that are not blank; a row that breaks the quoting rules is a problem.

    After a quote that is never closed, reading continues at the next line, so that the rest of the
    file is not lost.
    """
    lines = text.split("\n")
    csv.field_size_limit(max(len(text), CSV_LIMIT))
    start = 0
    for _ in range(_MOST_RESTARTS):
        onward = yield from _read_from(lines, start, delimiter)
        if onward is None:
            return
        start = onward
    yield ConversionProblem(
        f"line {start + 1} and all after it: too many quotes that are never closed"
    )


def _read_from(
    lines: list[str], start: int, delimiter: str
) -> Generator[Row | ConversionProblem, None, int | None]:
    """Yield the rows from `lines[start]`; return the line to resume after an unclosed quote."""
    source = (f"{line}\n" for line in lines[start:])
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        line = start + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield ConversionProblem(f"line {line}: not valid CSV ({error})")
            if start + reader.line_num >= len(lines) > line:
                return line
            continue
        if row is None:
            return None
        if any(cell.strip() for cell in row):
            yield line, row


def _first_rows(text: str, delimiter: str) -> Iterator[Row]:
    found = 0
    for row in read_rows(text[:1_000_000], delimiter):
        if not isinstance(row, ConversionProblem):
            yield row
            found += 1
        if found == 50:
            return


def _column_kinds(text: str, delimiter: str, last_line: int) -> dict[int, Kind]:
    """Return the type of each column's cells below a line; a column without values has none."""
    kinds: dict[int, Kind] = {}
    comma = delimiter != ","
    for row in read_rows(text, delimiter):
        if isinstance(row, ConversionProblem) or row[0] <= last_line:
            continue
        for index, cell in enumerate(row[1]):
            known = kinds.get(index)
            if known is not str and cell.strip():
                kinds[index] = _wider(known, cell.strip(), comma=comma)
    return kinds


def _wider(known: Kind | None, cell: str, *, comma: bool) -> Kind:
    if _INTEGER.fullmatch(cell):
        return known or int
    if known in {None, int, float} and _DECIMAL.fullmatch(cell):
        return float
    return _comma_number if comma and known is not float and _COMMA.fullmatch(cell) else str


def _comma_number(cell: str) -> float:
    return float(cell.replace(".", "").replace(",", "."))


def _typed(cell: str, kind: Kind) -> Scalar:
    stripped = cell.strip()
    return kind(stripped) if stripped else None
