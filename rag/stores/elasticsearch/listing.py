"""Lists of a collection's documents and failures on a cluster, and counts of terms and copies."""

from collections.abc import Iterator, Sequence

from haystack import Document

from rag.errors import UnavailableError
from rag.stores.contract import DocumentInfo, Failure
from rag.stores.copies import copy_key_of
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.rows import (
    DOCUMENT,
    FAILURE,
    PASSAGE,
    PASSAGE_FIELDS,
    failures_of,
    info_of,
    one_of,
    passage_of,
    visible,
)
from rag.stores.elasticsearch.scanning import count_by, count_each, scan

TERMS_AT_ONCE = 500  # whose frequencies are asked for in one request


def list_documents(cluster: Cluster, index: str, generation: int) -> Iterator[DocumentInfo]:
    """Yield the documents visible in a generation, in the order they were added."""
    passages = count_by(cluster, index, visible(PASSAGE, generation), "document")
    fields = ["n", "id", "source", "heading", "sha256", "path"]
    for row in scan(cluster, index, visible(DOCUMENT, generation), fields=fields):
        yield info_of(row, passages)


def list_failures(cluster: Cluster, index: str) -> list[Failure]:
    """Return the failures of indexing, in the order of their sources."""
    rows = scan(cluster, index, {"term": {"kind": FAILURE}})
    found = [failure for row in rows for failure in failures_of(row)]
    return sorted(found, key=lambda failure: (failure.source, failure.reason))


def frequencies(cluster: Cluster, index: str, among: Query, terms: Sequence[str]) -> list[int]:
    """Return how often each of some terms occurs in texts and titles.

    While a part of the index does not answer, every term counts as there, so that no word is
    corrected; the search itself says what is away.
    """
    found: list[int] = []
    for start in range(0, len(terms), TERMS_AT_ONCE):
        some = terms[start : start + TERMS_AT_ONCE]
        queries: list[Query] = [{"term": {f: term}} for f in ("text", "title") for term in some]
        try:
            counts, _ = count_each(cluster, index, among, queries)
        except UnavailableError:
            return [1] * len(terms)
        found += [sum(counts[place :: len(some)]) for place in range(len(some))]
    return found


def total(cluster: Cluster, index: str, among: Query) -> int:
    """Return the number of some rows; 1 while a part of the index does not answer."""
    try:
        return count_each(cluster, index, among, [])[1]
    except UnavailableError:
        return 1


def copies(cluster: Cluster, index: str, among: Query, passages: Sequence[Document]) -> list[int]:
    """Return how many other rows read the same as each of some passages."""
    queries: list[Query] = [{"term": {"copy": str(copy_key_of(each))}} for each in passages]
    counts, _ = count_each(cluster, index, among, queries)
    return [max(number - 1, 0) for number in counts]


def passages_named(
    cluster: Cluster, index: str, passage_ids: Sequence[str], generation: int
) -> list[Document]:
    """Return the visible passages with some ids, in their order; others are left out."""
    if not passage_ids:
        return []
    answer = cluster.read(
        lambda client: client.search(
            index=index,
            query=visible(PASSAGE, generation, one_of("id", passage_ids)),
            size=len(passage_ids),
            source=list(PASSAGE_FIELDS),
            track_total_hits=False,
        )
    )
    rows = {hit["_source"]["id"]: hit["_source"] for hit in answer["hits"]["hits"]}
    return [passage_of(rows[each]) for each in passage_ids if each in rows]


def document_text(cluster: Cluster, index: str, document_id: str, generation: int) -> str | None:
    """Return the stored text of a visible document, or None."""
    answer = cluster.read(
        lambda client: client.search(
            index=index,
            query=visible(DOCUMENT, generation, {"term": {"id": document_id}}),
            size=1,
            source=["body"],
            track_total_hits=False,
        )
    )
    hits = answer["hits"]["hits"]
    return str(hits[0]["_source"]["body"]) if hits else None
