"""Small collections that tests damage, and everything a reader can see of them."""

# ruff: noqa: S311 - seeded draws

import os
import random

import numpy as np
import pytest

from rag.config import StoreConfig

SETTINGS = StoreConfig(exact_limit=10, graph_search=64)
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
QUERIES = ("alpha", "beta gamma", "delta zeta", "epsilon")


def passages(seed, count):
    from haystack import Document

    draw, vectors = random.Random(seed), np.random.default_rng(seed)
    return [
        Document(
            id=f"{seed}:{number}",
            content=" ".join(draw.choices(WORDS, k=draw.randint(3, 9))),
            meta={"document_id": str(seed), "start": 0, "end": 0},
            embedding=vectors.normal(size=8).tolist(),
        )
        for number in range(count)
    ]


def fill(store, seed, count=15):
    from rag.stores.contract import StoredDocument

    parts = passages(seed, count)
    text = "\n".join(part.content for part in parts)
    place = 0
    for part in parts:
        part.meta.update({"start": place, "end": place + len(part.content)})
        place += len(part.content) + 1
    document = StoredDocument(str(seed), f"{seed}.txt", "", text, "0" * 64)
    with store.writer() as writer:
        writer.replace(document, parts)
        writer.publish()


def answers(folder):
    """Everything a reader can see: rankings of both methods with scores, and the texts."""
    from rag.stores.embedded.store import EmbeddedStore

    store = EmbeddedStore(folder, create=False, settings=SETTINGS)
    try:
        found = [
            [(hit.id, hit.score, hit.content) for hit in store.bm25_retrieval(query, top_k=8)]
            for query in QUERIES
        ]
        for seed in range(3):
            vector = np.random.default_rng(seed).normal(size=8).tolist()
            found.append([(hit.id, hit.score) for hit in store.dense_retrieval(vector, top_k=8)])
        texts = [(info.document_id, store.text_of(info.document_id)) for info in store.documents()]
        return found, texts
    finally:
        store.close()


def make_collection(folder, seed):
    from rag.stores.embedded.store import EmbeddedStore

    store = EmbeddedStore(folder, settings=SETTINGS)
    fill(store, seed)
    fill(store, seed + 1, 5)
    store.close()
    return folder


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """Nothing is synced in this process: no test looks at a disk that lost its power."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make_collection(tmp_path_factory.mktemp("sound") / "c", 1)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return make_collection(tmp_path_factory.mktemp("foreign") / "c", 50)


@pytest.fixture(scope="module")
def expected(sound):
    return answers(sound)


def one_line(error):
    message = str(error.value)
    assert "\n" not in message
    return message
