"""Surroundings of found passages: the part of the document in which they stand.

A list, a procedure or a table may begin before a passage and end behind it. The surroundings of a
passage reach from the passage before it to the second one behind; those of passages of one document
that touch are one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from haystack import Document

from rag.errors import StoreError, UnavailableError
from rag.reading.evidence import heading_names
from rag.retrieval.passages import as_passage
from rag.schema import Passage
from rag.stores.contract import Store
from rag.view import Edit, Span, View

BEFORE, BEHIND = 1, 2  # passages
_FENCE = re.compile(r"^[ ]{0,3}(?:```|~~~)", re.MULTILINE)


@dataclass(frozen=True)
class Surroundings:
    """A part of a document that holds found passages.

    Attributes:
        start: Offset of the part in the document's stored text.
        view: The part in readable form.
        passages: The passages in it in the document's order; those found have their rank, the
            others rank 0.
        headings: Texts of the headings in it.
        in_code: Whether it begins inside a fenced block of code.
    """

    start: int
    view: View
    passages: tuple[Passage, ...]
    headings: frozenset[str]
    in_code: bool = False

    @cached_property
    def found(self) -> tuple[Passage, ...]:
        """The passages that were found, in the document's order."""
        return tuple(passage for passage in self.passages if passage.rank)

    def to_view(self, start: int, end: int) -> Span:
        """Return the span of the readable text that shows a span of the document's text."""
        return self.view.to_view(start - self.start, end - self.start)

    def to_document(self, start: int, end: int) -> Span:
        """Return the span of the document's text that a span of the readable text shows."""
        first, last = self.view.cover(start, end)
        part = self.view.source[first:last]
        first += len(part) - len(part.lstrip())
        return self.start + first, self.start + first + len(part.strip())

    def line_in_document(self, start: int, end: int) -> Span:
        """Return the line of the document's text that a span of the readable text shows."""
        text = self.view.source
        first, last = self.view.to_source(start, end)
        first, newline = text.rfind("\n", 0, first) + 1, text.find("\n", last)
        line = text[first : newline if newline >= 0 else len(text)]
        first += len(line) - len(line.lstrip())
        return self.start + first, self.start + first + len(line.strip())

    def quote(self, start: int, end: int) -> str:
        """Return the characters `start` to `end` of the document's stored text."""
        return self.view.source[start - self.start : end - self.start]

    def passage_at(self, start: int) -> Passage:
        """Return the passage that holds an offset of the document: a found one if there is one."""
        held = [each for each in self.passages if each.start <= start < each.end]
        before = [each for each in self.passages if each.start <= start] or self.passages[:1]
        return min(held, key=lambda each: (not each.rank, each.rank), default=before[-1])


def read_surroundings(
    store: Store, documents: Sequence[Document], generation: int, *, alone: bool = False
) -> list[Surroundings]:
    """Return the surroundings of passages, in the order of the best passage in each.

    A passage whose document is not stored, has changed since, or cannot be read now is its own
    surroundings.

    Args:
        store: The collection.
        documents: Found passages, best first.
        generation: The generation that they were found in.
        alone: Whether nothing else may be seen, as a filter has chosen the passages.
    """
    found = {each.id: as_passage(rank, each) for rank, each in enumerate(documents, 1)}
    meta = {each.id: each for each in documents}
    for each in () if alone else _neighbours(store, documents, generation):
        found.setdefault(each.id, as_passage(0, each))
        meta.setdefault(each.id, each)
    groups: dict[str, list[Passage]] = {}
    for passage in found.values():
        groups.setdefault(passage.document_id, []).append(passage)
    made: list[Surroundings] = []
    for document_id, passages in groups.items():
        text = _text_of(store, document_id)
        passages.sort(key=lambda each: (each.start, each.end))
        for run in _runs(passages):
            headings = frozenset().union(*(heading_names(meta[p.passage_id].meta) for p in run))
            made += _surroundings(run, text, headings - {""})
    return sorted(made, key=lambda each: min(passage.rank for passage in each.found))


def _neighbours(store: Store, documents: Sequence[Document], generation: int) -> list[Document]:
    wanted = dict.fromkeys(
        f"{each.meta['document_id']}:{number}"
        for each in documents
        if isinstance(each.meta.get("number"), int) and each.meta.get("document_id")
        for number in range(each.meta["number"] - BEFORE, each.meta["number"] + BEHIND + 1)
        if number >= 0
    )
    known = {each.id for each in documents}
    try:
        return store.passages_by_id([each for each in wanted if each not in known], generation)
    except UnavailableError:
        return []  # what stands around the passages is not seen; they are


def _text_of(store: Store, document_id: str) -> str | None:
    try:
        return store.text_of(document_id)
    except StoreError:
        return None


def _runs(passages: Sequence[Passage]) -> Iterable[list[Passage]]:
    """Yield the passages of a document in runs of neighbours that hold a found one."""
    run: list[Passage] = []
    last: int | None = None
    for passage in passages:
        number = _number(passage)
        if run and (number is None or last is None or number > last + 1):
            yield run
            run = []
        run.append(passage)
        last = number
    if run:
        yield run


def _number(passage: Passage) -> int | None:
    _, _, number = passage.passage_id.rpartition(":")
    return int(number) if number.isdecimal() else None


def _surroundings(
    passages: Sequence[Passage], text: str | None, headings: frozenset[str]
) -> Iterable[Surroundings]:
    start, end = passages[0].start, max(passage.end for passage in passages)
    if text is None or any(text[p.start : p.end] != p.text for p in passages):
        for passage in passages:
            if passage.rank:
                yield Surroundings(passage.start, passage.view, (passage,), headings)
        return
    if not any(passage.rank for passage in passages):
        return
    edits: list[Edit] = []
    for passage in passages:
        shift, last = passage.start - start, edits[-1].end if edits else 0
        own = (e for e in passage.edits or () if not _introduces(e))
        moved = (Edit(e.start + shift, e.end + shift, e.put) for e in own)
        edits += [each for each in moved if each.start >= last and each not in edits[-8:]]
    is_view = all(passage.edits is not None for passage in passages)
    view = View(text[start:end], edits, lines_end=is_view)
    in_code = len(_FENCE.findall(text[:start])) % 2 == 1
    yield Surroundings(start, view, tuple(passages), headings, in_code)


def _introduces(edit: Edit) -> bool:
    """Return whether an edit shows what introduces a list again, at the start of a passage."""
    return edit.start == edit.end == 0 and "\n" in edit.put
