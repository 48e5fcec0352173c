"""Pending changes of a writer, in order, and the resulting changes to rows.

`Pending` collects puts and drops; `settle` asks the index for the current rows and returns the
changes to rows. Nothing here is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from haystack import Document

from rag.stores.contract import StoredDocument
from rag.stores.elasticsearch.bulk import RowChange
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.rows import (
    DOCUMENT,
    PASSAGE,
    Row,
    document_row,
    live,
    one_of,
    passage_row,
    row_id,
)

Find = Callable[[Query], Iterator[Row]]
"""Searches the index for rows and returns them with their ids as `_id`."""

_SENT_FIELDS = ("_id", "kind", "id", "document", "path", "added")  # of a row sent in this run


@dataclass(frozen=True)
class Put:
    """A document with its passages; or single passages, each with or without a document."""

    document: StoredDocument | None
    passages: Sequence[tuple[Document, str | None]]


@dataclass(frozen=True)
class Drop:
    """Documents with their passages, by id or path; passages; or everything."""

    documents: Sequence[str] = ()
    path: str | None = None
    passages: Sequence[str] = ()
    everything: bool = False


@dataclass
class Settled:
    """Changes to rows, in an order that keeps the index sound if sending stops at any point.

    Attributes:
        passages: New passages.
        documents: New documents; passages without their document do not count.
        gone_documents: Documents to remove.
        gone_passages: Passages to remove; their document is removed before them.
        owners: Row id -> document id, or the passage's own if it has no document.
    """

    passages: dict[str, RowChange] = field(default_factory=dict)
    documents: dict[str, RowChange] = field(default_factory=dict)
    gone_documents: dict[str, RowChange] = field(default_factory=dict)
    gone_passages: dict[str, RowChange] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


class Rows:
    """Rows indexed by their own id, by identity, and by owner."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[str, Row] = {}
        self._holding: dict[str, set[str]] = {}
        self._below: dict[str, set[str]] = {}
        for row in rows:
            self.add(row)

    def __iter__(self) -> Iterator[Row]:
        """Yield all rows."""
        return iter(list(self._rows.values()))

    def add(self, row: Row) -> None:
        """Add a row, replacing one with the same id."""
        self.remove(row["_id"])
        self._rows[row["_id"]] = row
        self._holding.setdefault(row["id"], set()).add(row["_id"])
        self._below.setdefault(_owner(row), set()).add(row["_id"])

    def remove(self, name: str) -> None:
        """Remove a row by its own id, if it exists."""
        row = self._rows.pop(name, None)
        if row is not None:
            self._holding[row["id"]].discard(name)
            self._below[_owner(row)].discard(name)

    def holding(self, identities: Iterable[str]) -> list[Row]:
        """Return the rows of these documents or passages."""
        return self._named(self._holding, identities)

    def below(self, owners: Iterable[str]) -> list[Row]:
        """Return the passages of these documents, or the documents of these paths."""
        return self._named(self._below, owners)

    def _named(self, index: dict[str, set[str]], keys: Iterable[str]) -> list[Row]:
        return [self._rows[name] for key in set(keys) for name in index.get(key, ())]


def _owner(row: Row) -> str:
    return str(row.get("document" if row["kind"] == PASSAGE else "path") or "")


class Pending:
    """The pending changes of one writer.

    Args:
        generation: The generation being made.
        next_number: The age of the next row.
    """

    def __init__(self, generation: int, next_number: int) -> None:
        self.generation, self.next_number = generation, next_number
        self._waiting: list[Put | Drop] = []
        self._sent = {PASSAGE: Rows(), DOCUMENT: Rows()}  # in this run; searches may not show them
        self._gone: set[str] = set()  # row ids; searches may still show them

    def add(self, change: Put | Drop) -> None:
        """Append a change to the pending ones."""
        self._waiting.append(change)

    def discard(self) -> None:
        """Discard the pending changes."""
        self._waiting.clear()

    def take_back(self, owners: Sequence[str], kept: Iterable[str]) -> Settled:
        """Return the changes that undo this run's changes to some documents; `kept` rows stay."""
        self._gone -= set(kept)
        self.add(Drop(documents=owners, passages=owners))
        return self.settle(lambda query: iter(()))

    def find_passages(self, passage_ids: Sequence[str], find: Find) -> dict[str, str | None]:
        """Return passage id -> document id or None, for those ids that exist."""
        table = self._apply(find, Drop(passages=passage_ids))
        found = table.rows[PASSAGE].holding(passage_ids)
        return {row["id"]: row.get("document") for row in found}

    def settle(self, find: Find) -> Settled:
        """Return the changes to rows of all pending changes, which are pending no more."""
        table = self._apply(find)
        self._waiting.clear()
        settled = table.settled
        for kind, new, gone in (
            (PASSAGE, settled.passages, settled.gone_passages),
            (DOCUMENT, settled.documents, settled.gone_documents),
        ):
            self._gone |= gone.keys()
            self._gone -= new.keys()
            for name in gone:
                self._sent[kind].remove(name)
            for name, change in new.items():
                row = {"_id": name, **(change.row or {})}
                self._sent[kind].add({key: row[key] for key in _SENT_FIELDS if key in row})
        return settled

    def _apply(self, find: Find, *also: Drop) -> "_RowTable":
        drops = [_dropped_by(change) for change in self._waiting]
        table = _RowTable(self, _RowsNeeded([*drops, *also]), find)
        for change in self._waiting:
            table.apply(change)
        return table

    def known(self, kind: str, wanted: "_RowsNeeded", found: Iterable[Row]) -> Rows:
        """Return the current rows: those found by a search, and those sent in this run."""
        sent = self._sent[kind]
        own = list(sent) if wanted.everything else wanted.among(kind, sent)
        rows = Rows(row for row in found if row["_id"] not in self._gone)
        for row in own:
            rows.add(row)
        return rows


