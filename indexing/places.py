"""The page of an offset in a document, and the headings above it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from indexing.converters import ConvertedDocument, Heading


class DocumentPlaces:
    """Headings and pages of a document, by offset.

    The heading of a place is the path of the headings above it, outermost first, joined by ` > `
    and without the document's title.

    Args:
        document: The converted document.
    """

    def __init__(self, document: ConvertedDocument) -> None:
        self._starts = [section.start for section in document.sections]
        self._paths = list(_heading_paths(document.sections, document.title))
        self._pages = document.pages
        self._borders = sorted({*self._starts, *self._pages})

    def at(self, offset: int) -> tuple[str | None, int | None]:
        """Return heading and page, from 1, at an offset; None where there is none."""
        place = bisect_right(self._starts, offset)
        heading = self._paths[place - 1] if place else None
        return heading, bisect_right(self._pages, offset) or None

    def inside(self, start: int, end: int) -> list[list[int | str | None]]:
        """Return offset, page and heading of each border inside a span; offsets count from it."""
        first, last = bisect_right(self._borders, start), bisect_left(self._borders, end)
        found: list[list[int | str | None]] = []
        for border in self._borders[first:last]:
            heading, page = self.at(border)
            found.append([border - start, page, heading])
        return found


def _heading_paths(sections: Sequence[Heading], title: str) -> Iterator[str | None]:
    path: list[Heading] = []
    for section in sections:
        while path and path[-1].level >= section.level:
            path.pop()
        path.append(section)
        names = [each.heading for each in path]
        if names[0] == title:
            names = names[1:]
        yield " > ".join(names) or None
