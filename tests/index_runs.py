"""An embedder that counts, and runs of the indexing pipeline over files made here."""

import os
from pathlib import Path

import numpy as np
import pytest

from rag.config import Config

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


class Counted:
    """The real embedder, which remembers vectors and counts what it is asked."""

    def __init__(self, embedder):
        self.files, self.languages, self._embedder = embedder.files, embedder.languages, embedder
        self.vectors, self.texts, self.fails_after = {}, [], None
        self.floor = embedder.floor

    def encode_passages(self, texts):
        if self.fails_after is not None and len(self.texts) + len(texts) > self.fails_after:
            raise RuntimeError("the power is gone")
        self.texts += texts
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        self.vectors |= zip(new, self._embedder.encode_passages(new), strict=True)
        return np.array([self.vectors[text] for text in texts], np.float32)


@pytest.fixture(scope="module")
def remembered():
    return {}


@pytest.fixture
def counted(embedder, remembered):
    counted = Counted(embedder)
    counted.vectors = remembered
    return counted


@pytest.fixture
def store(tmp_path):
    from rag.stores.embedded.store import EmbeddedStore

    store = EmbeddedStore(tmp_path / "collections" / "test")
    yield store
    store.close()


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(store, embedder, *paths, config=None, **options):
    from indexing.pipeline import index_paths

    paths = [Path(path) for path in paths or ("docs",)]
    return index_paths(
        paths, store, embedder, config or Config(), leave_out=Path("nowhere"), **options
    )


def content(store):
    """Passage id -> source and text, as a search would return them."""
    return {
        passage.id: (passage.meta["source"], passage.content)
        for passage in store.filter_documents()
    }


def fresh(tmp_path, embedder, *paths):
    """Content of an index of the same files made at once, from nothing."""
    from rag.stores.embedded.store import EmbeddedStore

    store = EmbeddedStore(tmp_path / "fresh")
    run(store, embedder, *paths)
    found = content(store)
    store.close()
    return found


def texts(store):
    return sorted(text for _, text in content(store).values())
