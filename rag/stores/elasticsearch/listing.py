"""Lists of a collection's documents and failures on a cluster."""

from collections.abc import Iterator

from rag.stores.contract import DocumentInfo, Failure
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.rows import DOCUMENT, FAILURE, PASSAGE, failures_of, info_of, visible
from rag.stores.elasticsearch.scanning import count_by, scan


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
