r"""Tables as pipe rows: the one form in which the tables of all formats are stored.

A row is one line, `| a | b |`. A header row is followed by `| --- | --- |`, and stands first;
several header rows are joined into one. The caption, and rows above the header that hold a title
only, are lines directly above. In a cell `|` is written `\|`, and ` / ` separates paragraphs. The
text of a merged cell stands in every row and column that it spans, if it is short. Columns and rows
that are empty are left out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PARAGRAPH_MARK = " / "  # between the paragraphs of a cell
_LONGEST_REPEATED = 200  # characters of a merged cell that is repeated
_LONGEST_NAME = 80  # characters of a column's name
_MOST_EMPTY = 8  # times as many places in the grid as cells, and 10,000 more
_NUMBER = re.compile(r"[^\w\s]{0,3}\s?\d")
_YEAR = re.compile(r"(?:1[89]|20|21)\d\d")


@dataclass(frozen=True)
class GridCell:
    """A cell of a table.

    Args:
        text: Its words on one line, see `cell_text`.
        column: The first column that it covers, from 0.
        columns: Number of columns that it covers.
        rows: Number of rows that it covers.
    """

    text: str
    column: int
    columns: int = 1
    rows: int = 1


def cell_text(paragraphs: Iterable[str]) -> str:
    r"""Return the paragraphs of a cell on one line.

    Example:
        >>> cell_text(["Check  the oil.", "", "a|b"])
        'Check the oil. / a\\|b'
    """
    lines = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return PARAGRAPH_MARK.join(line for line in lines if line).replace("|", "\\|")


def write_table(
    rows: Sequence[Sequence[GridCell]],
    *,
    header_rows: int = 0,
    caption: str = "",
    guess: bool = True,
    marked: bool = False,
) -> str | None:
    """Return the table as lines, or None if it has no structure: no two columns.

    Args:
        rows: The cells of each row in order of their columns.
        header_rows: Number of rows at the top that are marked as header; 0 if none is.
        caption: One line; it may be empty.
        guess: Whether a first row that is clearly a header counts as one without a mark.
        marked: Whether something speaks for a header: its words are bold, or the style says so.

    Example:
        >>> head = [GridCell("Zone", 0), GridCell("Fare", 1)]
        >>> body = [GridCell("Hill", 0), GridCell("9", 1)]
        >>> print(write_table([head, body], header_rows=1))
        | Zone | Fare |
        | --- | --- |
        | Hill | 9 |
    """
    grid = _grid(rows)
    if not grid or len(grid[0]) < 2:
        return None
    titles = _count_titles(rows, grid)
    lines = [caption] if caption else []
    lines += [next(text for text in row if text) for row in grid[:titles]]
    body = grid[titles:]
    header_rows = min(max(header_rows - titles, 0), len(body) - 1)
    if not header_rows and guess and looks_like_names(body, marked=marked):
        header_rows = 1
    if header_rows:
        names = [_join_names(column) for column in zip(*body[:header_rows], strict=True)]
        lines += [_row(names), _row(["---"] * len(names))]
    return "\n".join([*lines, *map(_row, body[header_rows:])])


def looks_like_names(rows: Sequence[Sequence[str]], *, marked: bool = False) -> bool:
    """Return whether the first row clearly names the columns.

    Names are short, distinct, no numbers and not repeated below; and something says that they are
    names: a mark, or a column of numbers under a word.

    Args:
        rows: Rows of equal length.
        marked: Whether the row is marked, such as by bold letters.
    """
    if len(rows) < 2:
        return False
    names, below = rows[0], rows[1:]
    if not all(names[1:]) or len(set(names)) < len(names) or not all(map(_is_name, names)):
        return False
    if any(name and name == row[place] for row in below for place, name in enumerate(names)):
        return False
    if len(names) == 2 and any(map(str.isdigit, names[1])) and not _YEAR.fullmatch(names[1]):
        return False  # a label and its value: "Model | X300"
    columns = ([row[place] for row in below if row[place]] for place in range(1, len(names)))
    return marked or any(column and all(map(_is_number, column)) for column in columns)


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and (not _is_number(text) or bool(_YEAR.fullmatch(text)))


def _is_number(text: str) -> bool:
    return _NUMBER.match(text) is not None


def _grid(rows: Sequence[Sequence[GridCell]]) -> list[list[str]]:
    """Return the texts by row and column, merged cells repeated, without what is empty."""
    starts = sorted({cell.column for row in rows for cell in row})
    cells = sum(map(len, rows))
    if len(rows) * len(starts) > _MOST_EMPTY * cells + 10_000:  # a staircase, to fill the memory
        return []
    place = {start: number for number, start in enumerate(starts)}
    grid = [[""] * len(starts) for _ in rows]
    for number, row in enumerate(rows):
        for cell in row:
            _fill(grid, number, place[cell.column], cell, starts)
    used = [column for column in range(len(starts)) if any(row[column] for row in grid)]
    kept = ([row[column] for column in used] for row in grid)
    return [row for row in kept if any(row)]


def _fill(grid: list[list[str]], row: int, first: int, cell: GridCell, starts: list[int]) -> None:
    if not cell.text:
        return
    alone = cell.columns >= starts[-1] + 1 and cell.column == starts[0]
    if alone or len(cell.text) > _LONGEST_REPEATED:  # a title within the table, or a long text
        grid[row][first] = cell.text
        return
    last = first
    while last + 1 < len(starts) and starts[last + 1] < cell.column + cell.columns:
        last += 1
    for line in grid[row : row + cell.rows]:
        for column in range(first, last + 1):
            line[column] = line[column] or cell.text


def _count_titles(rows: Sequence[Sequence[GridCell]], grid: list[list[str]]) -> int:
    """Return how many rows at the top hold one cell with words, above rows that hold more."""
    filled = [sum(map(bool, row)) for row in grid]
    titles = next((number for number, count in enumerate(filled) if count > 1), 0)
    single = all(grid[number][0] for number in range(titles))
    return titles if single and titles < len(grid) - 1 and rows else 0


def _join_names(names: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(name for name in names if name))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
