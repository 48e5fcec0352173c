"""What lists of a collection on a cluster show: its documents, and what could not be indexed."""

from collections.abc import Iterator

from rag.stores.contract import DocumentInfo, Failure
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.rows import DOCUMENT, FAILURE, PASSAGE, failures_of, info_of, visible
from rag.stores.elasticsearch.scanning import count_by, scan


def list_documents(cluster: Cluster, index: str, generation: int) -> Iterator[DocumentInfo]:
    """Yield the documents that a generation shows, in the order they were added."""
    passages = count_by(cluster, index, visible(PASSAGE, generation), "document")
    fields = ["n", "id", "source", "heading", "sha256", "path"]
    for row in scan(cluster, index, visible(DOCUMENT, generation), fields=fields):
        yield info_of(row, passages)


def list_failures(cluster: Cluster, index: str) -> list[Failure]:
    """Return what could not be indexed, in the order of its sources."""
    rows = scan(cluster, index, {"term": {"kind": FAILURE}})
    found = [failure for row in rows for failure in failures_of(row)]
    return sorted(found, key=lambda failure: (failure.source, failure.reason))
