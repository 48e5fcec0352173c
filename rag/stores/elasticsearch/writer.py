"""The only writer of a collection on a cluster."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from rag.errors import StoreError
from rag.language.analysis import ANALYZER_VERSION
from rag.stores.contract import Failure, Manifest, RefusedDocument, StoredDocument
from rag.stores.elasticsearch.bulk import RowChange, send
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.index import (
    Head,
    Names,
    open_index,
    read_state,
    with_dimension,
    write_head,
    write_state,
)
from rag.stores.elasticsearch.lock import Lock
from rag.stores.elasticsearch.pending_changes import Drop, Pending, Put, Settled
from rag.stores.elasticsearch.rebuild import NewEmbedding
from rag.stores.elasticsearch.repair import collect_garbage, refresh, repair
from rag.stores.elasticsearch.rows import (
    DOCUMENT,
    FAILURE,
    PASSAGE,
    Row,
    failure_row,
    failures_of,
    live,
    one_of,
    row_id,
)
from rag.stores.elasticsearch.scanning import count, next_number, scan
from rag.stores.validation import as_vector, check_manifest

log = logging.getLogger(__name__)

IDS_AT_ONCE = 10_000


class ElasticWriter:
    """Changes to a collection that become visible together; see `rag.stores.contract.Writer`.

    Changes are made in the generation after the published one. `commit` makes them durable, so
    that a run that is killed can resume; `publish` makes them visible.

    Args:
        cluster: The cluster.
        names: The collection.
        rebuild: Rebuilds the index if another analyser made its tokens.
        before_publishing: Called with the generation that is about to be published.

    Attributes:
        generation: The generation being made.
        recovered: Number of documents that an interrupted run had committed but not published.
    """

    def __init__(
        self,
        cluster: Cluster,
        names: Names,
        *,
        rebuild: Callable[..., None],
        before_publishing: Callable[[int], None],
    ) -> None:
        self._cluster, self._names = cluster, names
        self._rebuild, self._before_publishing = rebuild, before_publishing
        self._held = ExitStack()
        self.generation = 0
        self.recovered = 0

    def __enter__(self) -> Self:
        """Take the lock, and repair the remains of an interrupted run."""
        with ExitStack() as held:
            self._lock = held.enter_context(Lock(self._cluster, self._names))
            self._start()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock; uncommitted changes are discarded."""
        self._held.close()

    def _start(self) -> None:
        cluster, index = self._cluster, self._names.alias
        self._head: Head = open_index(cluster, self._names, create=False)
        head = self._head
        refresh(cluster, index)
        state = read_state(cluster, index, patient=True)
        # From now on a writer that was thought dead cannot publish any more.
        owner = self._lock.owner
        self._state = write_state(cluster, head, state.generation, last=state, writer=owner)
        self.generation = state.generation + 1
        collect_garbage(cluster, index, head.dense, before=state.generation - 1)
        repair(cluster, index, head.dense, self.generation)
        refresh(cluster, index)
        self._pending = Pending(self.generation, next_number(cluster, index, _ROWS))
        self.recovered = count(cluster, index, _added(DOCUMENT, self.generation), patient=True)
        self._is_empty = self._pending.next_number == 1
        self._changed = count(cluster, index, _touched(self.generation), patient=True) > 0
        self._removed: list[str] = []
        rows = scan(cluster, index, {"term": {"kind": FAILURE}}, patient=True)
        self._failures = {row["path"]: failures_of(row) for row in rows}
        self._failed: set[str] = set()  # paths whose list has changed

    # -- documents

    def use(self, manifest: Manifest) -> None:
        """Set the settings of the collection, or check that they match.

        Raises:
            MismatchError: If the collection was made with other settings; names the setting.
        """
        made = self._head.manifest
        if made is not None:
            check_manifest(self._names.collection, made, manifest)
        else:
            self._check_dimension(manifest.dimension, None)
        if self._head.tokens != ANALYZER_VERSION:
            self.rebuild()
        renewed = made.renewed(manifest) if made else manifest
        if made != renewed or made.floor != renewed.floor:
            self._change_head(replace(self._head, manifest=renewed))

    def replace(self, document: StoredDocument, passages: Sequence[Document]) -> None:
        """Replace the document with this id, and its passages."""
        for passage in passages:
            self._check_vector(passage)
        owned = [(passage, document.document_id) for passage in passages]
        self._pending.add(Put(document, owned))

    def remove(self, document_ids: Sequence[str]) -> None:
        """Remove documents and their passages."""
        self._pending.add(Drop(documents=list(document_ids)))

    def remove_path(self, path: str) -> None:
        """Remove the documents that were read from a path."""
        self._pending.add(Drop(path=path))

    def fail(self, failures: Sequence[Failure], paths: Sequence[str]) -> None:
        """List the failures of some paths, replacing earlier ones."""
        for path in paths:
            if self._failures.pop(path, None):
                self._failed.add(path)
        for failure in failures:
            key = failure.path or failure.source
            self._failures.setdefault(key, []).append(failure)
            self._failed.add(key)

    # -- single passages

    def write(self, passages: Sequence[Document], policy: DuplicatePolicy) -> int:
        """Write passages by id; return how many were written."""
        for passage in passages:
            self._check_vector(passage)
        there = self._pending.find_passages([passage.id for passage in passages], self._find)
        chosen: list[tuple[Document, str | None]] = []
        for passage in passages:
            if passage.id in there:
                if policy == DuplicatePolicy.SKIP:
                    continue
                if policy != DuplicatePolicy.OVERWRITE:
                    raise DuplicateDocumentError(f"the id '{passage.id}' exists already")
            there.setdefault(passage.id, None)
            chosen.append((passage, there[passage.id]))
        self._pending.add(Put(None, chosen))
        return len(chosen)

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Delete passages by id."""
        self._pending.add(Drop(passages=list(passage_ids)))

    def clear(self) -> None:
        """Delete every document and passage."""
        self._pending.add(Drop(everything=True))

    # -- durability

    def rebuild(self, remade: NewEmbedding | None = None) -> None:
        """Rebuild the index with the current settings, and continue writing to the new one.

        With new vectors this writer can do nothing afterwards.
        """
        self._lock.check()
        self._rebuild(self._cluster, self._names, writer=self._lock.owner, remade=remade)
        self._head = open_index(self._cluster, self._names, create=False)
        self._state = read_state(self._cluster, self._names.alias, patient=True)

    def commit(self) -> Sequence[RefusedDocument]:
        """Make all changes so far durable, though not yet visible; return refused documents.

        A document with a refused row stays unchanged.

        Raises:
            LockedError: If another process has taken the lock.
            StoreError: If the cluster does not accept them; retry then.
        """
        self._lock.check()
        settled = self._pending.settle(self._find)
        refused = self._send(settled.passages, settled)
        refused |= self._send(_without(settled.documents, refused, settled), settled)
        self._take_back(settled, refused)
        for gone in (settled.gone_documents, settled.gone_passages):
            kept = _without(gone, refused, settled)
            for name, reason in self._send(kept, settled).items():
                raise StoreError(f"`{name}` was not deleted: {reason}. Run the same command again.")
            self._removed += [name for name, change in kept.items() if change.row is not None]
        self._send_failures()
        return [RefusedDocument(owner, reason) for owner, reason in refused.items()]

    def publish(self) -> int:
        """Make all changes visible at once; return the generation that is then published.

        Without any change the published generation stays as it is.

        Raises:
            StoreError: If a passage was refused, or a removal is not visible in the index.
        """
        refusals = self.commit()
        if refusals:
            raise StoreError(f"`{refusals[0].document_id}` was refused: {refusals[0].reason}.")
        cluster, index, published = self._cluster, self._names.alias, self.generation - 1
        if not self._changed:
            return published
        refresh(cluster, index)
        self._verify_removed()
        if not count(cluster, index, _touched(self.generation), patient=True):
            return published
        self._before_publishing(self.generation)
        self._lock.check()
        owner, last = self._lock.owner, self._state
        self._state = write_state(cluster, self._head, self.generation, last=last, writer=owner)
        self.generation += 1
        self._pending = Pending(self.generation, self._pending.next_number)
        self._changed, self._is_empty, self._removed = False, False, []
        return self.generation - 1

    # -- internals

    def _find(self, query: Query) -> Iterator[Row]:
        """Yield rows that existed when this run began, and perhaps some of its own."""
        if self._is_empty:
            return iter(())
        return scan(self._cluster, self._names.alias, query, patient=True)

    def _send(self, changes: dict[str, RowChange], settled: Settled) -> dict[str, str]:
        """Send changes; return document id, or the row's own, -> reason of the refusal."""
        if not changes:
            return {}
        self._changed = True
        refused = send(self._cluster, self._names.alias, changes, dense=self._head.dense)
        return {settled.owners[name]: reason for name, reason in refused.items()}

    def _take_back(self, settled: Settled, refused: dict[str, str]) -> None:
        """Delete the new rows of documents with a refused row; the old ones stay."""
        if not refused:
            return
        gone = {**settled.gone_documents, **settled.gone_passages}
        kept = [name for name in gone if settled.owners[name] in refused]
        back = self._pending.take_back(list(refused), kept)
        self._send({**back.gone_documents, **back.gone_passages}, back)

    def _send_failures(self) -> None:
        changes = {
            row_id(FAILURE, path): RowChange(
                failure_row(path, self._failures[path]) if self._failures.get(path) else None
            )
            for path in self._failed
        }
        if changes:  # they are listed before anything is published
            alias, dense = self._names.alias, self._head.dense
            for reason in send(self._cluster, alias, changes, dense=dense, refresh=True).values():
                raise StoreError(f"the list of failures cannot be stored: {reason}.")
        self._failed.clear()

    def _verify_removed(self) -> None:
        """Refuse to publish while a removed row can still be found."""
        for start in range(0, len(self._removed), IDS_AT_ONCE):
            ids: Query = {"ids": {"values": self._removed[start : start + IDS_AT_ONCE]}}
            alias = self._names.alias
            left = sum(count(self._cluster, alias, live(k, ids), patient=True) for k in _KINDS)
            if left:
                raise StoreError(
                    f"{left} removed rows are still there. Run the same command again."
                )

    def _check_vector(self, passage: Document) -> None:
        if passage.embedding is None:
            return
        vector = as_vector(passage.embedding, f"the vector of passage `{passage.id}`")
        self._check_dimension(len(vector), passage.id)

    def _check_dimension(self, dimension: int, passage_id: str | None) -> None:
        expected = self._head.dimension
        if not expected:
            self._change_head(with_dimension(self._head, dimension))
        elif dimension != expected:
            raise ValueError(
                f"the vector of passage `{passage_id}` has {dimension} dimensions, the collection "
                f"{expected}"
            )

    def _change_head(self, head: Head) -> None:
        self._lock.check()
        write_head(self._cluster, self._names, head)
        self._head = head


_KINDS = (PASSAGE, DOCUMENT)
_ROWS: Query = one_of("kind", _KINDS)


def _added(kind: str, generation: int) -> Query:
    return {"bool": {"filter": [{"term": {"kind": kind}}, {"term": {"added": generation}}]}}


def _touched(generation: int) -> Query:
    """Return the query for the rows that a generation adds or removes."""
    touched = [{"term": {"added": generation}}, {"term": {"removed": generation}}]
    return {"bool": {"filter": [_ROWS], "should": touched, "minimum_should_match": 1}}


def _without(
    changes: dict[str, RowChange], refused: Iterable[str], settled: Settled
) -> dict[str, RowChange]:
    """Return the changes without those of documents with a refused row."""
    among = set(refused)
    return {n: change for n, change in changes.items() if settled.owners[n] not in among}
