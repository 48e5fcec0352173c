"""Caches of values derived from one generation of a collection on a cluster."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from rag import files
from rag.config import StoreConfig
from rag.files import Hits, Numbers
from rag.stores.contract import Vectors
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filter_facts import facts_of
from rag.stores.elasticsearch.filters import Query, to_query
from rag.stores.elasticsearch.rows import PASSAGE, one_of, passage_of, visible
from rag.stores.elasticsearch.scanning import scan
from rag.stores.elasticsearch.vectors import ClusterVectors
from rag.stores.fields import FilterFacts
from rag.stores.filters import Filter, check_filter, matches
from rag.stores.indexes.faiss_maintenance import DerivedFaissIndex
from rag.stores.indexes.folders import IndexFolders

Result = TypeVar("Result")

KEPT_INDEXES = 2
KEPT_FILTERS = 32


class GenerationCaches:
    """Filters as queries, and the FAISS index, of the generations in use.

    Args:
        cluster: The cluster.
        index: Alias of the index.
        vectors: Source of the vectors for FAISS.
        folders: Folders of the FAISS indexes.
        settings: Sizes and shares.
    """

    def __init__(
        self,
        cluster: Cluster,
        index: str,
        vectors: ClusterVectors,
        folders: IndexFolders,
        settings: StoreConfig,
    ) -> None:
        self._cluster, self._index = cluster, index
        self._vectors, self._folders = vectors, folders
        self.dense = DerivedFaissIndex(folders, vectors, settings)
        self._kept: OrderedDict[tuple[str, str, int, str], object] = OrderedDict()
        self._lock = threading.RLock()

    def clear(self) -> None:
        """Clear all caches."""
        with self._lock:
            self._kept.clear()

    def conditions(self, filters: Filter | None, generation: int) -> list[Query]:
        """Return the query that matches exactly what a filter matches; empty without a filter.

        Raises:
            haystack.errors.FilterError: If the filter does not follow the syntax.
        """
        if not filters:
            return []
        bounds = to_query(filters)
        if bounds.is_exact:
            return [bounds.all_of]
        numbers = self._once(
            "verified",
            generation,
            repr(filters),
            lambda: self._verified(filters, bounds.all_of, generation),
        )
        return [one_of("n", numbers)]

    def facts(self, filters: Filter, generation: int) -> FilterFacts:
        """Return the fields of a filter that no passage has, and values of another type."""
        check_filter(filters)
        return self._once(
            "facts",
            generation,
            repr(filters),
            lambda: facts_of(self._cluster, self._index, filters, generation),
        )

    def search_beside(
        self, vector: Vectors, top_k: int, filters: Filter | None, generation: int
    ) -> Hits:
        """Return the hits of the FAISS index beside the application."""
        index = self._once("index", generation, "", lambda: self.dense.load(generation))
        if index is None:
            return []
        allowed = None
        if filters:
            allowed = self._once(
                "allowed", generation, repr(filters), lambda: self._allowed(filters, generation)
            )
        return index.search(vector, top_k, allowed)

    def update(self, generation: int) -> None:
        """Update the FAISS indexes for a generation that is about to be published."""
        files.make_folder(self._folders.folder)
        self.dense.update(generation)
        self._folders.tidy("dense", generation)

    def drop_indexes(self) -> None:
        """Remove the FAISS indexes; they are rebuilt on demand."""
        self.clear()
        for folder in self._folders.named("dense"):
            files.remove(folder)

    def _verified(self, filters: Filter, may: Query, generation: int) -> list[int]:
        """Return the numbers of the candidate rows that match when Python checks them."""
        query, fields = visible(PASSAGE, generation, may), ("n", "id", "content", "meta")
        rows = scan(self._cluster, self._index, query, fields=fields)
        return [row["n"] for row in rows if matches(filters, passage_of(row))]

    def _allowed(self, filters: Filter, generation: int) -> Numbers:
        query = visible(PASSAGE, generation, *self.conditions(filters, generation))
        rows = scan(self._cluster, self._index, query, fields=["n"])
        return np.fromiter((row["n"] for row in rows), np.int64)

    def _once(self, what: str, generation: int, detail: str, make: Callable[[], Result]) -> Result:
        """Return a value of a generation, computed only the first time."""
        key = (what, self._vectors.owner, generation, detail)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
                same = [each for each in self._kept if each[0] == what]
                for each in same[: -KEPT_INDEXES if what == "index" else -KEPT_FILTERS]:
                    del self._kept[each]
            self._kept.move_to_end(key)
            return cast("Result", self._kept[key])
