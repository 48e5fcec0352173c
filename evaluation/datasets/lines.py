"""Readers for text, JSON lines and tables, whose errors name file and line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from rag.errors import DatasetError, first_line

LONGEST_CELL = 10_000_000  # characters; the csv module's own limit is 131,072


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, line endings unchanged.

    Raises:
        DatasetError: If it cannot be read; names the byte at which it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DatasetError(
            f"`{path}`, line {line}: not UTF-8 (byte {error.start} is "
            f"0x{error.object[error.start]:02x}). Convert the file to UTF-8."
        ) from None
    except OSError as error:
        raise DatasetError(f"`{path}` cannot be read: {error.strerror}.") from None


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return the content of a JSON file.

    Raises:
        DatasetError: If it is not JSON; names line and column.
    """
    return _parse(read_text(path), f"`{path}`")


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (location, object) for each object of a JSON Lines file; blank lines are skipped.

    Raises:
        DatasetError: If a line is not a JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"`{path}`, line {number}"
        value = _parse(line, where, of_line=True)
        if not isinstance(value, dict):
            raise DatasetError(f"{where}: expected an object in braces (got {line.strip()[:40]!r})")
        yield where, value


def _parse(text: str, where: str, *, of_line: bool = False) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = "" if of_line else f", line {error.lineno}"
        raise DatasetError(f"{where}{line}, column {error.colno}: not JSON: {error.msg}.") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; brackets 1,000 deep
        raise DatasetError(f"{where}: not JSON that can be read: {first_line(error)}.") from None


def table_rows(
    path: Path, columns: tuple[str, ...], *, delimiter: str = ","
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (location, row) for each row of a table with a header, located by its last line.

    Raises:
        DatasetError: If a column is missing, or a row has more or fewer cells than the header.
    """
    csv.field_size_limit(LONGEST_CELL)
    commas = delimiter == ","
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if commas else csv.QUOTE_NONE
    text = read_text(path).splitlines(keepends=True)
    reader = csv.DictReader(text, delimiter=delimiter, strict=commas, quoting=quoting)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DatasetError(f"`{path}`, line 1: the column `{missing[0]}` is missing.")
        for row in reader:
            where = f"`{path}`, line {reader.line_num}"
            if None in row or None in row.values():
                raise DatasetError(f"{where}: the row has not as many cells as the header.")
            yield where, row
    except csv.Error as error:
        raise DatasetError(f"`{path}`, line {reader.line_num}: {error}.") from None
