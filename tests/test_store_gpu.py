"""FAISS on a GPU, as far as it can be seen without one: what is asked of it, and what never is."""

import faiss
import numpy as np
import pytest
from store_builders import unit_vectors

from rag.stores.indexes import faiss_index
from rag.stores.indexes.faiss_index import FaissIndex, build_base


@pytest.fixture
def asked(monkeypatch):
    """Let FAISS claim a GPU; give the number of hits of each search that it is asked there."""
    counts = []

    class Copy:
        def __init__(self, base):
            self._base = base

        def search(self, vectors, count):
            counts.append(count)
            return self._base.search(vectors, count)

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(
        faiss, "index_cpu_to_gpu", lambda resources, device, base: Copy(base), raising=False
    )
    return counts


def an_index(count, *, exact_limit=10_000, live=None):
    vectors, numbers = unit_vectors(count, 1), np.arange(count, dtype=np.int64)
    base = build_base(vectors, exact_limit=exact_limit)
    live = numbers if live is None else live
    nothing = np.zeros((0, vectors.shape[1]), np.float32)
    return FaissIndex(base, numbers, live, nothing, graph_search=64), vectors


def test_an_exact_search_of_everything_is_asked_of_the_gpu(asked):
    index, vectors = an_index(3000)
    found = index.search(vectors[7], 5)
    assert found[0] == (7, 1.0)
    assert len(asked) == 1
    index.search(vectors[7], 3000)  # more than FAISS gives there
    assert len(asked) == 1
    assert found == index.search(vectors[7], 3000)[:5]


def test_filters_removed_rows_and_graphs_stay_on_the_processor(asked):
    index, vectors = an_index(300)
    assert index.search(vectors[7], 5, np.array([3, 9]))[0][0] in (3, 9)
    index, vectors = an_index(300, live=np.arange(1, 300, dtype=np.int64))
    assert index.search(vectors[0], 5)[0][0] != 0
    index, vectors = an_index(300, exact_limit=10)
    index.search(vectors[7], 5)
    assert asked == []


def test_without_a_gpu_nothing_is_copied():
    assert not faiss_index.on_gpu(build_base(unit_vectors(10, 1), exact_limit=100))
