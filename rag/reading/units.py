"""Units of a text that may be quoted: a sentence, a list with what introduces it, a row of a table.

A unit has parts, each of which is cited on its own: the sentence that introduces a list and its
items, a table's header and a row. A heading is never a unit.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.language.sentences import sentence_spans
from rag.reading.blocks import TextBlock, blocks_of
from rag.reading.surroundings import Surroundings
from rag.view import Span

UnitKind = Literal[
    "sentence", "pair", "paragraph", "item", "list", "steps", "row", "table", "code"
]  # fmt: skip

LONGEST_PARAGRAPH = 700  # characters; of a longer one three sentences are a unit
LONGEST_UNIT = 1600
LONGEST_LEAD = 300
LONGEST_RUN = 900  # characters of a run of code
LONGEST_BETWEEN = 160  # characters of a paragraph inside it
MOST_ITEMS = 40

_NUMBER = re.compile(
    r"\s*[(（]?(\d{1,3})[.)、）．]|\s*(?:步骤|step)\s*(\d+)|\s*第\s*(\d+)\s*步", re.IGNORECASE
)
_DRAWING = re.compile(r"\s*(?:```|~~~)\s*(?:mermaid|plantuml|dot|graphviz|svg)\b")
_NUMBERED_HEADING = re.compile(
    r"[#\s]*(?:步骤|step|第)?\s*(\d{1,2})\s*(?:[.．、:：)]|步|\s-)", re.IGNORECASE
)


@dataclass(frozen=True)
class Unit:
    """Something that can be quoted.

    Attributes:
        kind: Its kind; `steps` is a list in an order.
        parts: Spans of the surroundings' readable text, in order.
        heading: Text of the heading above it, or an empty string.
        lead: Number of parts at the beginning that introduce the others.
    """

    kind: UnitKind
    parts: tuple[Span, ...]
    heading: str = ""
    lead: int = 0

    @property
    def start(self) -> int:
        """Offset of its first character in the readable text."""
        return self.parts[0][0]

    @property
    def end(self) -> int:
        """Offset behind its last character in the readable text."""
        return self.parts[-1][1]

    @property
    def size(self) -> int:
        """Number of characters of all parts."""
        return sum(end - start for start, end in self.parts)

    def touches(self, start: int, end: int) -> bool:
        """Return whether a part shares characters with a span."""
        return any(first < end and start < last for first, last in self.parts)

    def text(self, surroundings: Surroundings) -> str:
        """Return the readable text of its parts, a line each."""
        whole = surroundings.view.text
        return "\n".join(whole[start:end] for start, end in self.parts)


def units_of(surroundings: Surroundings) -> list[Unit]:
    """Return the units that touch a found passage, in order of their beginning.

    Units may overlap: a sentence, its paragraph, and the list that it introduces are three.
    """
    blocks = blocks_of(surroundings.view, surroundings.headings, in_code=surroundings.in_code)
    text = surroundings.view.text
    headings = _headings(text, blocks)
    made = [
        *_sentences_and_paragraphs(text, blocks, headings),
        *_lists(text, blocks, headings),
        *_rows(text, blocks, headings),
        *_code(text, blocks, headings),
        *_numbered_sections(text, blocks, headings),
    ]
    found = [surroundings.to_view(each.start, each.end) for each in surroundings.found]
    made = [unit for unit in made if any(unit.touches(*span) for span in found)]
    unique = {(unit.kind, unit.parts): unit for unit in made}
    return sorted(unique.values(), key=lambda unit: (unit.start, unit.end))


def item_number(text: str) -> int | None:
    """Return the number of an item of a list; None if it has none.

    Example:
        >>> item_number("2. Open it."), item_number("第 3 步，关闭"), item_number("- Open it.")
        (2, 3, None)
    """
    match = _NUMBER.match(text)
    return int(next(filter(None, match.groups()))) if match else None


def _headings(text: str, blocks: Sequence[TextBlock]) -> list[str]:
    """Return the text of the heading above each block."""
    found, now = [], ""
    for block in blocks:
        if block.kind == "heading":
            now = text[block.start : block.end]
        found.append(now)
    return found


def _sentences_and_paragraphs(
    text: str, blocks: Sequence[TextBlock], headings: Sequence[str]
) -> Iterator[Unit]:
    for place, block in enumerate(blocks):
        if block.kind not in ("paragraph", "item"):
            continue
        heading = headings[place]
        spans = [
            (block.start + start, block.start + end)
            for start, end in sentence_spans(text[block.start : block.end], lines_end=True)
        ]
        yield from (Unit("sentence", (span,), heading) for span in spans)
        if block.kind == "item":
            continue
        yield from (Unit("pair", (one, two), heading) for one, two in pairwise(spans))
        if block.end - block.start <= LONGEST_PARAGRAPH:
            yield Unit("paragraph", tuple(spans), heading)
            following = blocks[place + 1] if place + 1 < len(blocks) else None
            if (following and following.kind == "paragraph"
                    and following.end - block.start <= LONGEST_PARAGRAPH):  # fmt: skip
                more = [
                    (following.start + start, following.start + end)
                    for start, end in sentence_spans(
                        text[following.start : following.end], lines_end=True
                    )
                ]
                yield Unit("paragraph", (*spans, *more), heading)
        else:
            for first in range(0, max(len(spans) - 2, 1), 2):
                yield Unit("paragraph", tuple(spans[first : first + 3]), heading)


def _lists(text: str, blocks: Sequence[TextBlock], headings: Sequence[str]) -> Iterator[Unit]:
    """Yield runs of items with the sentence that introduces them."""
    for first, last in _runs_of_items(text, blocks):
        lead = _lead(text, blocks, first)
        numbers = [item_number(text[b.start : b.end]) for b in blocks[first:last]
                   if b.kind == "item"]  # fmt: skip
        kind: UnitKind = "steps" if numbers and numbers[0] is not None else "list"
        items = [(b.start, b.end) for b in blocks[first:last] if b.kind == "item"]
        if len(items) > 1:
            yield from (
                Unit("item", (*lead[-1:], item), headings[first], len(lead[-1:])) for item in items
            )
        parts, size = list(lead), 0
        for block in blocks[first:last]:
            size += block.end - block.start
            if parts[len(lead) :] and (size > LONGEST_UNIT or len(parts) > MOST_ITEMS):
                break
            parts.append((block.start, block.end))
        yield Unit(kind, tuple(parts), headings[first], len(lead))


def _runs_of_items(text: str, blocks: Sequence[TextBlock]) -> Iterator[tuple[int, int]]:
    """Yield the first block of each run of items, and the one behind it.

    Code that is indented belongs to the item above it; code and paragraphs between two items whose
    numbers follow each other belong to the first.
    """
    place = 0
    while place < len(blocks):
        if blocks[place].kind != "item":
            place += 1
            continue
        end, ahead = place + 1, place + 1
        number = item_number(text[blocks[place].start : blocks[place].end])
        while ahead < len(blocks) and ahead - end <= 3:
            block = blocks[ahead]
            if block.kind in ("heading", "row", "header"):
                break
            if block.kind == "item":
                following = item_number(text[block.start : block.end])
                counts = number is not None and following == number + 1
                if ahead > end and not counts:
                    break
                number, end = following if following is not None else number, ahead + 1
            elif block.kind == "code" and ahead == end and block.indent > blocks[place].indent:
                end = ahead + 1
            ahead += 1
        yield place, end
        place = end


def _lead(text: str, blocks: Sequence[TextBlock], first: int) -> tuple[Span, ...]:
    """Return the sentences that introduce a block: a short paragraph, or the last of a long one."""
    if not first or blocks[first - 1].kind != "paragraph":
        return ()
    before = blocks[first - 1]
    if text[before.end : blocks[first].start].strip():
        return ()
    spans = [
        (before.start + start, before.start + end)
        for start, end in sentence_spans(text[before.start : before.end], lines_end=True)
    ]
    return tuple(spans if before.end - before.start <= LONGEST_LEAD else spans[-1:])


def _rows(text: str, blocks: Sequence[TextBlock], headings: Sequence[str]) -> Iterator[Unit]:
    """Yield each row of a table with its header, and each table that is not long."""
    header: TextBlock | None = None
    rows: list[TextBlock] = []
    for place, block in enumerate([*blocks, TextBlock("markup", len(text), len(text))]):
        if block.kind == "row":
            rows.append(block)
            continue
        if rows:
            heading = headings[place - 1]
            head = ((header.start, header.end),) if header else ()
            for row in rows:
                yield Unit("row", (*head, (row.start, row.end)), heading, len(head))
            table = (*head, *((row.start, row.end) for row in rows))
            if len(rows) > 1 and sum(end - start for start, end in table) <= LONGEST_UNIT:
                yield Unit("table", table, heading, len(head))
        rows, header = [], block if block.kind == "header" else None


def _code(text: str, blocks: Sequence[TextBlock], headings: Sequence[str]) -> Iterator[Unit]:
    """Yield each block of code with the sentence before it, and the run of code that it begins.

    In a run only short paragraphs stand between the blocks, as between steps.
    """
    for place, block in enumerate(blocks):
        if block.kind != "code" or block.end - block.start > LONGEST_UNIT:
            continue
        if _DRAWING.match(text, block.start, block.end):
            continue
        lead = _lead(text, blocks, place)
        yield Unit("code", (*lead, (block.start, block.end)), headings[place], len(lead))
        run, ahead = [place], place + 1
        while ahead < len(blocks) and blocks[ahead].end - block.start <= LONGEST_RUN:
            between = blocks[ahead].end - blocks[ahead].start
            if blocks[ahead].kind == "code":
                run.append(ahead)
            elif blocks[ahead].kind != "paragraph" or between > LONGEST_BETWEEN:
                break
            ahead += 1
        if len(run) > 1:
            parts = [(each.start, each.end) for each in blocks[place : run[-1] + 1]]
            yield Unit("code", (*lead, *parts), headings[place], len(lead))


def _numbered_sections(
    text: str, blocks: Sequence[TextBlock], headings: Sequence[str]
) -> Iterator[Unit]:
    """Yield runs of headings that count from 1, as the steps of a procedure."""
    numbered = [
        (place, int(match[1]))
        for place, block in enumerate(blocks)
        if block.kind == "heading"
        and (match := _NUMBERED_HEADING.match(text, block.start, block.end))
    ]
    for index, (place, number) in enumerate(numbered):
        if number != 1:
            continue
        run = [place]
        for other, following in numbered[index + 1 :]:
            if following != len(run) + 1:
                break
            run.append(other)
        if len(run) >= 3:
            lead = _lead(text, blocks, place)
            parts = [(blocks[each].start, blocks[each].end) for each in run]
            above = headings[place - 1] if place else ""
            yield Unit("steps", (*lead, *parts), above, len(lead))
