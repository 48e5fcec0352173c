"""The vectors of a collection on a cluster, as the source of its FAISS index."""

from collections.abc import Callable

import numpy as np

from rag.errors import StaleError
from rag.files import Numbers
from rag.stores.contract import Vectors
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.index import Head
from rag.stores.elasticsearch.rows import PASSAGE, one_of, vector_of, visible
from rag.stores.elasticsearch.scanning import scan

_EMBEDDED: Query = {"term": {"embedded": True}}


class ClusterVectors:
    """Vectors on a cluster; see `rag.stores.indexes.faiss_maintenance.VectorSource`.

    Args:
        cluster: The cluster.
        index: Alias of the index.
        head: Returns the metadata of the index.
    """

    def __init__(self, cluster: Cluster, index: str, head: Callable[[], Head]) -> None:
        self._cluster, self._index, self._head = cluster, index, head

    @property
    def owner(self) -> str:
        """Identity of the collection."""
        return self._head().owner

    def dimension_of(self, numbers: Numbers) -> int:
        """Return the length of the vectors of some rows, which is the same for all."""
        return self._head().dimension

    def numbers(self, generation: int, *, embedded: bool = False) -> Numbers:
        """Return the row numbers visible in a generation, ascending."""
        query = visible(PASSAGE, generation, *([_EMBEDDED] if embedded else []))
        rows = scan(self._cluster, self._index, query, fields=["n"])
        return np.fromiter((row["n"] for row in rows), np.int64)

    def vectors(self, numbers: list[int], dimension: int) -> Vectors:
        """Return vectors by row number, as rows of length 1; those that are gone are zero."""
        matrix = np.zeros((len(numbers), dimension), np.float32)
        if not numbers:
            return matrix
        place = {number: index for index, number in enumerate(numbers)}
        rows = scan(self._cluster, self._index, one_of("n", numbers), fields=["n", "embedding"])
        for row in rows:
            vector = vector_of(row)
            if len(vector) != dimension:
                raise StaleError("the vectors are of another embedder by now; ask again.")
            matrix[place[row["n"]]] = vector
        matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        return matrix
