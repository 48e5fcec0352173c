"""The contract of `rag.stores.base`, checked against slow definitions written here."""

# ruff: noqa: S311, S608 - seeded draws, table names of this test

import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from rag.config import StoreConfig
from rag.errors import LockedError, MismatchError, StoreError
from rag.stores import derived
from rag.stores.base import Failure, Manifest, StoredDocument
from rag.stores.embedded import EmbeddedStore, StaleError
from rag.text import tokens

WORDS = [f"word{number}" for number in range(40)]
DIMENSION = 16
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


def ranked(hits):
    return [(hit.id, hit.score) for hit in hits]


def ids(hits):
    return [hit.id for hit in hits]


# -- slow definitions


def slow_bm25(passages, query, *, top_k, title_weight=0.3):
    """Lucene's bm25 over text and title: idf * tf / (tf + k1 (1 - b + b length / mean length))."""
    scores = [0.0] * len(passages)
    for field, weight in (("text", 1.0), ("title", title_weight)):
        texts = [
            tokens(p.content if field == "text" else p.meta.get("title", "")) for p in passages
        ]
        mean = sum(map(len, texts)) / len(texts)
        for token in tokens(query):
            df = sum(token in text for text in texts)
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            for place, text in enumerate(texts):
                tf = text.count(token)
                if tf:
                    norm = 1.2 * (1 - 0.75 + 0.75 * len(text) / mean)
                    scores[place] += weight * idf * tf / (tf + norm) * 2.2
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


# -- scores


@pytest.fixture(scope="module")
def passages():
    return make_passages(600)


@pytest.fixture(scope="module", params=["flat", "graph"])
def filled(request, tmp_path_factory, passages):
    config = FLAT if request.param == "flat" else GRAPH
    store = a_store(tmp_path_factory.mktemp("filled") / "c", config, passages)
    yield store
    store.close()


QUERIES = ("word0", "word3 word7", "word1 word1 word30", "word39 nothing word12 word2", "word25")


@pytest.mark.parametrize("config", [TANTIVY, RANK_BM25], ids=lambda config: config.bm25)
def test_bm25_is_the_slow_definition(tmp_path, config):
    # tantivy keeps a text's length in one byte, exact up to 40 tokens: longer texts score a little
    # differently there, so the texts here are short.
    passages = make_passages(200, longest=30)
    passages = [replace(p, meta={"title": f"word{n % 7} Title"}) for n, p in enumerate(passages)]
    store = a_store(tmp_path / "c", config, passages)
    scale = None
    for query in QUERIES:
        hits = store.bm25_retrieval(query, top_k=200)
        expected = slow_bm25(passages, query, top_k=200)
        scale = scale or hits[0].score / expected[0][1]  # Lucene leaves the constant k1 + 1 out
        expect_ranking(hits, [(each, score * scale) for each, score in expected], 2e-4)
    assert round(scale, 3) in (1, round(1 / 2.2, 3))
    store.close()


def test_both_engines_give_the_same_bm25_ranking(tmp_path, passages):
    fast = a_store(tmp_path / "a", TANTIVY, passages)
    slow = a_store(tmp_path / "b", RANK_BM25, passages)
    for query in QUERIES:
        for top_k in (1, 10, 600):
            expected = ranked(slow.bm25_retrieval(query, top_k=top_k))
            expect_ranking(fast.bm25_retrieval(query, top_k=top_k), expected, 1.01e-4)
    assert fast.document_frequencies(["word1", "no"]) == slow.document_frequencies(["word1", "no"])
    fast.close()
    slow.close()


def test_dense_without_a_graph_is_brute_force(tmp_path, passages):
    store = a_store(tmp_path / "c", FLAT, passages)
    for vector in unit_vectors(20, 77):
        expected = slow_dense(passages, vector, top_k=25)
        expect_ranking(store.dense_retrieval((7 * vector).tolist(), top_k=25), expected, 2e-6)
    store.close()


