"""Stores of made passages, and slow definitions to check them against."""

# ruff: noqa: S311 - seeded draws

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from haystack import Document

from rag.config import StoreConfig
from rag.language.analysis import tokens
from rag.stores.contract import StoredDocument
from rag.stores.embedded.store import EmbeddedStore
from rag.stores.indexes.bm25 import PAIR

WORDS = [f"word{number}" for number in range(40)]
DIMENSION = 16
QUERIES = ("word0", "word3 word7", "word1 word1 word30", "word39 nothing word12 word2", "word25")
FLAT, GRAPH = StoreConfig(), StoreConfig(exact_limit=0)
TANTIVY, RANK_BM25 = StoreConfig(bm25="tantivy"), StoreConfig(bm25="rank-bm25")


def make_passages(count, *, seed=1, longest=12):
    """Passages with skewed words, few different lengths, and meta to filter by."""
    draw, vectors = random.Random(seed), unit_vectors(count, seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return [
        Document(
            id=f"{seed}-{number}",
            content=" ".join(draw.choices(WORDS, weights, k=draw.randint(2, longest))),
            meta={"year": 2000 + number % 50, "kind": "rare" if number % 97 == 5 else "usual"},
            embedding=vectors[number].tolist(),
        )
        for number in range(count)
    ]


def unit_vectors(count, seed, dimension=DIMENSION):
    """Half independent, half around ten centres."""
    draw = np.random.default_rng(seed)
    found = draw.normal(size=(count, dimension))
    found[::2] = (
        found[::2] / 3 + draw.normal(size=(10, dimension))[draw.integers(0, 10, count)][::2]
    )
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def a_store(folder, config=FLAT, passages=()):
    store = EmbeddedStore(folder, settings=config)
    store.write_documents(list(passages))
    return store


def put(store, name, *texts, path=None):
    """Replace a document whose passages are the given lines; return the new generation."""
    text = "\n".join(texts)
    parts = [
        Document(
            id=f"{name}:{number}",
            content=part,
            meta={
                "document_id": name,
                "start": text.index(part),
                "end": text.index(part) + len(part),
            },
            embedding=unit_vectors(1, number)[0].tolist(),
        )
        for number, part in enumerate(texts)
    ]
    with store.writer() as writer:
        writer.replace(StoredDocument(name, f"{name}.txt", name, text, "s", path or name), parts)
        return writer.publish()


def ranked(hits):
    return [(hit.id, hit.score) for hit in hits]


def ids(hits):
    return [hit.id for hit in hits]


def slow_bm25(passages, query, *, top_k, title_weight=0.3):
    """Lucene's bm25 over text and title: idf * tf / (tf + k1 (1 - b + b length / mean length)).

    Neighbours of the query count as one term whose idf is the sum of theirs, with weight `PAIR`.
    """
    scores = [0.0] * len(passages)
    words = tokens(query)
    pairs = {pair for pair in pairwise(words) if pair[0] != pair[1]}
    for field, weight in (("text", 1.0), ("title", title_weight)):
        texts = [
            tokens(p.content if field == "text" else p.meta.get("title", "")) for p in passages
        ]
        mean = sum(map(len, texts)) / len(texts)
        parts = [((token,), weight) for token in words]
        parts += [(pair, PAIR) for pair in pairs if field == "text"]
        for part, factor in parts:
            idf = 0
            for token in part:
                df = sum(token in text for text in texts)
                idf += math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            for place, text in enumerate(texts):
                tf = sum(text[n : n + len(part)] == list(part) for n in range(len(text)))
                if tf:
                    norm = 1.2 * (1 - 0.75 + 0.75 * len(text) / mean)
                    scores[place] += factor * idf * tf / (tf + norm) * 2.2
    best = sorted(range(len(passages)), key=lambda place: (-round(scores[place], 4), place))
    return [(passages[place].id, scores[place]) for place in best if scores[place] > 0][:top_k]


def slow_dense(passages, vector, *, top_k):
    matrix = np.array([passage.embedding for passage in passages], np.float32)
    scores = (matrix @ (np.asarray(vector, np.float32) / np.linalg.norm(vector))).round(6)
    order = np.lexsort((np.arange(len(passages)), -scores))[:top_k]
    return [(passages[place].id, float(scores[place])) for place in order]


def expect_ranking(hits, expected, tolerance):
    assert ids(hits) == [passage_id for passage_id, _ in expected]
    np.testing.assert_allclose(
        [hit.score for hit in hits], [s for _, s in expected], atol=tolerance
    )


@pytest.fixture(scope="module")
def passages():
    return make_passages(600)
