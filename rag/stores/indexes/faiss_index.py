"""Dense retrieval over the journal's vectors, with FAISS.

A base index, immutable on disk, plus the journal's later changes: new vectors are searched exactly
beside the base, removed ones are masked. Small bases and every filtered search are exact; a large
base without a filter is searched through an HNSW graph. Filters never go through the graph, which
would lose most of a selective filter's hits.
"""

import math
import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from rag import files
from rag.errors import StoreError, first_line
from rag.files import Hits, Numbers
from rag.stores.indexes.ties import Fetched, fetch_best, rank_hits

_untyped: Any = faiss  # its type stubs lack the arguments used here

Vectors = npt.NDArray[np.float32]

DENSE_DIGITS = 6  # of a score: those that are exact in a single-precision inner product
GRAPH_LINKS = 32  # links of a node (M): recall@10 above .99 at 100,000 x 384
GPU_MOST = 2048  # maximum hits of FAISS on a GPU
GRAPH_BUILD = 200  # breadth while building (efConstruction)


def on_gpu(base: Any) -> bool:  # noqa: ANN401 - faiss has no types
    """Return whether a GPU can search an index: FAISS has one, and the index is exact."""
    return isinstance(base, faiss.IndexFlat) and bool(getattr(faiss, "get_num_gpus", int)())


class GpuCopy:
    """A copy of an exact index on the GPU; it takes one search at a time, without a mask."""

    def __init__(self, base: Any) -> None:  # noqa: ANN401
        self._resources = _untyped.StandardGpuResources()  # must live as long as the index
        self._index = _untyped.index_cpu_to_gpu(self._resources, 0, base)
        self._lock = threading.Lock()

    def search(self, vector: Vectors, count: int) -> tuple[Vectors, Numbers]:
        """Return scores and places, each of shape (1, count)."""
        with self._lock:
            scores, places = self._index.search(vector[None], count)
        return scores, places


