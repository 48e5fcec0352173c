"""The store on a cluster against the bare client and against the embedded store, in one run.

    PYTHONPATH=. python benchmarks/cluster.py --url http://127.0.0.1:9200 [--count 10000]

Passages are paragraphs of `../shared/data/squad_articles`, or made words where that is absent;
vectors are drawn around two hundred centres (384 dimensions), so that no model is needed.
"""

import argparse
import json
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
from elasticsearch import Elasticsearch, helpers
from haystack import Document

from rag.config import Config, StoreConfig
from rag.retrieval.fusion import fuse
from rag.stores.elasticsearch.catalog import ElasticsearchCatalog
from rag.stores.elasticsearch.index import Names
from rag.stores.elasticsearch.rows import passage_row, row_id, with_vector
from rag.stores.elasticsearch.store import ElasticsearchStore
from rag.stores.embedded.store import EmbeddedStore

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "squad_articles"
DIMENSION, CENTRES, BATCH = 384, 200, 512
BREADTHS = (50, 100, 200, 400, 800, 1600)


def texts(folder, count):
    """Paragraphs and questions."""
    found, questions = [], []
    for path in sorted(folder.glob("articles/*.txt")):
        paragraphs = path.read_text(encoding="utf-8").splitlines()
        found += [each for each in paragraphs if len(each) > 100]
    for path in folder.glob("questions*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        questions += [json.loads(line)["text"] for line in lines]
    draw = np.random.default_rng(0)
    words = [f"word{n}" for n in range(5000)]
    while len(found) < count:
        found.append(" ".join(draw.choice(words, 80)))
    if len(questions) < 200:
        questions += [" ".join(draw.choice(text.split(), 6)) for text in found[:200]]
    return found[:count], [questions[n] for n in draw.permutation(len(questions))[:200]]


def vectors(count, seed, centres):
    draw = np.random.default_rng(seed)
    found = centres[draw.integers(0, len(centres), count)] + draw.normal(size=(count, DIMENSION))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def write(store, passages):
    from haystack.document_stores.types import DuplicatePolicy

    with store.writer() as writer:
        for start in range(0, len(passages), BATCH):
            writer.write(passages[start : start + BATCH], DuplicatePolicy.NONE)
            writer.commit()
        writer.publish()


def bare(url, names, passages):
    """The same rows, made beforehand, through the client's own helper into the same mapping."""
    rows = []
    for n, passage in enumerate(passages):
        row = passage_row(passage, None, n=n, generation=1, whole=None)
        rows.append({"_id": row_id("passage", passage.id, 1), **with_vector(row, "elasticsearch")})
    with Elasticsearch(url, request_timeout=120) as client:

        def send():
            actions = ({"_index": names.alias, **row} for row in rows)
            for ok, _ in helpers.streaming_bulk(client, actions, chunk_size=500):
                assert ok
            client.indices.refresh(index=names.alias)

        return timed(send)


def latencies(ask, queries):
    for query in queries[:10]:
        ask(query)
    found = [1000 * timed(lambda query=query: ask(query)) for query in queries]
    return f"{statistics.median(found):.1f} / {np.percentile(found, 95):.1f}"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", required=True)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--data", type=Path, default=DATA)
    options = options.parse_args()
    centres = np.random.default_rng(9).normal(size=(CENTRES, DIMENSION))
    paragraphs, questions = texts(options.data, options.count)
    matrix, asked = vectors(options.count, 1, centres), vectors(200, 2, centres)
    passages = [
        Document(id=f"p{n}", content=text, meta={"document_id": f"d{n}"}, embedding=v.tolist())
        for n, (text, v) in enumerate(zip(paragraphs, matrix, strict=True))
    ]
    prefix = f"bench{uuid.uuid4().hex[:8]}"
    base = {"url": options.url, "prefix": prefix, "replicas": 0}

    def settings(**changed):
        return StoreConfig(kind="elasticsearch", elasticsearch=base | changed)

    with tempfile.TemporaryDirectory() as folder:
        stores = {
            "embedded": EmbeddedStore(Path(folder) / "c"),
            "elasticsearch": ElasticsearchStore("a", settings=settings()),
            "elasticsearch + faiss": ElasticsearchStore(
                "b", settings=settings(dense="faiss"), folder=Path(folder) / "f"
            ),
        }
        plain = ElasticsearchStore("bare", settings=settings())
        with plain.writer() as writer:
            writer._check_dimension(DIMENSION, None)
        seconds = bare(options.url, Names(prefix, "bare"), passages)
        rate = options.count / seconds
        print(f"{options.count} passages of {DIMENSION} dimensions")
        print(f"bare client's streaming_bulk, rows made beforehand: {rate:.0f} passages/s")
        for name, store in stores.items():
            own = options.count / timed(lambda store=store: write(store, passages))
            print(f"{name}, from passages to published: {own:.0f} passages/s ({own / rate:.2f} x)")
        print("\np50 / p95 in ms, 200 queries, top_k 50")
        for name, store in stores.items():
            bm25 = latencies(lambda q, s=store: s.bm25_retrieval(q, top_k=50), questions)
            dense = latencies(lambda v, s=store: s.dense_retrieval(v, top_k=50), list(asked))

            def hybrid(pair, store=store):
                question, vector = pair
                found = {
                    "bm25": [hit.id for hit in store.bm25_retrieval(question, top_k=50)],
                    "dense": [hit.id for hit in store.dense_retrieval(vector, top_k=50)],
                }
                fuse(found, {"bm25": 1, "dense": 1})

            both = latencies(hybrid, list(zip(questions, asked, strict=True)))
            print(f"{name}: bm25 {bm25}, dense {dense}, hybrid {both}")
        print("\nrecall@10 of an exact search, by candidates (num_candidates)")
        best = np.argsort(-(asked @ matrix.T), axis=1)[:, :10]
        for breadth in BREADTHS:
            store = ElasticsearchStore("a", settings=settings(candidates=breadth))
            shares, start = [], time.perf_counter()
            for vector, expected in zip(asked, best, strict=True):
                found = {int(hit.id[1:]) for hit in store.dense_retrieval(vector, top_k=10)}
                shares.append(len(found & set(expected.tolist())) / 10)
            ms = 1000 * (time.perf_counter() - start) / len(asked)
            print(f"{breadth}: {np.mean(shares):.4f}, {ms:.1f} ms")
            store.close()
        for store in (*stores.values(), plain):
            store.close()
    for name in ("a", "b", "bare"):
        ElasticsearchCatalog(Path.cwd(), Config(store=settings())).delete(name)


if __name__ == "__main__":
    main()