def test_the_graph_finds_what_brute_force_finds(tmp_path):
    passages = make_passages(3000, seed=5)
    store = a_store(tmp_path / "c", GRAPH, passages)
    shares = []
    for vector in unit_vectors(100, 6):
        expected = {each for each, _ in slow_dense(passages, vector, top_k=10)}
        shares.append(len(expected & set(ids(store.dense_retrieval(vector, top_k=10)))) / 10)
    assert np.mean(shares) >= 0.99
    store.close()


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "meta.kind", "operator": "==", "value": "rare"},  # 7 of 600
        {"field": "meta.year", "operator": ">", "value": 2040},  # 18 %
        {"field": "meta.kind", "operator": "!=", "value": "rare"},  # nearly all
        {"field": "meta.year", "operator": "<", "value": 0},  # none
    ],
    ids=["rare", "some", "most", "none"],
)
def test_filters_are_exact_and_fill_top_k(filled, passages, condition):
    matching = set(ids(filled.filter_documents(condition)))
    for query in QUERIES[:3]:
        everything = ranked(filled.bm25_retrieval(query, top_k=len(passages)))
        for top_k in (1, 5, 50):
            found = filled.bm25_retrieval(query, top_k=top_k, filters=condition)
            assert ranked(found) == [hit for hit in everything if hit[0] in matching][:top_k]
    among = [passage for passage in passages if passage.id in matching]
    for vector in unit_vectors(5, 8):
        found = filled.dense_retrieval(vector.tolist(), top_k=20, filters=condition)
        assert len(found) == min(20, len(among))
        if among:
            expect_ranking(found, slow_dense(among, vector, top_k=20), 2e-6)


@pytest.mark.parametrize("config", [FLAT, RANK_BM25, GRAPH], ids=["tantivy", "rank-bm25", "graph"])
def test_equal_scores_are_in_order_of_age_even_at_the_cut(tmp_path, config):
    same = [Document(id=f"{n}", content="same words", embedding=[1.0, 2.0]) for n in range(300)]
    other = [Document(id="best", content="same same", embedding=[3.0, 1.0])]
    store = a_store(tmp_path / "c", config, [*same[:150], *other, *same[150:]])
    for top_k in (1, 7, 60, 200, 301):
        assert ids(store.bm25_retrieval("words", top_k=top_k)) == [d.id for d in same[:top_k]]
        if config is not GRAPH:
            found = ids(store.dense_retrieval([3.0, 1.0], top_k=top_k))
            assert found == [d.id for d in [*other, *same]][:top_k]
    store.close()


@pytest.mark.parametrize("config", [TANTIVY, RANK_BM25], ids=lambda config: config.bm25)
def test_no_sign_or_word_of_a_query_is_syntax(tmp_path, config):
    store = a_store(tmp_path / "c", config, make_passages(50))
    plain = ranked(store.bm25_retrieval("word1 word2", top_k=50))
    hostile = 'word1 AND OR NOT " ( IN [ TO ] ) ~ ^ * ? : \\ / + - && || ! {} word2 \0 \n'
    allowed = {"word1", "word2", "in", "to", "and", "or", "not"}
    assert set(tokens(hostile)) <= allowed
    assert ranked(store.bm25_retrieval(hostile, top_k=50)) == plain
    for query in ("", " ", '"', "AND", "n:1", "text:word1^9", "(" * 500, "\ud800", "*"):
        store.bm25_retrieval(query, top_k=5)
    store.close()


# -- writing


@pytest.mark.parametrize("policy", list(DuplicatePolicy))
def test_the_same_id_twice_in_one_batch(tmp_path, policy):
    store = a_store(tmp_path / "c")
    batch = [Document(id="1", content="old"), Document(id="2"), Document(id="1", content="new")]
    if policy in (DuplicatePolicy.FAIL, DuplicatePolicy.NONE):
        with pytest.raises(DuplicateDocumentError, match="'1'"):
            store.write_documents(batch, policy)
        assert store.count_documents() == 0
        assert store.generation == 0
    else:
        written = store.write_documents(batch, policy)
        assert written == (3 if policy == DuplicatePolicy.OVERWRITE else 2)
        kept = {document.id: document.content for document in store.filter_documents()}
        assert kept == {"1": "new" if policy == DuplicatePolicy.OVERWRITE else "old", "2": None}
    store.close()


