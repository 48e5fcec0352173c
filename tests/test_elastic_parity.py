"""Both stores over the same thousands of real passages: they rank alike.

What may differ in bm25: nothing but passages whose scores are equal up to rounding.
"""

import json
import random

import numpy as np
import pytest
from elasticsearch_server import settings_for
from haystack import Document
from places import SHARED
from store_builders import ids
from store_engines import make_engine

from rag.retrieval.fusion import fuse_scores
from rag.stores.embedded.store import EmbeddedStore

pytestmark = [pytest.mark.elasticsearch, pytest.mark.timeout(600)]

DATA = SHARED / "data"
DIMENSION = 384
SHARDS = 3  # so that statistics over all shards are part of it
LUCENE = (
    "AND", "OR", "NOT", "TO", "+", "-", "&&", "||", "!", "(", ")", "{", "}", "[", "]", "^", '"',
    "~", "*", "?", ":", "\\", "/", "text:", "_exists_:", "title:x^9", "/.*/", "{!", "}}", "${x}",
    "<script>", "%00", "\0", "\u2028", "\ud800", "'; DROP", "_id:*", '{"query":{}}', "深度", "é",
)  # fmt: skip


def squad_like(path):
    """Paragraphs and questions of a file in SQuAD's form."""
    paragraphs, questions = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            paragraphs.append((article.get("title", ""), paragraph["context"]))
            questions += [each["question"] for each in paragraph["qas"][:1]]
    return paragraphs, questions


def scifact():
    folder = DATA / "scifact"
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    wanted = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [json.loads(line)["text"] for line in wanted]
    return [(each["title"], each["text"]) for each in records], queries[:300]


@pytest.fixture(scope="module")
def corpus():
    """Passages in English and Chinese with vectors, and questions in both."""
    if not (DATA / "scifact").is_dir():
        pytest.skip(f"needs the data sets in {DATA}")
    english, questions = scifact()
    chinese, asked = squad_like(DATA / "cmrc2018" / "cmrc2018_trial.json")
    draw = np.random.default_rng(1)
    # Around a hundred centres, as texts are about some subjects.
    centres = draw.normal(size=(100, DIMENSION))
    texts = [*english, *chinese]
    vectors = centres[draw.integers(0, 100, len(texts))] + draw.normal(size=(len(texts), DIMENSION))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    passages = [
        Document(
            id=f"p{n}",
            content=text,
            meta={"title": title, "document_id": f"d{n // 500}", "half": n % 2},
            embedding=vectors[n].tolist(),
        )
        for n, (title, text) in enumerate(texts)
    ]
    return passages, questions, asked[:150], centres


@pytest.fixture(scope="module")
def stores(request, tmp_path_factory, corpus):
    """The same passages in the embedded store and on the cluster."""
    passages, folder = corpus[0], tmp_path_factory.mktemp("parity")
    made = make_engine("elasticsearch", request)
    cluster = settings_for(made.url, prefix=made.prefix, shards=SHARDS)
    from rag.stores.elasticsearch.store import ElasticsearchStore

    one = EmbeddedStore(folder / "c")
    other = ElasticsearchStore("c", settings=cluster, folder=folder / "d")
    one.write_documents(passages)
    other.write_documents(passages)
    yield one, other
    other.close()
    one.close()
    made.end()


def overlap(stores, queries, filters=None):
    one, other = stores
    shares = []
    for query in queries:
        expected = ids(one.bm25_retrieval(query, top_k=10, filters=filters))
        found = ids(other.bm25_retrieval(query, top_k=10, filters=filters))
        assert len(found) == len(expected)
        shares.append(len(set(found) & set(expected)) / len(expected) if expected else 1.0)
    return float(np.mean(shares))


def test_bm25_ranks_alike_in_both_stores(stores, corpus, record_property):
    passages, english, chinese, _ = corpus
    assert len(passages) >= 5000 and len(english) >= 300 and len(chinese) >= 100
    shares = {"en": overlap(stores, english), "zh": overlap(stores, chinese)}
    record_property("overlap@10", shares)
    print(f"overlap@10 of {len(passages)} passages: {shares}")  # noqa: T201
    assert min(shares.values()) >= 0.98


def test_bm25_ranks_alike_below_a_filter(stores, corpus):
    half = {"field": "meta.half", "operator": "==", "value": 1}
    assert overlap(stores, corpus[1][:50], half) >= 0.98


def test_hybrid_joins_the_same_scores_in_both_stores(stores, corpus, record_property):
    """Lists of 20, from 50 of each method, for questions with a vector near some passages."""
    _, english, chinese, centres = corpus
    draw = np.random.default_rng(4)
    shares, apart = [], 0.0
    for question in (*english[:40], *chinese[:20]):
        vector = centres[draw.integers(0, 100)] + draw.normal(size=DIMENSION)
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        expected, found = (dict(joined_scores(store, question, vector)) for store in stores)
        shares.append(len(set(expected) & set(found)) / len(expected))
        apart = max([apart, *(abs(expected[p] - found[p]) for p in expected.keys() & found.keys())])
    record_property("hybrid overlap@20", float(np.mean(shares)))
    print(f"hybrid overlap@20: {np.mean(shares):.4f}, scores at most {apart:.1e} apart")  # noqa: T201
    assert np.mean(shares) >= 0.99
    assert apart < 1e-4


def joined_scores(store, question, vector):
    lists = {
        "bm25": store.bm25_retrieval(question, top_k=50),
        "dense": store.dense_retrieval(vector, top_k=50),
    }
    scored = {name: [(each.id, each.score) for each in found] for name, found in lists.items()}
    weights = {"bm25": 0.35, "dense": 0.65}
    return fuse_scores(scored, weights, floors={"dense": 0.036}, depth=50)[:20]


def test_the_graph_finds_what_an_exact_search_finds(stores, corpus, record_property):
    passages, _, _, centres = corpus
    draw = np.random.default_rng(2)
    matrix = np.array([passage.embedding for passage in passages], np.float32)
    shares = []
    for _ in range(100):
        vector = centres[draw.integers(0, 100)] + draw.normal(size=DIMENSION)
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        best = {f"p{n}" for n in np.argsort(-(matrix @ vector))[:10]}
        shares.append(len(best & set(ids(stores[1].dense_retrieval(vector, top_k=10)))) / 10)
    record_property("recall@10", float(np.mean(shares)))
    print(f"recall@10 of an exact search: {np.mean(shares):.4f}")  # noqa: T201
    assert np.mean(shares) >= 0.99


def test_three_hundred_strings_of_query_syntax_are_no_error(stores):
    draw = random.Random(3)  # noqa: S311
    for _ in range(300):
        parts = draw.choices([*LUCENE, "protein", "cells"], k=draw.randint(1, 12))
        query = draw.choice(["", " "]).join(parts)
        found = ids(stores[1].bm25_retrieval(query, top_k=10))
        assert found == ids(stores[0].bm25_retrieval(query, top_k=10)) or len(found) == 10, query


def test_more_than_ten_thousand_rows_are_read_in_pages(stores, monkeypatch):
    from rag.stores.elasticsearch import scanning

    monkeypatch.setattr(scanning, "ROWS_AT_ONCE", 700)
    monkeypatch.setattr(scanning, "NUMBERS_AT_ONCE", 900)
    one, other = stores
    assert ids(other.filter_documents()) == ids(one.filter_documents())
    assert other.document_frequencies(["protein", "细胞"]) == one.document_frequencies(
        ["protein", "细胞"]
    )
