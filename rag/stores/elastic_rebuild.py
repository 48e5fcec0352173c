"""Making a collection's index anew beside the old one, and moving the alias in one step.

For another number of shards, another analyser, or another way to search vectors. Nothing is
embedded again; readers see the old index until the new one is whole.
"""

from collections.abc import Iterator
from dataclasses import replace

from rag.errors import StoreError
from rag.stores.elastic_bulk import MOST_ROWS, Change, send
from rag.stores.elastic_client import Cluster
from rag.stores.elastic_filters import Query, facets
from rag.stores.elastic_index import (
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
from rag.stores.elastic_repair import refresh
from rag.stores.elastic_rows import DOCUMENT, FAILURE, PASSAGE, Row, one_of, tokens_of
from rag.stores.elastic_search import count, scan
from rag.stores.packing import load_meta
from rag.text import ANALYZER_VERSION


def rebuild_index(cluster: Cluster, names: Names, *, writer: str) -> None:
    """Fill the next version of an index, and put it in the old one's place; under the lock.

    Args:
        cluster: The cluster, and the settings of the new index.
        names: The collection.
        writer: Name of the lock's holder.

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
    made = replace(old.manifest, analyzer=ANALYZER_VERSION) if old.manifest else None
    fresh = new_head(cluster, names, max(versions.values()) + 1)
    head = replace(fresh, owner=old.owner, dimension=old.dimension, manifest=made)
    create_index(cluster, names, head, visible=False)
    kept = _kept(state.generation)
    _copy(cluster, old, head, kept)
    before, after = (count(cluster, each.index, kept, patient=True) for each in (old, head))
    if before != after:
        raise StoreError(f"{after} of {before} rows arrived in `{head.index}`. Rebuild once more.")
    write_state(cluster, head, state.generation, last=State(0, -1, -1), writer=writer)
    moves = [
        {"add": {"index": head.index, "alias": names.alias}},
        {"remove_index": {"index": old.index}},
    ]
    _move(cluster, names, head, moves)


def _move(
    cluster: Cluster, names: Names, head: Head, moves: list[dict[str, dict[str, str]]]
) -> None:
    try:
        cluster.write(lambda client: client.indices.update_aliases(actions=moves))
    except StoreError:  # the answer to a move that was made may have been lost
        now = read_head(cluster, names)
        if now is None or now.index != head.index:
            raise


def _kept(published: int) -> Query:
    """Return the query for the rows that are not garbage."""
    kinds = one_of("kind", (PASSAGE, DOCUMENT, FAILURE))
    garbage = {"range": {"removed": {"lte": published - 1}}}
    return {"bool": {"filter": [kinds], "must_not": [garbage]}}


def _copy(cluster: Cluster, old: Head, new: Head, kept: Query) -> None:
    batch: dict[str, Change] = {}
    for name, row in _rows(cluster, old, kept):
        batch[name] = Change(row)
        if len(batch) == MOST_ROWS:
            _send(cluster, new, batch)
            batch = {}
    _send(cluster, new, batch)
    refresh(cluster, new.index)


def _rows(cluster: Cluster, old: Head, kept: Query) -> Iterator[tuple[str, Row]]:
    for row in scan(cluster, old.index, kept, patient=True):
        name = row.pop("_id")
        made: Row = {}
        if row["kind"] == PASSAGE:
            made = {"facets": facets(load_meta(row["meta"]))}
            made |= tokens_of(row.get("content"), row["meta"])
        yield name, row | made


def _send(cluster: Cluster, new: Head, batch: dict[str, Change]) -> None:
    for name, reason in send(cluster, new.index, batch, dense=new.dense, by_alias=False).items():
        raise StoreError(f"`{name}` cannot be taken over into `{new.index}`: {reason}.")