def test_overwriting_by_id_replaces_text_and_vector_everywhere(tmp_path):
    store = a_store(tmp_path / "c", passages=make_passages(5))
    store.write_documents(
        [Document(id="1-2", content="fresh", embedding=[0.0] * 15 + [1.0])],
        DuplicatePolicy.OVERWRITE,
    )
    assert store.count_documents() == 5
    assert ids(store.bm25_retrieval("fresh", top_k=5)) == ["1-2"]
    assert store.dense_retrieval([0.0] * 15 + [1.0], top_k=1)[0].score == pytest.approx(1)
    store.delete_documents(["1-2", "unknown"])
    assert store.bm25_retrieval("fresh", top_k=5) == []
    assert "1-2" not in ids(store.dense_retrieval([0.0] * 15 + [1.0], top_k=5))
    store.close()


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([1.0, 2.0], "`bad` has 2 dimensions, the collection 16"),
        ([math.nan] * 16, "`bad` holds NaN or infinity"),
        ([math.inf] * 16, "`bad` holds NaN or infinity"),
        ([1e300] * 16, "`bad` holds NaN or infinity"),
        ([[1.0] * 16], "`bad` has shape"),
        ([], "`bad` has shape"),
        ([[1.0], [1.0, 2.0]], "`bad` is not a list of numbers"),
        (["a"] * 16, "`bad` is not a list of numbers"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused_by_name_and_nothing_is_written(
    tmp_path, vector, reason
):
    store = a_store(tmp_path / "c", passages=make_passages(3))
    batch = [Document(id="good", content="x"), Document(id="bad", content="y", embedding=vector)]
    with pytest.raises(ValueError, match=reason):
        store.write_documents(batch)
    with pytest.raises(ValueError, match="vector"):
        store.dense_retrieval(vector, top_k=3)
    assert store.count_documents() == 3
    assert store.generation == 1
    store.write_documents([Document(id="bad", embedding=[1.0] * 16)])
    assert store.count_documents() == 4
    store.close()


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), b"x"])
def test_meta_that_json_cannot_hold_is_refused_by_name_and_nothing_is_written(tmp_path, value):
    store = a_store(tmp_path / "c")
    with pytest.raises(ValueError, match="the meta of `bad` cannot be stored"):
        store.write_documents([Document(id="1"), Document(id="bad", meta={"a": [value]})])
    assert store.count_documents() == 0
    store.close()


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one_is_refused(filled, top_k):
    with pytest.raises(ValueError, match="top_k: expected at least 1"):
        filled.bm25_retrieval("word1", top_k=top_k)
    with pytest.raises(ValueError, match="top_k: expected at least 1"):
        filled.dense_retrieval([1.0] * DIMENSION, top_k=top_k)


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


def test_documents_are_listed_with_their_texts_in_order_of_age(tmp_path):
    store = a_store(tmp_path / "c")
    for name in ("b", "a", "c"):
        put(store, name, f"{name} one", f"{name} two")
    put(store, "a", "a three")
    store.delete_documents(["b:1"])
    listed = [(info.document_id, info.source, info.passages) for info in store.documents()]
    assert listed == [("b", "b.txt", 1), ("c", "c.txt", 2), ("a", "a.txt", 1)]
    assert store.text_of("a") == "a three"
    with pytest.raises(StoreError, match="there is no document `x`"):
        store.text_of("x")
    assert store.check() == []
    store.close()


def test_removing_documents_removes_their_passages_from_both_indexes(tmp_path):
    store = a_store(tmp_path / "c")
    put(store, "a", "apple one", "apple two")
    put(store, "b", "apple three")
    put(store, "c", "apple four", path="/gone")
    store.update_by_filter({"field": "document_id", "operator": "==", "value": "a"}, {"new": 1})
    with store.writer() as writer:
        writer.remove(["a", "unknown"])
        writer.remove_path("/gone")
        writer.publish()
    assert ids(store.filter_documents()) == ["b:0"]
    assert ids(store.bm25_retrieval("apple", top_k=9)) == ["b:0"]
    assert ids(store.dense_retrieval([1.0] * DIMENSION, top_k=9)) == ["b:0"]
    assert [info.document_id for info in store.documents()] == ["b"]
    store.close()


