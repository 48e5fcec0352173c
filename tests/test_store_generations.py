"""Readers of a store see one whole generation, whatever a writer does."""

# ruff: noqa: S608 - table names of this test

import threading
import time
from collections import Counter

import pytest
from haystack import Document
from store_builders import DIMENSION, a_store, ids, make_passages, put, ranked

from rag.stores.contract import StoredDocument
from rag.stores.embedded.store import StaleError


def test_an_unpublished_change_is_invisible_and_the_next_writer_publishes_it(tmp_path, engine):
    store = engine.filled(tmp_path / "c", passages=make_passages(3))
    before = ranked(store.bm25_retrieval("word0", top_k=9))
    with pytest.raises(RuntimeError), store.writer() as writer:
        document = StoredDocument("d", "d", "", "unique", "")
        writer.replace(document, [Document("d:0", content="unique")])
        writer.delete(["1-0"])
        writer.commit()
        writer.remove(["never committed"])
        raise RuntimeError
    again = engine.open(tmp_path / "c")
    for each in (store, again):
        assert each.generation == 1
        assert ranked(each.bm25_retrieval("word0", top_k=9)) == before
        assert each.count_documents() == 3
    with again.writer() as writer:
        assert writer.recovered == 1
        assert store.count_documents() == 3
        assert ids(store.bm25_retrieval("unique", top_k=3)) == []
        assert writer.publish() == 2
    assert ids(store.bm25_retrieval("unique", top_k=3)) == ["d:0"]
    assert set(ids(store.filter_documents())) == {"1-1", "1-2", "d:0"}


def test_a_named_generation_is_read_until_it_is_gone(tmp_path, engine):
    store = engine.filled(tmp_path / "c", passages=make_passages(30))
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
    # Marking rows moves bm25's statistics a little on a cluster, until it merges its segments.
    expect_same(read(1), first, tolerance=0 if engine.is_embedded else 0.01)
    assert read(2) == read(None) != first
    gone = {f"1-{number}" for number in range(15)}
    assert not gone & {passage_id for hits in read(2) for passage_id, _ in hits}
    put(store, "x", "word0")
    with store.writer():  # it deletes what generation 1 alone could see
        pass
    for generation in (1, 99):
        with pytest.raises(StaleError, match=f"generation {generation} is gone"):
            read(generation)
    assert read(3) == read(None)


def expect_same(found, expected, *, tolerance):
    for some, others in zip(found, expected, strict=True):
        assert [each for each, _ in some] == [each for each, _ in others]
        for (_, score), (_, other) in zip(some, others, strict=True):
            assert abs(score - other) <= tolerance


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


def test_two_stores_see_what_the_other_publishes(tmp_path, engine):
    one, other = engine.filled(tmp_path / "c"), engine.open(tmp_path / "c")
    for number in range(4):
        writer, reader = (one, other) if number % 2 else (other, one)
        put(writer, f"d{number}", f"shared text{number}")
        assert ids(reader.bm25_retrieval(f"text{number}", top_k=3)) == [f"d{number}:0"]
        assert len(reader.dense_retrieval([1.0] * DIMENSION, top_k=9)) == number + 1
        assert reader.generation == number + 1


def test_readers_see_one_whole_generation_while_a_writer_publishes(tmp_path, engine):
    # Every generation g replaces all five passages by texts that say `g<number>`.
    store = engine.filled(tmp_path / "c")
    put(store, "a", *(f"g1 shared p{number}" for number in range(5)))
    stop, problems, reads = threading.Event(), [], Counter()

    def read(number):
        reader = store if number % 2 else engine.open(tmp_path / "c")
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
    last = 40 if engine.is_embedded else 10
    end = time.monotonic() + 2
    generation = 1
    try:
        while generation < 6 or (time.monotonic() < end and generation < last):
            generation += 1
            put(store, "a", *(f"g{generation} shared p{number}" for number in range(5)))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert problems == []
    assert reads["done"] > reads["stale"]


def test_a_reader_can_open_while_a_writer_holds_its_transaction(tmp_path, engine):
    store = engine.filled(tmp_path / "c", passages=make_passages(3))
    with store.writer() as writer:
        writer.delete(["1-0"])
        other = engine.open(tmp_path / "c", create=False)
        assert other.count_documents() == 3
        other.close()
