"""Writing to a store: accepted and refused values, and one writer at a time."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from store_builders import DIMENSION, a_store, ids, make_passages, put

from rag.errors import LockedError, StoreError
from rag.stores.contract import Failure

# -- writing


@pytest.mark.parametrize("policy", list(DuplicatePolicy))
def test_the_same_id_twice_in_one_batch(tmp_path, engine, policy):
    store = engine.filled(tmp_path / "c")
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


def test_overwriting_by_id_replaces_text_and_vector_everywhere(tmp_path, engine):
    store = engine.filled(tmp_path / "c", passages=make_passages(5))
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
    tmp_path, engine, vector, reason
):
    store = engine.filled(tmp_path / "c", passages=make_passages(3))
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
def test_meta_that_json_cannot_hold_is_refused_by_name_and_nothing_is_written(
    tmp_path, engine, value
):
    store = engine.filled(tmp_path / "c")
    with pytest.raises(ValueError, match="the meta of `bad` cannot be stored"):
        store.write_documents([Document(id="1"), Document(id="bad", meta={"a": [value]})])
    assert store.count_documents() == 0


def test_documents_are_listed_with_their_texts_in_order_of_age(tmp_path, engine):
    store = engine.filled(tmp_path / "c")
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


def test_removing_documents_removes_their_passages_from_both_indexes(tmp_path, engine):
    store = engine.filled(tmp_path / "c")
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


def test_failures_are_listed_until_their_path_is_done_again(tmp_path, engine):
    store = engine.filled(tmp_path / "c")
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


# -- one writer


HOLD = """
import sys, time
from rag.stores.embedded.store import EmbeddedStore
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
