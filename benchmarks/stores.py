"""Speed, recall and memory of the embedded store: `python benchmarks/stores.py --count 100000`.

Random unit vectors of 384 dimensions, either all independent (nothing is near anything: the worst
case for a graph) or around 1,000 centres, and texts of 40 to 120 words drawn by Zipf's law. Each
number is from one run on this machine, with what else ran there; the ratios are what matters.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from haystack import Document

from rag.config import StoreConfig
from rag.language.bm25_query import build_bm25_query
from rag.stores.contract import StoredDocument
from rag.stores.embedded.store import EmbeddedStore
from rag.stores.indexes.bm25 import RankBm25Index

DIMENSION, WORDS, PER_DOCUMENT, QUERIES = 384, 50_000, 10, 100


def texts(count: int, seed: int) -> list[str]:
    draw = np.random.default_rng(seed)
    words = np.minimum(draw.zipf(1.3, size=count * 120), WORDS)
    lengths, place, found = draw.integers(40, 121, size=count), 0, []
    for length in lengths.tolist():
        found.append(" ".join(f"w{word}" for word in words[place : place + length].tolist()))
        place += length
    return found


def vectors(count: int, seed: int, *, clustered: bool) -> np.ndarray:
    draw = np.random.default_rng(seed)
    found = draw.normal(size=(count, DIMENSION)).astype(np.float32)
    if clustered:
        centres = np.random.default_rng(0).normal(size=(1000, DIMENSION)).astype(np.float32)
        found += 1.5 * centres[draw.integers(0, 1000, size=count)]
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def fill(store: EmbeddedStore, count: int, *, first: int, seed: int, clustered: bool) -> None:
    contents, matrix = texts(count, seed), vectors(count, seed, clustered=clustered)
    with store.writer() as writer:
        for start in range(0, count, PER_DOCUMENT):
            name = f"d{first + start // PER_DOCUMENT}"
            parts = [
                Document(
                    id=f"{name}:{n - start}",
                    content=contents[n],
                    meta={"document_id": name, "year": 1900 + n % 100, "number": n - start},
                    embedding=matrix[n],  # type: ignore[arg-type]
                )
                for n in range(start, min(start + PER_DOCUMENT, count))
            ]
            writer.replace(StoredDocument(name, name, "", "", ""), parts)
        writer.publish()


def p50(run: Callable[[int], object]) -> float:
    run(0)
    times = []
    for number in range(QUERIES):
        start = time.perf_counter()
        run(number)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def ask(retrieve: Callable[..., object], asked: list, options: dict, number: int) -> None:
    retrieve(asked[number], **options)


def timed(name: str, run: Callable[[], object]) -> None:
    start = time.perf_counter()
    run()
    print(f"{name}: {time.perf_counter() - start:.2f} s", flush=True)


def retrieval(folder: Path, limit: int, *, clustered: bool) -> None:
    """Overheads in a fresh process, and its memory; the graph against an exact search."""
    started = time.perf_counter()
    store = EmbeddedStore(folder, create=False, settings=StoreConfig(exact_limit=limit))
    asked = vectors(QUERIES, 99, clustered=clustered).tolist()
    store.dense_retrieval(asked[0], top_k=10)
    print(f"load: {time.perf_counter() - started:.2f} s")
    questions = [" ".join(text.split()[:8]) for text in texts(QUERIES, 98)]
    wide = {"field": "meta.year", "operator": ">=", "value": 1950}
    narrow = {"field": "meta.year", "operator": "==", "value": 1950}
    everything = {"field": "meta.year", "operator": ">=", "value": 0}
    kinds = {"no filter": None, "all pass": everything, "half pass": wide, "1 % pass": narrow}
    for name, filters in kinds.items():
        for top_k in (10, 50):
            options = {"top_k": top_k, "filters": filters}
            lexical = p50(partial(ask, store.bm25_retrieval, questions, options))
            dense = p50(partial(ask, store.dense_retrieval, asked, options))
            print(f"{name}, top {top_k}: bm25 {lexical:.1f} ms, dense {dense:.1f} ms", flush=True)
    shares = []
    for vector in asked:
        exact = {hit.id for hit in store.dense_retrieval(vector, top_k=10, filters=everything)}
        found = {hit.id for hit in store.dense_retrieval(vector, top_k=10)}
        shares.append(len(exact & found) / 10)
    print(f"recall@10 of dense without a filter: {statistics.mean(shares):.4f}")
    first_use = {"field": "meta.number", "operator": "<", "value": 3}
    timed("a filter's first use", lambda: store.bm25_retrieval("w1", top_k=1, filters=first_use))
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def against_rank_bm25(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(folder)
        contents = texts(count, 1)
        store.write_documents([Document(id=str(n), content=c) for n, c in enumerate(contents)])
        reference = RankBm25Index((n, "", content) for n, content in enumerate(contents))
        questions = [" ".join(text.split()[:8]) for text in texts(QUERIES, 98)]
        fast = p50(lambda i: store._view(None).lexical.search(
            build_bm25_query(questions[i]), 10, title_weight=0.3, allowed=None))  # fmt: skip
        times = []
        for question in questions[:10]:
            start = time.perf_counter()
            reference.search(build_bm25_query(question), 10, title_weight=0.3, allowed=None)
            times.append((time.perf_counter() - start) * 1000)
        slow = statistics.median(times)
        print(f"{count:,}: tantivy {fast:.2f} ms, rank-bm25 {slow:.0f} ms: {slow / fast:.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--exact-limit", type=int, default=50_000)
    parser.add_argument("--independent", action="store_true", help="vectors without centres")
    parser.add_argument("--folder", type=Path, help="use a collection that is there already")
    parser.add_argument("--only", choices=["retrieval", "rank-bm25"])
    options = parser.parse_args()
    clustered = not options.independent
    if options.only == "rank-bm25":
        against_rank_bm25(20_000)
        return
    if options.only == "retrieval":
        retrieval(options.folder, options.exact_limit, clustered=clustered)
        return
    folder = options.folder or Path(tempfile.mkdtemp())
    settings = StoreConfig(exact_limit=options.exact_limit)
    store = EmbeddedStore(folder, settings=settings)
    timed(
        f"first publish of {options.count:,}",
        lambda: fill(store, options.count, first=0, seed=1, clustered=clustered),
    )
    for turn in range(3):
        change = partial(fill, store, 200, first=turn * 100, seed=2 + turn, clustered=clustered)
        timed("commit of 200 changed", change)
    store.close()
    sizes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"on disk: {sizes / 2**20:.0f} MB")
    arguments = ["--only", "retrieval", "--folder", str(folder)]
    arguments += ["--exact-limit", str(options.exact_limit)]
    arguments += ["--independent"] * options.independent
    subprocess.run([sys.executable, __file__, *arguments], check=True)


if __name__ == "__main__":
    main()
