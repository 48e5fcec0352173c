"""Running headers, footers and page numbers: lines that stand on page after page."""

import re
from collections.abc import Sequence
from itertools import groupby

from indexing.views.lines import Kind, TextLine

EDGE = 3  # lines at the top and at the bottom of a page that may be running
LONGEST_RUNNING_LINE = 150  # characters of a running line
PAGES = 2  # at least, before anything counts as repeated
SHARE = 0.3  # of the pages; headers of left and of right pages differ, and of chapters
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(
    r"[-–—\s·.]*(?:page\s*|p\.\s*|第\s*)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:/|of|共)\s*\d{1,4})?"
    r"\s*[页頁]?[-–—\s·.]*",
    re.IGNORECASE,
)


def running_lines(lines: Sequence[TextLine]) -> list[int]:
    """Return the places of lines that repeat at the top or bottom of pages, and of page numbers.

    The first line of a repeated kind stays, as the words would be lost otherwise; numbers of pages
    never do.

    Args:
        lines: Lines of the whole document, each with its page.
    """
    pages = [list(group) for _, group in groupby(enumerate(lines), lambda each: each[1].page)]
    if len(pages) < PAGES:
        return []
    found: set[int] = set()
    whole = {place for page in pages for place, _ in page if len(page) == 1}
    for places in _repeated(pages).values():
        if len(places) >= max(PAGES, SHARE * len(pages)):
            some = [lines[place] for place in places]
            if all(_NUMBER.fullmatch(line.text) for line in some):
                found.update(places)
            elif _is_running(some):
                found.update(places[1:])
    return sorted(found - whole)


def _repeated(pages: Sequence[list[tuple[int, TextLine]]]) -> dict[tuple[str, str], list[int]]:
    """Return side and wording of the lines at the edges of pages -> their places, one a page."""
    found: dict[tuple[str, str], list[int]] = {}
    for page in pages:
        seen = set()
        for side, some in (("top", page[:EDGE]), ("bottom", page[-EDGE:])):
            for place, line in some:
                if len(line.text) > LONGEST_RUNNING_LINE:
                    continue
                key = side, _wording(line.text)
                if key not in seen:
                    seen.add(key)
                    found.setdefault(key, []).append(place)
    return found


def _is_running(lines: Sequence[TextLine]) -> bool:
    """Return whether lines are the same but for a number that counts pages."""
    if any(line.kind is Kind.HEADING for line in lines) and len(lines) > 1:
        return len({line.text for line in lines}) == 1
    if len({" ".join(line.text.casefold().split()) for line in lines}) == 1:
        return True
    numbers = [list(map(int, _DIGITS.findall(line.text))) for line in lines]
    return len(lines) > PAGES and any(
        len({number - line.page for number, line in zip(column, lines, strict=True)}) == 1
        for column in zip(*numbers, strict=True)
    )


def _wording(text: str) -> str:
    """Return a line's words without what changes from page to page."""
    if _NUMBER.fullmatch(text):
        return "#"
    return _DIGITS.sub("#", " ".join(text.split()).casefold())