def test_failures_are_listed_until_their_path_is_done_again(tmp_path):
    store = a_store(tmp_path / "c")
    one, two = (
        Failure("a.pdf", "convert", "broken", "/a"),
        Failure("b.pdf", "convert", "empty", "/b"),
    )
    with store.writer() as writer:
        writer.fail([two, one], ["/a", "/b"])
        writer.commit()
    assert store.failures() == [one, two]
    with store.writer() as writer:
        writer.fail([], ["/a"])
        writer.commit()
    assert store.failures() == [two]
    store.close()


# -- generations


def test_an_unpublished_change_is_invisible_and_the_next_writer_publishes_it(tmp_path):
    store = a_store(tmp_path / "c", passages=make_passages(3))
    before = ranked(store.bm25_retrieval("word0", top_k=9))
    with pytest.raises(RuntimeError), store.writer() as writer:
        document = StoredDocument("d", "d", "", "unique", "")
        writer.replace(document, [Document("d:0", content="unique")])
        writer.delete(["1-0"])
        writer.commit()
        writer.remove(["never committed"])
        raise RuntimeError
    again = EmbeddedStore(tmp_path / "c")
    for each in (store, again):
        assert each.generation == 1
        assert ranked(each.bm25_retrieval("word0", top_k=9)) == before
        assert each.count_documents() == 3
    with again.writer() as writer:
        assert writer.recovered == 1
        assert writer.publish() == 2
    assert ids(store.bm25_retrieval("unique", top_k=3)) == ["d:0"]
    assert set(ids(store.filter_documents())) == {"1-1", "1-2", "d:0"}
    store.close()
    again.close()


def test_a_named_generation_is_read_until_it_is_gone(tmp_path):
    store = a_store(tmp_path / "c", passages=make_passages(30))
    vector = [1.0] * DIMENSION
    condition = {"field": "meta.year", "operator": ">", "value": 2005}

    def read(generation):
        options = {"top_k": 30, "generation": generation}
        return (
            ranked(store.bm25_retrieval("word0", **options)),
            ranked(store.bm25_retrieval("word0", filters=condition, **options)),
            ranked(store.dense_retrieval(vector, **options)),
        )

    first = read(1)
    store.delete_documents([f"1-{number}" for number in range(15)])
    assert read(1) == first
    assert read(2) == read(None) != first
    put(store, "x", "word0")
    with store.writer():  # it deletes what generation 1 alone could see
        pass
    for generation in (1, 99):
        with pytest.raises(StaleError, match=f"generation {generation} is gone"):
            read(generation)
    assert read(3) == read(None)
    store.close()


def test_garbage_of_older_generations_is_collected(tmp_path):
    store = a_store(tmp_path / "c")
    for number in range(6):
        put(store, "a", f"text {number}")
    counts = [
        store.journal.rows(f"SELECT count(*) FROM {t}")[0][0] for t in ("passages", "vectors")
    ]
    assert max(counts) <= 3
    folders = Counter(
        path.name.partition("-")[0] for path in store.folder.iterdir() if path.is_dir()
    )
    assert max(folders.values()) <= 2
    assert list(store.folder.glob("*.tmp")) == []
    store.close()


def test_two_stores_see_what_the_other_publishes(tmp_path):
    one, other = a_store(tmp_path / "c"), EmbeddedStore(tmp_path / "c")
    for number in range(4):
        writer, reader = (one, other) if number % 2 else (other, one)
        put(writer, f"d{number}", f"shared text{number}")
        assert ids(reader.bm25_retrieval(f"text{number}", top_k=3)) == [f"d{number}:0"]
        assert len(reader.dense_retrieval([1.0] * DIMENSION, top_k=9)) == number + 1
        assert reader.generation == number + 1
    one.close()
    other.close()


def test_readers_see_one_whole_generation_while_a_writer_publishes(tmp_path):
    # Every generation g replaces all five passages by texts that say `g<number>`.
    store = a_store(tmp_path / "c")
    put(store, "a", *(f"g1 shared p{number}" for number in range(5)))
    stop, problems, reads = threading.Event(), [], Counter()

    def read(number):
        reader = store if number % 2 else EmbeddedStore(tmp_path / "c")
        while not stop.is_set():
            try:
                bm25 = reader.bm25_retrieval("shared", top_k=9)
                dense = reader.dense_retrieval([1.0] * DIMENSION, top_k=9)
            except StaleError:  # three publishes within one search: allowed, never wrong
                reads["stale"] += 1
                continue
            for hits in (bm25, dense):
                seen = {hit.content.split()[0] for hit in hits}
                if len(hits) != 5 or len(seen) != 1:
                    problems.append([hit.content for hit in hits])
            reads["done"] += 1
        if reader is not store:
            reader.close()

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for reader in readers:
        reader.start()
    end = time.monotonic() + 3
    generation = 1
    while generation < 6 or (time.monotonic() < end and generation < 40):
        generation += 1
        put(store, "a", *(f"g{generation} shared p{number}" for number in range(5)))
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert reads["done"] > reads["stale"]
    store.close()


