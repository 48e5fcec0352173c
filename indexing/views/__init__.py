"""Views of documents: which changes make a text readable.

lines.py          lines and what each of them is
wrapping.py       line breaks inside sentences;  hyphens.py  words divided there
running_lines.py  headers, footers and numbers of pages
tables.py         rows and records as sentences
lists.py          what introduces an item, for a passage that begins with one
characters.py     ligatures, full-width letters, leaders, control characters, spaces in Chinese
"""

from collections.abc import Iterator, Sequence

from indexing.converters import ConvertedDocument
from indexing.views.characters import character_edits, is_spaced, space_edits
from indexing.views.lines import Kind, TextLine, split_lines
from indexing.views.lists import list_introductions
from indexing.views.running_lines import running_lines
from indexing.views.tables import record_edits, row_edits
from indexing.views.wrapping import Breaks, Wrapping
from rag.view import Edit, View

__all__ = ["list_introductions", "make_view"]

_BREAKS = {"md": Breaks.MEANINGLESS, "html": Breaks.MEANT, "docx": Breaks.MEANT}


def make_view(document: ConvertedDocument) -> View:
    """Return the view of a document.

    In its text every line break ends a sentence, a heading, an item or a row.
    """
    text, form = document.text, document.meta.get("format")
    lines = split_lines(text, document.sections, document.pages)
    dropped = set(running_lines(lines)) if len(document.pages) > 1 else set()
    kept = [line for number, line in enumerate(lines) if number not in dropped]
    wrapping = Wrapping(text, kept, _BREAKS.get(str(form), Breaks.UNKNOWN))
    is_record = bool(document.key) and form in ("csv", "json", "jsonl")
    structure = list(_outside(text, kept))
    structure += wrapping.edits()
    structure += record_edits(lines, document.meta) if is_record else row_edits(text, kept)
    inside = [*character_edits(text), *_spaces(text, kept, wrapping)]
    return View(text, _merged(structure, inside), lines_end=True)


def _outside(text: str, lines: Sequence[TextLine]) -> Iterator[Edit]:
    """Yield what leaves out running lines before the first line and behind the last."""
    if not lines:
        return
    first, last = lines[0].start - lines[0].indent, lines[-1].end
    if text[:first].strip():
        yield Edit(0, first, "")
    if text[last:].strip():
        yield Edit(last, len(text), "")


def _spaces(text: str, lines: Sequence[TextLine], wrapping: Wrapping) -> Iterator[Edit]:
    spaced = is_spaced(text)
    for number, line in enumerate(lines):
        if line.kind in (Kind.PROSE, Kind.ITEM) and not line.text.isascii():
            is_prose = wrapping.joins(number) or wrapping.joins(number + 1)
            yield from space_edits(text, line.start, line.end, is_prose=is_prose, is_spaced=spaced)


def _merged(structure: Sequence[Edit], inside: Sequence[Edit]) -> Iterator[Edit]:
    """Yield all changes in order; of two that overlap the first stands, structure before all."""
    taken: list[Edit] = []
    last = 0
    for edit in sorted(structure, key=lambda each: (each.start, each.end)):
        if edit.start >= last:
            taken.append(edit)
            last = edit.end
    places = iter([*taken, None])
    current = next(places)
    last = 0
    for edit in sorted(inside, key=lambda each: (each.start, each.end)):
        while current is not None and current.start <= edit.start:
            yield current
            last, current = max(last, current.end), next(places)
        free = current is None or edit.end <= current.start
        if edit.start >= last and free:
            yield edit
            last = edit.end
    while current is not None:
        yield current
        current = next(places)
