"""Other vectors for all passages of a collection: all at once, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from haystack import Document
from store_builders import (
    DIMENSION,
    QUERIES,
    expect_ranking,
    ids,
    make_passages,
    put,
    ranked,
    slow_dense,
    unit_vectors,
)
from test_store_collections import MANIFEST

from rag.errors import LockedError, MismatchError, StaleError, StoreError
from rag.stores.contract import Failure, StoredDocument
from rag.stores.embedded import reembedding
from rag.stores.embedded.derived_indexes import DerivedIndexes
from rag.stores.embedded.journal import Journal
from rag.stores.embedded.store import EmbeddedStore

OTHER = replace(MANIFEST, embedder="other", embedder_sha256="cd", dimension=24)
OLD, NEW = [1.0] * DIMENSION, [1.0] * 24


def vector_of(passage, dimension=24):
    """A vector that depends on the passage alone."""
    seed = int.from_bytes((passage.id + (passage.content or "")).encode()[:24], "big") % 2**32
    return unit_vectors(1, seed, dimension)[0]


class Embedding:
    """Makes such vectors; remembers what it was given, and fails when it is told to."""

    def __init__(self, dimension=24, *, fails_after=None):
        self.dimension, self.fails_after, self.seen, self.during = dimension, fails_after, [], None

    def __call__(self, passages):
        if self.fails_after is not None and len(self.seen) >= self.fails_after:
            raise KeyError("the power is gone")
        if self.during:
            self.during()
        self.seen += ids(passages)
        return np.array([vector_of(each, self.dimension) for each in passages])


@pytest.fixture
def store(tmp_path, engine):
    """Passages by themselves, some without a vector, documents, and a failure."""
    made = engine.open(tmp_path / "c")
    with made.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    passages = make_passages(40)
    passages[3] = replace(passages[3], embedding=None)
    made.write_documents(passages)
    put(made, "x", "hello world", "hello there")
    put(made, "y", "hello again")
    put(made, "x", "hello world", "hello everybody", "word0 and more")
    with made.writer() as writer:
        writer.fail([Failure("bad.pdf", "convert", "is damaged", "/bad.pdf")], ["/bad.pdf"])
        writer.commit()
    return made


def facts(store):
    """All of a store but its vectors."""
    passages = [(each.id, each.content, each.meta) for each in store.filter_documents()]
    documents = list(store.documents())
    return passages, documents, store.failures(), [store.text_of(d.document_id) for d in documents]


def searched(store, **options):
    found = [ranked(store.bm25_retrieval(query, top_k=9, **options)) for query in QUERIES]
    return [*found, ids(store.dense_retrieval(OLD, top_k=9, **options))]


def expect_reembedded(store, before, *, dimension=24):
    assert facts(store) == before
    passages = store.filter_documents()
    assert [each.id for each in passages if each.embedding is None] == ["1-3"]
    embedded = [each for each in passages if each.embedding is not None]
    for each in embedded:
        np.testing.assert_allclose(each.embedding, vector_of(each, dimension), atol=1e-6)
    vector = [1.0] * dimension
    expected = slow_dense(embedded, np.array(vector), top_k=9)
    expect_ranking(store.dense_retrieval(vector, top_k=9), expected, 1e-5)
    assert store.check() == []


def test_every_passage_gets_its_new_vector_and_all_else_stays(tmp_path, engine, store):
    before, generation, told = facts(store), store.generation, []
    words = [ids(store.bm25_retrieval(query, top_k=9)) for query in QUERIES]
    embed, other = Embedding(), engine.open(tmp_path / "c")
    assert len(other.dense_retrieval(OLD, top_k=99)) == 43
    made = store.reembed(OTHER, embed, told=lambda done, total: told.append((done, total)))
    assert made == store.generation > generation
    assert sorted(embed.seen) == sorted(each[0] for each in before[0] if each[0] != "1-3")
    assert told[-1] == (43, 43)
    for each in (store, other, engine.open(tmp_path / "c", create=False)):
        assert each.manifest == OTHER
        expect_reembedded(each, before)
        assert [ids(each.bm25_retrieval(query, top_k=9)) for query in QUERIES] == words
        with pytest.raises(ValueError, match="16 dimensions, the collection 24"):
            each.dense_retrieval(OLD, top_k=3)


def test_another_embedder_with_vectors_of_the_same_length(tmp_path, engine, store):
    before, other = facts(store), engine.open(tmp_path / "c")
    old = ids(other.dense_retrieval(OLD, top_k=9))
    store.reembed(replace(OTHER, dimension=DIMENSION), Embedding(DIMENSION))
    for each in (store, other):
        assert ids(each.dense_retrieval(OLD, top_k=9)) != old
        expect_reembedded(each, before, dimension=DIMENSION)


def test_readers_see_the_old_vectors_until_all_new_ones_are_there(
    tmp_path, engine, store, monkeypatch
):
    monkeypatch.setattr(reembedding, "BATCH", 10)
    reader, before, old = engine.open(tmp_path / "c"), facts(store), searched(store)
    generation, embed, looked = store.generation, Embedding(), []

    def look():
        for each in (store, reader, engine.open(tmp_path / "c", create=False)):
            assert each.generation == generation
            assert each.manifest == MANIFEST
            assert searched(each) == old
        looked.append(facts(reader) == before)

    embed.during = look
    store.reembed(OTHER, embed)
    assert looked and all(looked)
    expect_reembedded(reader, before)
    try:  # whoever began with the old generation is served by it, or told to ask again
        assert ids(store.dense_retrieval(OLD, top_k=9, generation=generation)) == old[-1]
    except StaleError:
        assert not engine.is_embedded


def test_a_run_that_fails_leaves_the_old_vectors_and_the_next_one_ends_it(
    tmp_path, engine, store, monkeypatch
):
    monkeypatch.setattr(reembedding, "BATCH", 10)
    before, old = facts(store), searched(store)
    with pytest.raises(KeyError):
        store.reembed(OTHER, Embedding(fails_after=20 if engine.is_embedded else 0))
    again = engine.open(tmp_path / "c")
    for each in (store, again):
        assert (each.manifest, searched(each), facts(each)) == (MANIFEST, old, before)
    put(again, "z", "written in between")
    before, embed = facts(again), Embedding()
    again.reembed(OTHER, embed)
    if engine.is_embedded:  # what was embedded is not embedded again
        assert len(embed.seen) == 43 + 1 - 20
    expect_reembedded(again, before)


def test_vectors_of_another_embedder_are_never_mixed_in(tmp_path, monkeypatch):
    monkeypatch.setattr(reembedding, "BATCH", 4)
    store = EmbeddedStore(tmp_path / "c")
    with store.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    store.write_documents(make_passages(20))
    with pytest.raises(KeyError):
        store.reembed(OTHER, Embedding(fails_after=8))
    embed = Embedding(8)
    store.reembed(replace(OTHER, embedder="third", dimension=8), embed)
    assert len(embed.seen) == 20
    for each in store.filter_documents():
        np.testing.assert_allclose(each.embedding, vector_of(each, 8), atol=1e-6)
    assert store.journal.rows("SELECT name FROM sqlite_master WHERE name = 'fresh'") == []
    store.close()


def test_the_same_embedder_has_nothing_to_do(store):
    generation = store.generation
    embed = Embedding()
    assert store.reembed(MANIFEST, embed) == generation
    assert embed.seen == []


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path, engine, store):
    before, old = facts(store), searched(store)
    with pytest.raises(MismatchError, match=r"a passage length of `100`.*`50`"):
        store.reembed(replace(OTHER, length=50), Embedding())
    with pytest.raises(ValueError, match=r"shape \(\d+, 8\), not \(\d+, 24\)"):
        store.reembed(OTHER, Embedding(8))
    with pytest.raises(ValueError, match="NaN or infinity"):
        store.reembed(OTHER, lambda passages: np.full((len(passages), 24), np.nan))
    empty = engine.open(tmp_path / "empty")
    with pytest.raises(StoreError, match=r"`empty` holds nothing to embed again\. .* rag index"):
        empty.reembed(OTHER, Embedding())
    assert (store.manifest, searched(store), facts(store)) == (MANIFEST, old, before)


def test_one_writer_at_a_time_also_while_it_embeds(tmp_path, engine, store):
    other, embed, refused = engine.open(tmp_path / "c"), Embedding(), []

    def write():
        with pytest.raises(LockedError):
            put(other, "z", "text")
        refused.append(True)

    embed.during = write
    store.reembed(OTHER, embed)
    assert refused


def test_what_is_written_afterwards_has_the_new_length(tmp_path, engine, store):
    store.reembed(OTHER, Embedding())
    with pytest.raises(ValueError, match="16 dimensions, the collection 24"):
        put(store, "z", "text")
    with store.writer() as writer, pytest.raises(MismatchError, match=r"rag collections reembed c"):
        writer.use(MANIFEST)
    with store.writer() as writer:
        writer.use(OTHER)
        passage = Document(id="z:0", content="zebra", embedding=NEW, meta={"start": 0, "end": 5})
        writer.replace(StoredDocument("z", "z", "", "zebra", "s"), [passage])
        writer.publish()
    assert ids(store.bm25_retrieval("zebra", top_k=3)) == ["z:0"]
    assert ids(store.dense_retrieval(NEW, top_k=1)) == ["z:0"]
    before = facts(store)
    store.reembed(replace(OTHER, embedder="third", dimension=8), Embedding(8))
    expect_reembedded(store, before, dimension=8)
    store.rebuild()
    expect_reembedded(store, before, dimension=8)


def test_what_an_interrupted_run_had_committed_gets_new_vectors_too(tmp_path, engine, store):
    with pytest.raises(KeyError), store.writer() as writer:
        passage = Document(id="z:0", content="zebra", embedding=OLD, meta={"start": 0, "end": 5})
        writer.replace(StoredDocument("z", "z", "", "zebra", "s"), [passage])
        writer.commit()
        raise KeyError
    store.reembed(OTHER, Embedding())
    assert "z" in {info.document_id for info in store.documents()}
    expect_reembedded(store, facts(store))


@pytest.mark.parametrize(
    ("kind", "name"), [(DerivedIndexes, "update"), (Journal, "show_generation")]
)
def test_vectors_that_are_whole_and_not_published_are_published_by_the_next_writer(
    tmp_path, monkeypatch, kind, name
):
    store = EmbeddedStore(tmp_path / "c")
    with store.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    store.write_documents(make_passages(20))
    before = store.filter_documents()

    def die(self, generation):
        raise KeyError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(kind, name, die)
        with pytest.raises(KeyError):
            store.reembed(OTHER, Embedding())
    reader = EmbeddedStore(tmp_path / "c")
    assert (reader.manifest, reader.filter_documents()) == (MANIFEST, before)
    assert len(reader.dense_retrieval(OLD, top_k=99)) == 20
    with reader.writer() as writer, pytest.raises(MismatchError, match="made with the embedder `o"):
        writer.use(MANIFEST)  # nothing of the old embedder gets in
    assert (store.manifest, store.generation) == (OTHER, 2)
    for each in store.filter_documents():
        np.testing.assert_allclose(each.embedding, vector_of(each), atol=1e-6)
    assert store.check() == []
    store.close()
    reader.close()