def test_a_reader_can_open_while_a_writer_holds_its_transaction(tmp_path):
    store = a_store(tmp_path / "c", passages=make_passages(3))
    with store.writer() as writer:
        writer.delete(["1-0"])
        other = EmbeddedStore(tmp_path / "c", create=False)
        assert other.count_documents() == 3
        other.close()
    store.close()


# -- one writer


HOLD = """
import sys, time
from rag.stores.embedded import EmbeddedStore
store = EmbeddedStore(sys.argv[1])
with store.writer():
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_lock(folder):
    """Start a process that holds the lock of a collection until its stdin closes."""
    root = str(Path(__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_writer_is_refused_by_the_first_one_s_number_and_a_dead_one_does_not_block(
    tmp_path,
):
    store = a_store(tmp_path / "c", passages=make_passages(2))
    with hold_lock(tmp_path / "c") as process:
        with pytest.raises(LockedError, match=f"by process {process.pid} on .* since 20") as error:
            store.delete_documents(["1-0"])
        assert "\n" not in str(error.value)
        assert store.count_documents() == 2
        process.kill()
        process.wait()
        assert json.loads((tmp_path / "c" / "writer.json").read_text())["pid"] == process.pid
        store.delete_documents(["1-0"])
    assert store.count_documents() == 1
    assert not (tmp_path / "c" / "writer.json").exists()
    store.close()


def test_two_writers_of_one_process_are_refused_too(tmp_path):
    store = a_store(tmp_path / "c")
    with store.writer(), pytest.raises(LockedError), store.writer():
        pass
    (tmp_path / "c" / "writer.json").write_text("damaged")
    store.write_documents([Document(id="1")])
    store.close()


def test_a_failed_commit_is_undone_and_the_next_writer_works(tmp_path):
    store = a_store(tmp_path / "c", passages=make_passages(2))
    store.journal.rows("PRAGMA max_page_count = 1")  # as small as it is: the disk is full
    big = [Document(id=f"big{n}", content="x" * 10_000) for n in range(9)]
    with pytest.raises(StoreError, match=r"full.*Check free space"):
        store.write_documents(big)
    store.journal.rows("PRAGMA max_page_count = 1000000")
    store.write_documents(big)
    assert store.count_documents() == 11
    store.close()


# -- incremental bm25


def test_bm25_with_passages_added_is_bm25_made_anew(tmp_path, monkeypatch, passages):
    monkeypatch.setattr(derived, "SMALL", 0)
    grown, whole = a_store(tmp_path / "a"), a_store(tmp_path / "b", passages=passages)
    for start in range(0, 600, 100):
        grown.write_documents(passages[start : start + 100])
    for query in QUERIES:
        expected = ranked(whole.bm25_retrieval(query, top_k=600))
        expect_ranking(grown.bm25_retrieval(query, top_k=600), expected, 1.01e-4)
    grown.close()
    whole.close()


def test_bm25_with_passages_removed_never_finds_them_and_hardly_differs(
    tmp_path, monkeypatch, passages
):
    # Until a rebuild, tantivy still counts removed passages in df and mean length: at most a
    # `rebuild_share` of them, so that idf moves by little.
    monkeypatch.setattr(derived, "SMALL", 0)
    store = a_store(tmp_path / "a", passages=passages)
    gone = [passage.id for passage in passages[::10]]
    kept = [passage for passage in passages if passage.id not in gone]
    store.delete_documents(gone)
    fresh = a_store(tmp_path / "b", passages=kept)
    for query in QUERIES:
        found = dict(ranked(store.bm25_retrieval(query, top_k=600)))
        expected = dict(ranked(fresh.bm25_retrieval(query, top_k=600)))
        assert found.keys() == expected.keys()
        assert all(abs(found[each] - expected[each]) < 0.1 * expected[each] for each in expected)
    store.delete_documents([passage.id for passage in passages[1::3]])  # now it is built anew
    left = [p for n, p in enumerate(passages) if n % 10 and n % 3 != 1]
    again = a_store(tmp_path / "d", passages=left)
    for query in QUERIES:
        expected = ranked(again.bm25_retrieval(query, top_k=600))
        assert ranked(store.bm25_retrieval(query, top_k=600)) == expected
    for each in (store, fresh, again):
        each.close()


def test_new_vectors_beside_the_base_are_searched_exactly(tmp_path, passages):
    store = a_store(tmp_path / "c", passages=passages[:550])
    store.write_documents(passages[550:])
    store.delete_documents([passage.id for passage in passages[::20]])
    left = [passage for number, passage in enumerate(passages) if number % 20]
    assert len(list(store.folder.glob("dense-*"))) == 1  # the base was kept
    for vector in unit_vectors(10, 3):
        expect_ranking(
            store.dense_retrieval(vector, top_k=30), slow_dense(left, vector, top_k=30), 2e-6
        )
    store.close()


# -- the rest


MANIFEST = Manifest(
    schema=1, analyzer="1", embedder="model", embedder_sha256="ab", dimension=16, length=100,
    overlap=10, context=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"embedder": "other"}, "embedder.model"),
        ({"embedder_sha256": "cd"}, "embedder.model"),
        ({"dimension": 32}, "embedder.model"),
        ({"length": 50}, "chunking.length"),
        ({"overlap": 0}, "chunking.overlap"),
        ({"context": False}, "chunking.context"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_collection_made_with_something_else_names_the_setting(tmp_path, changed, setting):
    store = a_store(tmp_path / "c")
    with store.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    ((name, now),) = changed.items()
    with store.writer() as writer, pytest.raises(MismatchError) as error:
        writer.use(replace(MANIFEST, **changed))
    message = str(error.value)
    for part in ("`c`", f"`{getattr(MANIFEST, name)}`", f"`{now}`", f"`{setting}`"):
        assert part in message
    assert store.manifest == MANIFEST
    store.close()


def test_another_analyser_is_taken_over_since_bm25_is_made_anew(tmp_path):
    store = a_store(tmp_path / "c")
    for analyzer in ("0", "1"):
        with store.writer() as writer:
            writer.use(replace(MANIFEST, analyzer=analyzer))
            writer.commit()
    assert store.manifest == MANIFEST
    assert {each.name for each in fields(Manifest)} == set(MANIFEST.__dict__)
    store.close()


def test_a_store_survives_haystack_s_serialization(tmp_path):
    settings = StoreConfig(bm25="rank-bm25", exact_limit=7)
    store = EmbeddedStore(tmp_path / "c", settings=settings, title_weight=0.5)
    store.write_documents(make_passages(4))
    pipeline = Pipeline()
    pipeline.add_component("writer", DocumentWriter(store))
    read = Pipeline.loads(pipeline.dumps(), allowed_modules=["rag.stores.embedded"])
    loaded = read.get_component("writer").document_store
    for other in (loaded, EmbeddedStore.from_dict(store.to_dict())):
        assert other.to_dict() == store.to_dict()
        assert (other.settings, other.title_weight) == (settings, 0.5)
        assert other.count_documents() == 4
        other.close()
    store.close()


def test_an_empty_collection_answers_with_nothing(tmp_path):
    with pytest.raises(StoreError, match="there is no journal"):
        EmbeddedStore(tmp_path / "c", create=False)
    store = EmbeddedStore(tmp_path / "c")
    assert store.generation == 0
    assert store.bm25_retrieval("word", top_k=3) == []
    assert store.dense_retrieval([1.0], top_k=3) == []
    assert store.document_frequencies(["word"]) == ([0], 0)
    assert (list(store.documents()), store.failures(), store.check()) == ([], [], [])
    with store.writer() as writer:
        assert writer.publish() == 0
    store.close()
    with pytest.raises(StoreError, match="cannot be used: Cannot operate on a closed database"):
        store.count_documents()
