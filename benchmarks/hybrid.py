"""Hybrid search over both stores: whether they return the same, and what joining scores costs.

    python benchmarks/hybrid.py CACHE --set NAME ... [--url http://127.0.0.1:9200] [--questions 60]

The collections are those of `benchmarks/fusion.py lists CACHE`, whose passages and vectors are
copied to the cluster as they are; only the questions are embedded. Without `--url` the embedded
store alone is timed.
"""

import argparse
import os
import time
import uuid
from pathlib import Path
from statistics import fmean, median

import numpy as np

from benchmarks.fusion import read_lists

TOP_K = 20
KINDS = ("scores", "ranks")


def searches(store, embedder):
    """Return kind of fusion -> a function from a question to its passages, on one store."""
    from rag.config import Config
    from rag.engine import RAG
    from rag.schema import SearchOptions

    options = SearchOptions(method="hybrid", top_k=TOP_K, rank=False, min_relevance=0.0)
    engines = {
        kind: RAG(Config.model_validate({"fusion": {"kind": kind}}), store, embedder=embedder)
        for kind in KINDS
    }
    return {
        kind: lambda question, engine=engine: engine.search(question, options).results
        for kind, engine in engines.items()
    }


def timed(search, question):
    """Return what a search finds, and its milliseconds."""
    start = time.perf_counter()
    found = search(question)
    return found, 1000 * (time.perf_counter() - start)


def ask(stores, embedder, questions):
    """Return store -> kind -> (passages, milliseconds) of each question, asked in turn."""
    asks = {name: searches(store, embedder) for name, store in stores.items()}
    for kinds in asks.values():
        for search in kinds.values():
            search(questions[0])  # loads and fills caches
    found = {name: {kind: [] for kind in KINDS} for name in stores}
    for place, question in enumerate(questions):
        for name, kinds in asks.items():
            for kind in KINDS if place % 2 else reversed(KINDS):
                found[name][kind].append(timed(kinds[kind], question))
    return found


def agreement(one, other):
    """Return how alike two stores' results of the same questions are, in words."""
    pairs = [(a, b) for (a, _), (b, _) in zip(one, other, strict=True)]
    lists = [([p.passage_id for p in a], [p.passage_id for p in b]) for a, b in pairs]
    equal = sum(a == b for a, b in lists)
    first = sum(a[:10] == b[:10] for a, b in lists)
    shared = fmean(len(set(a) & set(b)) / max(len(a), 1) for a, b in lists)
    chances = [
        {p.passage_id: p.relevance for p in found if p.relevance is not None} for pair in pairs
        for found in pair
    ]  # fmt: skip
    apart = [
        abs(a[name] - b[name])
        for a, b in zip(chances[::2], chances[1::2], strict=True)
        for name in a.keys() & b.keys()
    ]
    return (
        f"{equal} of {len(lists)} lists of {TOP_K} equal, {first} first tens, overlap@{TOP_K} "
        f"{shared:.4f}, relevance at most {max(apart, default=0):.4f} apart"
    )


def speed(found):
    """Return p50 and p95 of both kinds, and the median of their difference, in words."""
    ms = {kind: [each for _, each in found[kind]] for kind in KINDS}
    said = ", ".join(
        f"{kind} {median(ms[kind]):.1f} / {np.percentile(ms[kind], 95):.1f} ms" for kind in KINDS
    )
    more = median(a - b for a, b in zip(ms["scores"], ms["ranks"], strict=True))
    return f"p50 / p95 {said}; p50 ratio {median(ms['scores']) / median(ms['ranks']):.2f}, " + (
        f"question by question {more:+.1f} ms"
    )


def main():
    """Compare the sets that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--set", action="append", required=True)
    parser.add_argument("--url", help="of a cluster")
    parser.add_argument("--questions", type=int, default=60, help="of each set")
    args = parser.parse_args()
    os.environ["RAG_HOME"] = str(args.cache / "home")
    from rag.collections import open_scratch
    from rag.config import Config, EmbedderConfig, StoreConfig
    from rag.models.embedder import Embedder
    from rag.stores.elasticsearch.catalog import ElasticsearchCatalog
    from rag.stores.elasticsearch.store import ElasticsearchStore

    base = {"url": args.url, "prefix": f"bench{uuid.uuid4().hex[:8]}", "replicas": 0}
    settings = StoreConfig(kind="elasticsearch", elasticsearch=base) if args.url else None
    lists = read_lists(args.cache)
    for name in args.set:
        held = lists[name]
        embedder = Embedder(EmbedderConfig(model=held["embedder"]))
        stores = {"embedded": open_scratch(held["key"], Config())}
        passages = stores["embedded"].filter_documents()
        if settings:
            stores["elasticsearch"] = ElasticsearchStore(name.replace("_", "-"), settings=settings)
            stores["elasticsearch"].write_documents(passages)
        questions = [row["question"] for row in held["rows"][: args.questions]]
        found = ask(stores, embedder, questions)
        print(f"{name}: {len(passages)} passages, {len(questions)} questions", flush=True)
        if settings:
            for kind in KINDS:
                print(f"  {kind}: {agreement(*(found[store][kind] for store in stores))}")
        for store, kinds in found.items():
            print(f"  {store}: {speed(kinds)}", flush=True)
            stores[store].close()
        if settings:
            catalog = ElasticsearchCatalog(Path.cwd(), Config(store=settings))
            catalog.delete(name.replace("_", "-"))


if __name__ == "__main__":
    main()
