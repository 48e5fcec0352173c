"""Assembly of a document from raw parts: text cleaned, offsets adjusted, never blank."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from indexing.converters.schema import ConvertedDocument, Heading, Scalar, Unreadable
from indexing.converters.text.cleaning import clean_marked, one_line


def whole_file(
    text: str,
    title: str,
    meta: Mapping[str, Scalar],
    *,
    sections: Sequence[Heading] = (),
    pages: Sequence[int] = (),
) -> ConvertedDocument:
    """Return the document of a whole file.

    Args:
        text: Raw text.
        title: Raw title, not blank.
        meta: Fields for filters.
        sections: Headings with offsets into the raw text, in any order.
        pages: Ascending start offsets into the raw text.

    Raises:
        Unreadable: If only white space is left.
    """
    marks = sorted({*(section.start for section in sections), *pages})
    cleaned, moved = clean_marked(text, marks)
    if not cleaned.strip():
        raise Unreadable("there is no text in it")

    def place(start: int) -> int:
        return moved[bisect_left(marks, start)]

    headings = [Heading(place(s.start), s.level, one_line(s.heading)) for s in sections]
    ordered = sorted((s for s in headings if s.heading), key=lambda s: s.start)
    starts = tuple(place(page) for page in pages)
    return ConvertedDocument("", one_line(title), cleaned, tuple(ordered), starts, meta)
