"""Titles, header row and column names of a CSV file."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from indexing.converters.text.cleaning import one_line

_LONGEST_NAME = 80
_MOST_TITLES = 20  # rows
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:[.,\s]\d{3})+)(?:[.,]\d+)?(?:[eE][+-]?\d{1,2})?\s?%?")
_YEAR = re.compile(r"(?:1[89]|20|21)\d\d")


@dataclass(frozen=True)
class TableLayout:
    """The rows above the data.

    Attributes:
        titles: The cells of rows above the header.
        header: The names of the columns as they are written; none if no row names them.
        last_line: The line of the last row that is no data, 0 if there is none.
    """

    titles: list[list[str]]
    header: list[str]
    last_line: int

    @property
    def title(self) -> str:
        """The first title that is a single cell; "" if there is none."""
        filled = [[cell for cell in cells if cell.strip()] for cells in self.titles]
        return next((one_line(cells[0], 100) for cells in filled if len(cells) == 1), "")


def find_layout(top: Sequence[tuple[int, list[str]]]) -> TableLayout:
    """Return what the first rows are, each given by its line and its cells.

    Titles have fewer cells than most rows, or words in the first cell only.
    """
    widths = Counter(len(cells) for _, cells in top)
    width, frequent = widths.most_common(1)[0]
    count = 0
    if width > 1 and 2 * frequent >= len(top):
        full = [_is_full(cells, width) for _, cells in top[: _MOST_TITLES + 1]]
        count = full.index(True) if True in full else 0
    below = [cells for _, cells in top[count:]]
    has_header = looks_like_header(below)
    if count and not has_header and any(_filled(cells) > 1 for _, cells in top[:count]):
        count, below = 0, [cells for _, cells in top]  # a short header above longer rows
        has_header = looks_like_header(below)
    lines = [line for line, _ in top[: count + has_header]]
    titles = [cells for _, cells in top[:count]]
    return TableLayout(titles, below[0] if has_header else [], lines[-1] if lines else 0)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _is_full(cells: Sequence[str], width: int) -> bool:
    alone = _filled(cells) == 1 and bool(cells[0].strip())
    return len(cells) >= width and not alone


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns.

    Names are short and not repeated in their column. They may be missing or occur twice; numbers
    are names only if they count up, as years do, and those below do not.
    """
    names = [cell.strip() for cell in rows[0]]
    if not any(names) or any(len(name) > _LONGEST_NAME for name in names):
        return False
    if 2 * sum(map(bool, names)) < len(names):
        return False
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if numbers and not (_counts_up(numbers) and not any(_holds(row, numbers) for row in rows[1:])):
        return False
    return not any(
        name and len(row) > index and row[index].strip() == name
        for row in rows[1:]
        for index, name in enumerate(names)
    )


def _counts_up(numbers: Sequence[str]) -> bool:
    """Return whether numbers are years, or at least three in a row."""
    if not all(number.isdecimal() and len(number) < 6 for number in numbers):
        return False
    values = list(map(int, numbers))
    if all(map(_YEAR.fullmatch, numbers)):
        return len(set(values)) == len(values)
    return len(values) > 2 and values == list(range(values[0], values[0] + len(values)))


def _holds(row: Sequence[str], numbers: Sequence[str]) -> bool:
    """Return whether a row of data holds such numbers too, so that they name nothing."""
    own = [cell.strip() for cell in row if _NUMBER.fullmatch(cell.strip())]
    return len(own) >= len(numbers) and _counts_up(own)


def name_columns(header: Sequence[str], used: Collection[int]) -> list[str]:
    """Return the names of all columns, in order, and of those beyond the header.

    A column without a name is called colN, a name that occurs again gets a number; a column that
    has neither a name nor a value has "".

    Args:
        header: The names as they are written.
        used: The columns with values, from 0.

    Example:
        >>> name_columns(["Name", "Phone", "Phone", ""], {0, 1, 2})
        ['Name', 'Phone', 'Phone 2', '']
    """
    names = [one_line(name) for name in header]
    widest = max([len(names), *(each + 1 for each in used)])
    names += [""] * (widest - len(names))
    taken: set[str] = set()
    for place, name in enumerate(names):
        wanted = name or (f"col{place + 1}" if place in used else "")
        number = 2
        free = wanted
        while free and (free in taken or (number > 2 and free in names)):
            free = f"{wanted} {number}"
            number += 1
        names[place] = free
        taken.add(free)
    return names