def _dropped_by(change: Put | Drop) -> Drop:
    """Return the removal that a change implies."""
    if isinstance(change, Drop):
        return change
    passages = [passage.id for passage, _ in change.passages]
    return Drop([change.document.document_id] if change.document else [], passages=passages)


class _RowsNeeded:
    """The rows of the index that some changes depend on, as queries."""

    def __init__(self, drops: Sequence[Drop]) -> None:
        self.everything = any(drop.everything for drop in drops)
        self.documents = {each for drop in drops for each in drop.documents}
        self.paths = {drop.path for drop in drops if drop.path is not None}
        self.passages = {each for drop in drops for each in drop.passages}

    def query(self, kind: str) -> Query | None:
        """Return the query for the rows of a kind; None if none are needed."""
        if self.everything:
            return live(kind)
        names = {"id": self.documents, "path": self.paths}
        if kind == PASSAGE:
            names = {"id": self.passages, "document": self.documents}
        parts = [one_of(field, sorted(values)) for field, values in names.items() if values]
        some = {"bool": {"should": parts, "minimum_should_match": 1}}
        return live(kind, some) if parts else None

    def among(self, kind: str, rows: Rows) -> list[Row]:
        """Return the needed ones of some rows."""
        if kind == PASSAGE:
            return rows.holding(self.passages) + rows.below(self.documents)
        return rows.holding(self.documents) + rows.below(self.paths)


class _RowTable:
    """The rows that some changes affect, and their new state."""

    def __init__(self, pending: Pending, wanted: _RowsNeeded, find: Find) -> None:
        self._pending, self.settled = pending, Settled()
        self.rows: dict[str, Rows] = {}
        for kind in (DOCUMENT, PASSAGE):
            query = wanted.query(kind)
            found = find(query) if query else ()
            self.rows[kind] = pending.known(kind, wanted, found)
            wanted.documents |= {row["id"] for row in self.rows[DOCUMENT]}

    def apply(self, change: Put | Drop) -> None:
        """Apply one change."""
        self._drop(_dropped_by(change))
        if isinstance(change, Drop):
            return
        generation = self._pending.generation
        whole = generation if change.document else None
        for passage, document_id in change.passages:
            # In one batch the same id may occur twice: the later one stays.
            self._drop(Drop(passages=[passage.id]))
            row = passage_row(
                passage, document_id, n=self._number(), generation=generation, whole=whole
            )
            self._add(self.settled.passages, self.settled.gone_passages, row)
        if change.document:
            row = document_row(change.document, n=self._number(), generation=generation)
            self._add(self.settled.documents, self.settled.gone_documents, row)

    def _number(self) -> int:
        self._pending.next_number += 1
        return self._pending.next_number - 1

    def _add(self, new: dict[str, RowChange], gone: dict[str, RowChange], row: Row) -> None:
        name = row_id(row["kind"], row["id"], self._pending.generation)
        gone.pop(name, None)
        new[name] = RowChange(row)
        self.rows[row["kind"]].add({"_id": name, **row})
        self._own(name, row)

    def _drop(self, drop: Drop) -> None:
        documents, passages = self.rows[DOCUMENT], self.rows[PASSAGE]
        if drop.everything:
            going, parts = list(documents), list(passages)
        else:
            going = documents.holding(drop.documents)
            going += documents.below([drop.path]) if drop.path is not None else []
            owners = [*drop.documents, *(row["id"] for row in going)]
            parts = passages.below(owners) + passages.holding(drop.passages)
        for row in {row["_id"]: row for row in going}.values():
            self._remove(documents, self.settled.documents, self.settled.gone_documents, row)
        for row in {row["_id"]: row for row in parts}.values():
            self._remove(passages, self.settled.passages, self.settled.gone_passages, row)

    def _remove(
        self, rows: Rows, new: dict[str, RowChange], gone: dict[str, RowChange], row: Row
    ) -> None:
        """Mark a row as removed; if it was never visible, remove it at once."""
        name = row["_id"]
        rows.remove(name)
        new.pop(name, None)
        kept = {key: value for key, value in row.items() if key != "_id"}
        generation = self._pending.generation
        is_new = row["added"] == generation
        gone[name] = RowChange(None if is_new else {**kept, "removed": generation})
        self._own(name, row)

    def _own(self, name: str, row: Row) -> None:
        owner = row["id"] if row["kind"] == DOCUMENT else row.get("document") or row["id"]
        self.settled.owners[name] = owner