class FaissIndex:
    """Vectors of one generation: a base index, a mask over it, and new vectors beside it.

    Args:
        base: FAISS index over `base_numbers`, inner product.
        base_numbers: Row numbers of the base, ascending; shape (n_base,).
        live: Row numbers visible in the generation, ascending.
        new_vectors: Vectors of the rows in `live` that the base lacks; shape (n_new, dim).
        graph_search: Breadth of a graph search.
    """

    def __init__(
        self,
        base: Any,  # noqa: ANN401 - faiss has no types
        base_numbers: Numbers,
        live: Numbers,
        new_vectors: Vectors,
        *,
        graph_search: int,
    ) -> None:
        self._base, self._base_numbers, self._live = base, base_numbers, live
        self._gpu = GpuCopy(base) if on_gpu(base) else None
        self._alive = np.isin(base_numbers, live, assume_unique=True)
        self._new_numbers = np.setdiff1d(live, base_numbers, assume_unique=True)
        self._new_vectors = new_vectors
        self._graph_search = graph_search

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index."""
        return self._live

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return int(self._base.d)

    def search(self, vector: Vectors, top_k: int, allowed: Numbers | None = None) -> Hits:
        """Return the row numbers with the largest inner products, and these products.

        Args:
            vector: float32 of shape (dim,), of length 1.
            top_k: Maximum number of hits.
            allowed: Only these row numbers, ascending; None is all. With it the search is exact.

        Returns:
            Pairs of row number and score, best first; equal scores in row order.
        """
        mask, new_numbers, new_vectors = self._alive, self._new_numbers, self._new_vectors
        if allowed is not None:
            mask = mask & np.isin(self._base_numbers, allowed, assume_unique=True)
            chosen = np.isin(new_numbers, allowed, assume_unique=True)
            new_numbers, new_vectors = new_numbers[chosen], new_vectors[chosen]
        selector = _select(mask)
        total = int(mask.sum())

        def fetch(limit: int) -> Fetched:
            count = min(limit, total)
            hits = self._search_base(vector, count, selector, exact=allowed is not None)
            return hits, None if count == total else hits[-1][1] if hits else math.inf

        beside = zip(new_numbers.tolist(), _rounded(new_vectors @ vector), strict=True)
        return rank_hits([*fetch_best(fetch, top_k), *beside], top_k)

    def _search_base(
        self,
        vector: Vectors,
        count: int,
        selector: Any,  # noqa: ANN401 - faiss has no types
        *,
        exact: bool,
    ) -> Hits:
        if not count:
            return []
        if selector is None and self._gpu is not None and count <= GPU_MOST:
            return self._hits(*self._gpu.search(vector, count))
        index, parameters = self._base, _untyped.SearchParameters(sel=selector)
        if isinstance(index, faiss.IndexHNSW):
            if exact:
                index = faiss.downcast_index(index.storage)
            else:
                breadth = max(self._graph_search, 2 * count)
                parameters = _untyped.SearchParametersHNSW(sel=selector, efSearch=breadth)
        return self._hits(*index.search(vector[None], count, params=parameters))

    def _hits(self, scores: Vectors, places: Numbers) -> Hits:
        found = places[0] >= 0
        numbers = self._base_numbers[places[0][found]]
        return list(zip(numbers.tolist(), _rounded(scores[0][found]), strict=True))


def _select(mask: npt.NDArray[np.bool_]) -> Any:  # noqa: ANN401 - faiss has no types
    """Return a selector of the places in a mask; None if these are all places."""
    if mask.all():
        return None
    bits = np.packbits(mask, bitorder="little")
    selector = _untyped.IDSelectorBitmap(len(mask), faiss.swig_ptr(bits))
    selector.bits = bits  # FAISS reads it while the selector lives
    return selector


def _rounded(scores: Vectors) -> list[float]:
    """Return scores without the digits in which FAISS and numpy differ, so that ties are ties."""
    return [round(score, DENSE_DIGITS) for score in scores.tolist()]


def build_base(vectors: Vectors, *, exact_limit: int) -> Any:  # noqa: ANN401 - faiss has no types
    """Return a FAISS index over unit vectors: exact up to a size, an HNSW graph above."""
    count, dimension = vectors.shape
    if count <= exact_limit:
        index: Any = faiss.IndexFlatIP(dimension)
    else:
        index = faiss.IndexHNSWFlat(dimension, GRAPH_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = GRAPH_BUILD
    index.add(vectors)
    return index


def save_base(folder: Path, base: Any, numbers: Numbers, *, owner: str) -> None:  # noqa: ANN401
    """Write a base index as one sealed folder, atomically."""
    with files.new_folder(folder) as temporary:
        try:
            faiss.write_index(base, str(temporary / "index.faiss"))
        except RuntimeError as error:  # FAISS's only error; here it is always the disk
            raise OSError(
                f"the vectors cannot be written: {first_line(error).rstrip('.')}"
            ) from None
        files.write_numbers(temporary, numbers)
        files.seal(temporary, {"count": len(numbers), "owner": owner})


def load_base(folder: Path, *, owner: str) -> tuple[Any, Numbers]:
    """Return a base index and its row numbers.

    Raises:
        StoreError: If a file is missing, was changed, or belongs to another collection.
    """
    facts = files.check_seal(folder)
    if facts.get("owner") != owner:
        raise StoreError(f"`{folder}` belongs to another collection.")
    count, numbers = facts["count"], files.read_numbers(folder)
    try:
        base = faiss.read_index(str(folder / "index.faiss"))
    except RuntimeError as error:
        raise StoreError(f"`{folder}` cannot be read: {first_line(error).rstrip('.')}.") from None
    if not base.ntotal == len(numbers) == count:
        raise StoreError(f"`{folder}` is damaged: {base.ntotal} vectors for {count} passages.")
    return base, numbers
