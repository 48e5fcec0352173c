"""Rebuild of a collection's index beside the old one, ending with an atomic move of the alias.

Used for another number of shards, another analyser, another way to search vectors, or other
vectors. Readers see the old index until the new one is complete.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.errors import StoreError
from rag.language.analysis import ANALYZER_VERSION
from rag.stores.contract import Embed, Manifest, Told
from rag.stores.document_codec import load_meta
from rag.stores.elasticsearch.bulk import MOST_ROWS, RowChange, send
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query, facets
from rag.stores.elasticsearch.index import (
    Head,
    Names,
    State,
    create_index,
    new_head,
    read_head,
    read_state,
    versions_of,
    write_state,
)
from rag.stores.elasticsearch.repair import refresh
from rag.stores.elasticsearch.rows import (
    DOCUMENT,
    FAILURE,
    PASSAGE,
    Row,
    one_of,
    passage_of,
    tokens_of,
)
from rag.stores.elasticsearch.scanning import count, scan
from rag.stores.validation import as_vectors

KEPT_GENERATIONS = 2  # that can be read


@dataclass(frozen=True)
class NewEmbedding:
    """New vectors for all passages.

    Attributes:
        manifest: The collection's manifest, with the new embedder.
        embed: Returns the vectors.
        told: Called with the progress.
    """

    manifest: Manifest
    embed: Embed
    told: Told


def rebuild_index(
    cluster: Cluster, names: Names, *, writer: str, remade: NewEmbedding | None = None
) -> None:
    """Fill the next version of an index and move the alias to it; the caller holds the lock.

    Args:
        cluster: The cluster, with the settings of the new index.
        names: The collection.
        writer: Name of the lock's holder.
        remade: New vectors of the passages; None keeps them. With new vectors, no change may be
            pending.

    Raises:
        StoreError: If not every row arrives; the old index stays then.
    """
    old, state = read_head(cluster, names), read_state(cluster, names.alias, patient=True)
    if old is None:
        raise StoreError(f"the index of `{names.collection}` is gone from {cluster.where}.")
    versions = versions_of(cluster, names)
    for leftover in versions.keys() - {old.index}:
        cluster.write(
            lambda client, leftover=leftover: client.indices.delete(  # type: ignore[misc]
                index=leftover, ignore_unavailable=True
            )
        )
    head = _head(old, new_head(cluster, names, max(versions.values()) + 1), remade)
    create_index(cluster, names, head, visible=False)
    # With new vectors no earlier generation can be read: neither from the rows, nor by name.
    generation = state.generation + (KEPT_GENERATIONS if remade else 0)
    kept = _kept(state.generation + (1 if remade else 0))
    _copy(cluster, old, head, kept, remade)
    before, after = (count(cluster, each.index, kept, patient=True) for each in (old, head))
    if before != after:
        raise StoreError(f"{after} of {before} rows arrived in `{head.index}`. Rebuild once more.")
    write_state(cluster, head, generation, last=State(0, -1, -1), writer=writer)
    moves = [
        {"add": {"index": head.index, "alias": names.alias}},
        {"remove_index": {"index": old.index}},
    ]
    _move(cluster, names, head, moves)


def _head(old: Head, fresh: Head, remade: NewEmbedding | None) -> Head:
    """Return the metadata of the new index; with new vectors it has another owner."""
    made = remade.manifest if remade else old.manifest
    analyzed = replace(made, analyzer=ANALYZER_VERSION) if made else None
    if remade:
        return replace(fresh, dimension=remade.manifest.dimension, manifest=analyzed)
    return replace(fresh, owner=old.owner, dimension=old.dimension, manifest=analyzed)


def _move(
    cluster: Cluster, names: Names, head: Head, moves: list[dict[str, dict[str, str]]]
) -> None:
    try:
        cluster.write(lambda client: client.indices.update_aliases(actions=moves))
    except StoreError:  # the answer to a successful move may have been lost
        now = read_head(cluster, names)
        if now is None or now.index != head.index:
            raise


def _kept(published: int) -> Query:
    """Return the query for the rows that are not garbage."""
    kinds = one_of("kind", (PASSAGE, DOCUMENT, FAILURE))
    garbage = {"range": {"removed": {"lte": published - 1}}}
    return {"bool": {"filter": [kinds], "must_not": [garbage]}}


def _copy(cluster: Cluster, old: Head, new: Head, kept: Query, remade: NewEmbedding | None) -> None:
    total = count(cluster, old.index, _embedded(kept), patient=True) if remade else 0
    batch: dict[str, Row] = {}
    done = 0
    for name, row in _rows(cluster, old, kept):
        batch[name] = row
        if len(batch) == MOST_ROWS:
            done += _take_over(cluster, new, batch, remade)
            batch = {}
            if remade:
                remade.told(done, total)
    done += _take_over(cluster, new, batch, remade)
    if remade:
        remade.told(done, total)
    refresh(cluster, new.index)


def _take_over(
    cluster: Cluster, new: Head, batch: dict[str, Row], remade: NewEmbedding | None
) -> int:
    """Send rows to the new index, with new vectors if there are any; return how many."""
    embedded = [row for row in batch.values() if "embedding" in row] if remade else []
    if remade and embedded:
        _embed(embedded, remade)
    _send(cluster, new, {name: RowChange(row) for name, row in batch.items()})
    return len(embedded)


def _embed(rows: Sequence[Row], remade: NewEmbedding) -> None:
    """Put the new vectors into some passages' rows."""
    found = np.asarray(remade.embed([passage_of(row) for row in rows]), np.float32)
    vectors = as_vectors(found, len(rows), remade.manifest.dimension)
    for row, vector in zip(rows, vectors, strict=True):
        row["embedding"] = base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _embedded(kept: Query) -> Query:
    return {"bool": {"filter": [kept, {"term": {"embedded": True}}]}}


def _rows(cluster: Cluster, old: Head, kept: Query) -> Iterator[tuple[str, Row]]:
    for row in scan(cluster, old.index, kept, patient=True):
        name = row.pop("_id")
        made: Row = {}
        if row["kind"] == PASSAGE:
            made = {"facets": facets(load_meta(row["meta"]))}
            made |= tokens_of(row.get("content"), row["meta"])
        yield name, row | made


def _send(cluster: Cluster, new: Head, batch: dict[str, RowChange]) -> None:
    for name, reason in send(cluster, new.index, batch, dense=new.dense, by_alias=False).items():
        raise StoreError(f"`{name}` cannot be taken over into `{new.index}`: {reason}.")
