"""The view of a text: the same text in readable form, with a map back to every character.

A document keeps its text, which every citation points into. Models, bm25 and people see the view:
lines broken inside a sentence are joined, ligatures are letters, a table's row is read with its
column names. A view is the text and a list of edits; `indexing.views` decides which.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Span = tuple[int, int]
EDITS = "view_edits"  # in a passage's metadata: its changes, [start, end, put]
PLACES = "view_places"  # in it: pages and headings that begin inside, [offset, page, heading]


@dataclass(frozen=True)
class Edit:
    """A change of a text: its characters `start` to `end` (exclusive) are shown as `put`.

    With `start == end` something is put in; with an empty `put` something is left out.
    """

    start: int
    end: int
    put: str


class View:
    r"""A text as it is read, and the way back to the text as it is stored.

    Args:
        source: The stored text.
        edits: Changes in order of `start`, not overlapping.
        lines_end: Whether every line break that is left ends a sentence, as `indexing.views`
            makes it; False for a text that nobody has looked at.

    Raises:
        ValueError: If edits overlap, are not in order, or lie outside of the text.

    Example:
        >>> view = View("The eﬃ-\nciency", [Edit(5, 6, "ffi"), Edit(6, 8, "")])
        >>> view.text, view.to_source(4, 14)
        ('The efficiency', (4, 14))
        >>> view.source[slice(*view.to_source(7, 10))]
        'ﬃ-\nci'
    """

    def __init__(self, source: str, edits: Iterable[Edit] = (), *, lines_end: bool = False) -> None:
        self.source, self.lines_end = source, lines_end
        self.edits = tuple(edits)
        last = 0
        for edit in self.edits:
            if not last <= edit.start <= edit.end <= len(source):
                raise ValueError(f"an edit of characters {edit.start} to {edit.end} does not fit")
            last = edit.end

    @cached_property
    def text(self) -> str:
        """The readable text."""
        if not self.edits:
            return self.source
        parts, last = [], 0
        for edit in self.edits:
            parts += [self.source[last : edit.start], edit.put]
            last = edit.end
        return "".join([*parts, self.source[last:]])

    @cached_property
    def _starts(self) -> list[int]:
        """Where each edit begins in the readable text."""
        starts, shift = [], 0
        for edit in self.edits:
            starts.append(edit.start + shift)
            shift += len(edit.put) - (edit.end - edit.start)
        return starts

    @cached_property
    def _ends(self) -> list[int]:
        """Where each edit ends in the readable text."""
        return [start + len(edit.put) for start, edit in zip(self._starts, self.edits, strict=True)]

    def to_source(self, start: int, end: int) -> Span:
        """Return the span of the source that a span of the readable text shows.

        Characters that stand for others, as a ligature's letters do, count whole. A span that
        holds only what was put in or between words is empty or white space in the source.
        """
        first, last = self._source_start(start), self._source_end(end)
        return (first, last) if first <= last else (last, first)

    def cover(self, start: int, end: int) -> Span:
        """Return the smallest span of the source whose part shows a whole span of this view."""
        number = bisect_right(self._starts, start) - 1
        inside = number >= 0 and start < self._ends[number]
        first = self.edits[number].start if inside else self._source_start(start)
        number = bisect_left(self._starts, end) - 1
        inside = number >= 0 and end <= self._ends[number]
        last = self.edits[number].end if inside else self._source_end(end)
        return first, max(first, last)

    def to_view(self, start: int, end: int) -> Span:
        """Return the span of the readable text that shows a span of the source."""
        first, last = self._view_start(start), self._view_end(end)
        return (first, last) if first <= last else (last, first)

    def part(self, start: int, end: int) -> "View":
        """Return the view of the source's characters `start` to `end` alone.

        An edit that is cut by a border is left out; what is put in at `start` belongs to the part.
        """
        first = bisect_left(self._edit_starts, start)
        found = []
        for edit in self.edits[first:]:
            if edit.start >= end:
                break
            if edit.end <= end:
                found.append(Edit(edit.start - start, edit.end - start, edit.put))
        return View(self.source[start:end], found, lines_end=self.lines_end)

    def puts_words_in(self, start: int, end: int) -> bool:
        """Return whether a span of the readable text holds words that the source lacks there.

        A span of nothing but such words, as the sentence that introduces a list, shows nothing of
        the source, and does not count.
        """
        first = bisect_right(self._ends, start)
        for place in range(first, len(self.edits)):
            if self._starts[place] >= end:
                return False
            edit = self.edits[place]
            if edit.start == edit.end and any(map(str.isalnum, edit.put)):
                return bool(self.source[slice(*self.to_source(start, end))].strip())
        return False

    def dump(self) -> list[list[int | str]]:
        """Return the edits as values with a JSON form; `load_edits` reads them."""
        return [[edit.start, edit.end, edit.put] for edit in self.edits]

    @cached_property
    def _edit_starts(self) -> list[int]:
        return [edit.start for edit in self.edits]

    def _source_start(self, position: int) -> int:
        number = bisect_right(self._starts, position) - 1
        if number < 0:
            return position
        edit, end = self.edits[number], self._ends[number]
        if position < end:
            return edit.start if self._stands_for(edit) else edit.end
        return edit.end + position - end

    def _source_end(self, position: int) -> int:
        number = bisect_left(self._starts, position) - 1
        if number < 0:
            return position
        edit, end = self.edits[number], self._ends[number]
        if position <= end and edit.put:
            return edit.end if self._stands_for(edit) else edit.start
        return edit.end + position - end

    def _view_start(self, position: int) -> int:
        number = bisect_right(self._edit_starts, position) - 1
        if number < 0:
            return position
        edit, end = self.edits[number], self._ends[number]
        if position < edit.end:
            return self._starts[number] if self._stands_for(edit) else end
        return end + position - edit.end

    def _view_end(self, position: int) -> int:
        number = bisect_left(self._edit_starts, position) - 1
        if number < 0:
            return position
        edit, end = self.edits[number], self._ends[number]
        if position < edit.end:
            return end if self._stands_for(edit) else self._starts[number]
        return end + position - edit.end

    def _stands_for(self, edit: Edit) -> bool:
        """Return whether what an edit puts stands for characters that mean something."""
        return bool(edit.put) and any(map(str.isalnum, self.source[edit.start : edit.end]))


def load_edits(values: Any) -> tuple[Edit, ...] | None:  # noqa: ANN401 - whatever JSON holds
    """Return the edits in the form of `View.dump`; None for anything else."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return None
    try:
        return tuple(Edit(int(start), int(end), str(put)) for start, end, put in values)
    except (TypeError, ValueError):
        return None


def view_of(text: str | None, meta: Mapping[str, Any]) -> View:
    """Return the view of a passage, whose edits are in its metadata under `EDITS`.

    A passage without edits, as older versions and other programs write them, is read as it is.
    """
    text = text or ""
    edits = load_edits(meta.get(EDITS))
    if edits is None:
        return View(text)
    try:
        return View(text, edits, lines_end=True)
    except ValueError:
        return View(text)
