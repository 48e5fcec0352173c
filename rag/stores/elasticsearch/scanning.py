"""Scans of an index in order of age, of any size, and counts."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from elasticsearch import NotFoundError

from rag.errors import StoreError, UnavailableError
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.rows import Row

ROWS_AT_ONCE = 1000  # with their content
NUMBERS_AT_ONCE = 10_000  # the server's own limit
KEPT_OPEN = "2m"  # a point in time, between two pages
WHOLE = {"allow_partial_search_results": False}


def scan(
    cluster: Cluster,
    index: str,
    query: Query,
    *,
    fields: Sequence[str] | None = None,
    patient: bool = False,
) -> Iterator[Row]:
    """Yield the rows that match, oldest first, with their ids as `_id`; all of them or an error.

    Args:
        cluster: The cluster.
        index: The index or alias.
        query: Query for the rows; it must match the same rows when it is repeated.
        fields: Fields to return; None is all, except the vector that the graph holds.
        patient: Whether to wait for a cluster that is away.

    Raises:
        UnavailableError: If a part of the index does not answer.
    """
    last: int | None = None
    while True:
        try:
            for row in _scan(cluster, index, _after(query, last), fields, patient=patient):
                last = row["n"]
                yield row
            return
        except StoreError as error:  # a point in time goes with the node that holds it
            lost = isinstance(error.__cause__, NotFoundError) and "index_not" not in str(error)
            if not (lost or (patient and isinstance(error, UnavailableError))):
                raise
            cluster.write(lambda client: client.indices.refresh(index=index))


def _scan(
    cluster: Cluster, index: str, query: Query, fields: Sequence[str] | None, *, patient: bool
) -> Iterator[Row]:
    ask = cluster.write if patient else cluster.read
    only_numbers = fields is not None and list(fields) == ["n"]  # the order gives them
    size = NUMBERS_AT_ONCE if only_numbers else ROWS_AT_ONCE
    source = False if only_numbers else True if fields is None else list(fields)
    point = ask(lambda client: client.open_point_in_time(index=index, keep_alive=KEPT_OPEN))["id"]
    try:
        after: list[Any] | None = None
        while True:
            page: dict[str, Any] = {"pit": {"id": point, "keep_alive": KEPT_OPEN}, "query": query}
            page |= {"sort": [{"n": "asc"}], "size": size, "track_total_hits": False, **WHOLE}
            page |= {"source": source}
            page |= {"search_after": after} if after else {}
            answer = ask(lambda client, page=page: client.search(**page))  # type: ignore[misc]
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield {"n": hit["sort"][0], **hit.get("_source", {}), "_id": hit["_id"]}
            if len(hits) < size:
                return
            after, point = hits[-1]["sort"], answer["pit_id"]
    finally:
        with suppress(StoreError):  # it expires by itself
            cluster.read(lambda client: client.close_point_in_time(id=point))


def _after(query: Query, last: int | None) -> Query:
    if last is None:
        return query
    return {"bool": {"filter": [query, {"range": {"n": {"gt": last}}}]}}


def count(cluster: Cluster, index: str, query: Query, *, patient: bool = False) -> int:
    """Return how many rows match.

    Raises:
        UnavailableError: If a part of the index does not answer.
    """
    ask = cluster.write if patient else cluster.read
    answer = ask(
        lambda client: client.search(
            index=index, query=query, size=0, track_total_hits=True, **WHOLE
        )
    )
    return int(answer["hits"]["total"]["value"])


def note_of(answer: Any) -> str | None:  # noqa: ANN401 - an answer of the client
    """Return a note on what a search's answer lacks, or None."""
    shards = answer["_shards"]
    if shards["failed"]:
        return f"partial: {shards['failed']} of {shards['total']} shards failed"
    if answer["timed_out"]:
        return "partial: the cluster ran out of time"
    return None


def next_number(cluster: Cluster, index: str, kind: Query) -> int:
    """Return the number after the largest age of the rows that match; 1 if there are none."""
    answer = cluster.write(
        lambda client: client.search(
            index=index, query=kind, size=1, sort=[{"n": "desc"}], source=["n"], **WHOLE
        )
    )
    hits = answer["hits"]["hits"]
    return int(hits[0]["_source"]["n"]) + 1 if hits else 1


def count_each(
    cluster: Cluster, index: str, among: Query, queries: Sequence[Query]
) -> tuple[list[int], int]:
    """Return how many of some rows match each query, and how many rows there are."""
    named = {f"q{place}": query for place, query in enumerate(queries)}
    aggregation = {"each": {"filters": {"filters": named}}} if named else None
    answer = cluster.read(
        lambda client: client.search(
            index=index, query=among, size=0, aggs=aggregation, track_total_hits=True, **WHOLE
        )
    )
    found = answer["aggregations"]["each"]["buckets"] if named else {}
    return [found[name]["doc_count"] for name in named], answer["hits"]["total"]["value"]


def count_documents(
    cluster: Cluster, index: str, among: Query, queries: Sequence[Query]
) -> list[int]:
    """Return of how many documents some passages match each query; near enough above 40,000.

    A passage without a document counts as one.
    """
    if not queries:
        return []
    different = {"documents": {"cardinality": {"field": "document", "precision_threshold": 40_000}}}
    single = {"single": {"missing": {"field": "document"}}}
    named = {f"q{place}": query for place, query in enumerate(queries)}
    each = {"filters": {"filters": named}, "aggs": {**different, **single}}
    answer = cluster.read(
        lambda client: client.search(
            index=index, query=among, size=0, aggs={"each": each}, track_total_hits=False, **WHOLE
        )
    )
    found = [answer["aggregations"]["each"]["buckets"][name] for name in named]
    return [bucket["documents"]["value"] + bucket["single"]["doc_count"] for bucket in found]


def count_by(cluster: Cluster, index: str, among: Query, field: str) -> dict[str, int]:
    """Return value -> number of rows with that value in a field, among some rows."""
    counts: dict[str, int] = {}
    after: dict[str, Any] | None = None
    sources = [{"value": {"terms": {"field": field}}}]
    while True:
        page: dict[str, Any] = {"size": NUMBERS_AT_ONCE, "sources": sources}
        page |= {"after": after} if after else {}
        answer = cluster.read(
            lambda client, page=page: client.search(  # type: ignore[misc]
                index=index, query=among, size=0, aggs={"by": {"composite": page}}, **WHOLE
            )
        )
        found = answer["aggregations"]["by"]
        counts |= {each["key"]["value"]: each["doc_count"] for each in found["buckets"]}
        after = found.get("after_key")
        if after is None:
            return counts


def index_bytes(cluster: Cluster, index: str) -> int:
    """Return the size of an index on all nodes, in bytes."""
    wanted = "_all.total.store.size_in_bytes"
    answer = cluster.read(
        lambda client: client.indices.stats(index=index, metric="store", filter_path=wanted)
    )
    return int(answer["_all"]["total"]["store"]["size_in_bytes"])
