"""Conversion of .csv files: one document per row, with any delimiter."""

import csv
import re
from collections.abc import Generator, Iterator

from indexing.converters.formats.records import record_document
from indexing.converters.schema import ConversionProblem, ConvertedDocument, Scalar, Unreadable
from indexing.converters.text.cleaning import one_line

_DELIMITERS = ",;\t|"
CSV_LIMIT = (
    131_072  # characters of a cell: the csv module's own limit, a global never to be lowered
)
_LONGEST_NAME = 80
_MOST_RESTARTS = 20
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?")

Row = tuple[int, list[str]]  # the line on which it begins, and its cells


def convert_csv(text: str) -> Iterator[ConvertedDocument | ConversionProblem]:
    """Yield the documents of a CSV file, and a problem for each row that cannot be read.

    The first row names the columns; if it looks like data, they are called col1, col2, ... A
    column that holds only numbers becomes a numeric filter, any other column a string filter.

    Raises:
        Unreadable: If there is no row of data.
    """
    delimiter = find_delimiter(text)
    top = list(_first_rows(text, delimiter))
    if not top:
        raise Unreadable("it has no rows")
    has_header = looks_like_header([cells for _, cells in top])
    header_line, header = top[0] if has_header else (0, [])
    kinds = _column_kinds(text, delimiter, header_line)
    number = 0
    for row in read_rows(text, delimiter):
        if isinstance(row, ConversionProblem):
            number += 1
            yield row
        elif row[0] != header_line:
            number += 1
            yield _read_row(row, number, header, kinds)
    if not number:
        raise Unreadable("it has column names but no rows")


def _read_row(
    row: Row, number: int, header: list[str], kinds: dict[int, type]
) -> ConvertedDocument | ConversionProblem:
    line, cells = row
    names = name_columns(header, len(cells))
    record = dict(zip(names, cells, strict=False))
    typed = {
        name: _typed(cell, kinds.get(index, str))
        for index, (name, cell) in enumerate(zip(names, cells, strict=False))
    }
    document = record_document(record, number, "csv", typed)
    return document or ConversionProblem(f"line {line}: no text in it")


def find_delimiter(text: str) -> str:
    r"""Return the character between the cells: comma, semicolon, tab or bar.

    Example:
        >>> find_delimiter("name;price\npump, large;3,50\n")
        ';'
    """
    sample = text[:8_192]
    first_line = re.sub('"[^"]*"', "", sample.lstrip("\n").split("\n", 1)[0])
    present = [mark for mark in _DELIMITERS if mark in first_line]
    if len(present) > 1:
        try:
            sniffed = csv.Sniffer().sniff(sample, delimiters="".join(present)).delimiter
        except csv.Error:
            sniffed = ""
        return sniffed if sniffed in present else max(present, key=first_line.count)
    return present[0] if present else ","


def looks_like_header(rows: list[list[str]]) -> bool:
    """Return whether the first row names the columns.

    Names are short, distinct, not numbers, and not repeated in their column; only the first may be
    empty, as in tables with an unnamed index.
    """
    names = [cell.strip() for cell in rows[0]]
    if not all(names[1:]) or not any(names) or len(set(names)) < len(names):
        return False
    if any(len(name) > _LONGEST_NAME or _DECIMAL.fullmatch(name) for name in names):
        return False
    return not any(
        name and len(row) > index and row[index].strip() == name
        for row in rows[1:]
        for index, name in enumerate(names)
    )


def name_columns(header: list[str], width: int) -> list[str]:
    """Return `width` column names: those of the header, and colN where it has none."""
    cleaned = [one_line(name) for name in header]
    padded = cleaned + [""] * (width - len(cleaned))
    return [name or f"col{number}" for number, name in enumerate(padded, start=1)]


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


def _column_kinds(text: str, delimiter: str, header_line: int) -> dict[int, type]:
    """Return the type of each column's cells, the empty ones left out: int, float or str."""
    kinds: dict[int, type] = {}
    for row in read_rows(text, delimiter):
        if isinstance(row, ConversionProblem) or row[0] == header_line:
            continue
        for index, cell in enumerate(row[1]):
            known = kinds.get(index)
            if known is not str and cell.strip():
                kinds[index] = _wider(known, cell.strip())
    return kinds


def _wider(known: type | None, cell: str) -> type:
    if _INTEGER.fullmatch(cell):
        return known or int
    return float if _DECIMAL.fullmatch(cell) else str


def _typed(cell: str, kind: type) -> Scalar:
    stripped = cell.strip()
    if not stripped:
        return None
    value: Scalar = stripped if kind is str else kind(stripped)
    return value
