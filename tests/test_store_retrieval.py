"""Scores, rankings and filters of a store, checked against slow definitions."""

from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from store_builders import (
    DIMENSION,
    FLAT,
    GRAPH,
    QUERIES,
    RANK_BM25,
    TANTIVY,
    a_store,
    expect_ranking,
    ids,
    make_passages,
    ranked,
    slow_bm25,
    slow_dense,
    unit_vectors,
)
from store_engines import CLUSTER, make_engine

from rag.language.analysis import tokens
from rag.stores.embedded import derived_indexes


@pytest.fixture(scope="module", params=["flat", "graph", *CLUSTER])
def filled(request, tmp_path_factory, passages):
    """The same passages in every kind of store; only for reading."""
    config = GRAPH if request.param == "graph" else FLAT
    kind = request.param if request.param in ("elasticsearch", "faiss") else "embedded"
    made = make_engine(kind, request)
    yield made.filled(tmp_path_factory.mktemp("filled") / "c", config, passages)
    made.end()


def test_passages_are_read_by_id(filled, passages):
    wanted = [passages[5].id, "nobody", passages[2].id, "it's; DROP"]
    assert [each.id for each in filled.passages_by_id(wanted)] == [passages[5].id, passages[2].id]
    assert filled.passages_by_id(wanted)[0].content == passages[5].content
    assert filled.passages_by_id([]) == []
    assert filled.passages_by_id(wanted, generation=0) == []


# -- scores


def test_bm25_is_the_slow_definition(tmp_path, engine):
    bm25_is_the_slow_definition(engine.filled, tmp_path, TANTIVY)


def test_rank_bm25_is_the_slow_definition(tmp_path):
    bm25_is_the_slow_definition(a_store, tmp_path, RANK_BM25)


def bm25_is_the_slow_definition(fill, tmp_path, config):
    # tantivy keeps a text's length in one byte, exact up to 40 tokens: longer texts score a little
    # differently there, so the texts here are short.
    passages = make_passages(200, longest=30)
    passages = [replace(p, meta={"title": f"word{n % 7} Title"}) for n, p in enumerate(passages)]
    store = fill(tmp_path / "c", config, passages)
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


def test_dense_without_a_graph_is_brute_force(tmp_path, engine, passages):
    store = engine.filled(tmp_path / "c", FLAT, passages)
    for vector in unit_vectors(20, 77):
        expected = slow_dense(passages, vector, top_k=25)
        expect_ranking(store.dense_retrieval((7 * vector).tolist(), top_k=25), expected, 2e-6)


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


def test_equal_scores_are_in_order_of_age_even_at_the_cut(tmp_path, engine):
    equal_scores_are_in_order_of_age(engine.filled, tmp_path, FLAT)


@pytest.mark.parametrize("config", [RANK_BM25, GRAPH], ids=["rank-bm25", "graph"])
def test_equal_scores_are_in_order_of_age_with_other_indexes(tmp_path, config):
    equal_scores_are_in_order_of_age(a_store, tmp_path, config)


def equal_scores_are_in_order_of_age(fill, tmp_path, config):
    same = [Document(id=f"{n}", content="same words", embedding=[1.0, 2.0]) for n in range(300)]
    other = [Document(id="best", content="same same", embedding=[3.0, 1.0])]
    store = fill(tmp_path / "c", config, [*same[:150], *other, *same[150:]])
    for top_k in (1, 7, 60, 200, 301):
        assert ids(store.bm25_retrieval("words", top_k=top_k)) == [d.id for d in same[:top_k]]
        if config is not GRAPH:
            found = ids(store.dense_retrieval([3.0, 1.0], top_k=top_k))
            assert found == [d.id for d in [*other, *same]][:top_k]
    store.close()


def test_no_sign_or_word_of_a_query_is_syntax(tmp_path, engine):
    no_sign_is_syntax(engine.filled(tmp_path / "c", passages=make_passages(50)))


def test_no_sign_or_word_of_a_query_is_syntax_to_rank_bm25(tmp_path):
    no_sign_is_syntax(a_store(tmp_path / "c", RANK_BM25, make_passages(50)))


def no_sign_is_syntax(store):
    plain = ranked(store.bm25_retrieval("word1 word2", top_k=50))
    hostile = 'word1 AND OR NOT " ( IN [ TO ] ) ~ ^ * ? : \\ / + - && || ! {} word2 \0 \n'
    allowed = {"word1", "word2", "in", "to", "and", "or", "not"}
    assert set(tokens(hostile)) <= allowed
    assert ranked(store.bm25_retrieval(hostile, top_k=50)) == plain
    for query in ("", " ", '"', "AND", "n:1", "text:word1^9", "(" * 500, "\ud800", "*"):
        store.bm25_retrieval(query, top_k=5)
    store.close()


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one_is_refused(filled, top_k):
    with pytest.raises(ValueError, match="top_k: expected at least 1"):
        filled.bm25_retrieval("word1", top_k=top_k)
    with pytest.raises(ValueError, match="top_k: expected at least 1"):
        filled.dense_retrieval([1.0] * DIMENSION, top_k=top_k)


# -- incremental bm25


def test_bm25_with_passages_added_is_bm25_rebuilt(tmp_path, monkeypatch, passages):
    monkeypatch.setattr(derived_indexes, "SMALL", 0)
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
    monkeypatch.setattr(derived_indexes, "SMALL", 0)
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
    store.delete_documents([passage.id for passage in passages[1::3]])  # now it is built again
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
