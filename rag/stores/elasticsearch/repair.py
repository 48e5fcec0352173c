"""Repair of an index before a writer begins: garbage, and remains of an interrupted run.

A writer sends passages, then their documents, then removals: documents before their passages. So
wherever a run was killed, the rules here bring the rows to the state after some whole number of its
documents, and the next run resumes from there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag.errors import StoreError, UnavailableError
from rag.stores.elasticsearch.bulk import RowChange, send
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.rows import DOCUMENT, PASSAGE, Row, live, one_of
from rag.stores.elasticsearch.scanning import scan

AT_ONCE = 1000  # ids looked up, or rows sent


def refresh(cluster: Cluster, index: str) -> None:
    """Make all writes visible to searches on every copy of an index.

    Raises:
        UnavailableError: If a copy does not answer.
    """

    def ask(client: Any) -> Any:  # noqa: ANN401 - the client
        return client.indices.refresh(index=index)

    shards = cluster.write(ask)["_shards"]
    if shards["failed"] and cluster.write(ask)["_shards"]["failed"]:
        raise UnavailableError(
            f"{shards['failed']} of {shards['total']} shards of {cluster.where} do not answer. Run "
            "the same command again."
        )


def collect_garbage(cluster: Cluster, index: str, dense: str, *, before: int) -> None:
    """Delete the rows that are visible in no generation since `before`."""
    gone: Query = {"range": {"removed": {"lte": before}}}
    rows = scan(cluster, index, gone, fields=["n"], patient=True)
    _send(cluster, index, dense, ((row["_id"], None) for row in rows))


def repair(cluster: Cluster, index: str, dense: str, generation: int) -> None:
    """Reduce the remains of an interrupted run in a generation to whole documents."""
    new = {kind: _rows(cluster, index, kind, "added", generation) for kind in (DOCUMENT, PASSAGE)}
    finished = {row["id"] for row in new[DOCUMENT]}
    torn = [
        row["_id"]
        for row in new[PASSAGE]
        if row.get("whole") == generation and row["document"] not in finished
    ]
    _send(cluster, index, dense, ((name, None) for name in torn))
    replaced = sorted(finished)
    removed = [row["id"] for row in _rows(cluster, index, DOCUMENT, "removed", generation)]
    written = [row["id"] for row in new[PASSAGE] if row["_id"] not in set(torn)]
    for kind, field, values in (
        (DOCUMENT, "id", replaced),
        (PASSAGE, "document", [*replaced, *removed]),
        (PASSAGE, "id", written),
    ):
        older: Query = {"range": {"added": {"lt": generation}}}
        for part in _parts(values):
            rows = scan(cluster, index, live(kind, older, one_of(field, part)), patient=True)
            gone = ((row.pop("_id"), {**row, "removed": generation}) for row in rows)
            _send(cluster, index, dense, gone)


def _rows(cluster: Cluster, index: str, kind: str, field: str, generation: int) -> list[Row]:
    query = {"bool": {"filter": [{"term": {"kind": kind}}, {"term": {field: generation}}]}}
    fields = ["n", "id", "document", "whole"]
    return list(scan(cluster, index, query, fields=fields, patient=True))


def _send(cluster: Cluster, index: str, dense: str, rows: Iterable[tuple[str, Row | None]]) -> None:
    for part in _parts(list(rows)):
        changes = {name: RowChange(row) for name, row in part}
        for name, reason in send(cluster, index, changes, dense=dense).items():
            raise StoreError(
                f"`{name}` cannot be put in order: {reason}. Index again from nothing."
            )


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
