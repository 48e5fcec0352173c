"""A collection on a real cluster of which a part does not answer, through a proxy that fails."""

import json
import time
from pathlib import Path

import pytest
from elasticsearch_server import settings_for
from fake_cluster import CutError, FaultyProxy, error
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from store_builders import ids, make_passages, put
from store_engines import delete_all

from evaluation.run.caches import CachedStore, QuestionCache
from indexing.pipeline import index_paths
from rag.config import Config
from rag.engine import RAG
from rag.errors import StoreError, UnavailableError
from rag.schema import SearchOptions
from rag.stores.elasticsearch import bulk
from rag.stores.elasticsearch import client as elastic_client
from rag.stores.elasticsearch.store import ElasticsearchStore

pytestmark = pytest.mark.elasticsearch

TEXTS = {
    "pump.txt": "The pump of the station runs on diesel. It was repaired in March.",
    "dog.txt": "The dog of the station is called Juno. She is nine years old.",
}


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    for module in (elastic_client, bulk):
        monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(elastic_client, "BROKEN", 0.2)


@pytest.fixture
def proxy(elasticsearch_url):
    with FaultyProxy(elasticsearch_url).running() as made:
        yield made


@pytest.fixture
def opened(proxy, elasticsearch_url, tmp_path):
    """Opens stores behind the proxy."""
    prefix, stores = f"d{time.time_ns()}", []

    def open_store(dense="elasticsearch", **options):
        options = {"timeout": 4, "patience": 10, **options}
        settings = settings_for(proxy.url, prefix=prefix, dense=dense, **options)
        stores.append(ElasticsearchStore("c", settings=settings, folder=tmp_path / "derived"))
        return stores[-1]

    yield open_store
    proxy.fault, proxy.change = None, lambda method, path, answer: answer
    for store in stores:
        store.close()
    delete_all(elasticsearch_url, prefix)


@pytest.fixture
def asked(opened, embedder):
    """A collection of two texts, ready for questions."""

    def make(dense="elasticsearch"):
        store = opened(dense)
        for name, text in TEXTS.items():
            Path(name).write_text(text, encoding="utf-8")
        index_paths(
            [Path(name) for name in TEXTS], store, embedder, Config(), leave_out=Path("nowhere")
        )
        return RAG(Config(), store, embedder=embedder, collection="c")

    return make


def notes(trace):
    return {stage.name: stage.note for stage in trace.stages if stage.note}


def is_search(path, body, kind):
    """Whether a request is the search of one retriever, or of neither."""
    if "/_search" not in path:
        return False
    what = "bm25" if b'"match"' in body else "dense" if b'"knn"' in body else "other"
    return what == kind


@pytest.mark.parametrize(
    ("away", "dense"), [("bm25", "elasticsearch"), ("dense", "elasticsearch"), ("bm25", "faiss")]
)
def test_a_search_answers_from_what_is_left_and_says_so(asked, proxy, away, dense):
    rag = asked(dense)
    whole = rag.search("What is the dog called?")
    assert notes(whole.trace) == {}
    proxy.fault = lambda method, path, body: (
        error(429, "busy", "no threads") if is_search(path, body, away) else None
    )
    found = rag.search("What is the dog called?")
    assert found.results[0].source.endswith("dog.txt")
    assert notes(found.trace).keys() == {away}
    assert notes(found.trace)[away].startswith("unavailable: the cluster at `http://127.0.0.1")
    assert "no threads" in notes(found.trace)[away]
    answer = rag.ask("What is the dog called?")
    assert "Juno" in answer.answer
    assert away in notes(answer.trace)
    with pytest.raises(UnavailableError, match="no threads"):  # nothing is left
        rag.search("What is the dog called?", SearchOptions(method=away))


def test_words_count_the_same_when_their_rarity_cannot_be_looked_up(asked, proxy):
    rag = asked()
    proxy.fault = lambda method, path, body: error(503) if b'"aggs"' in body else None
    answer = rag.ask("What is the dog called?")
    assert "Juno" in answer.answer
    assert notes(answer.trace)["read"].startswith("every word counts the same: the cluster at")


def test_no_cluster_is_one_line_and_no_hang(asked, proxy):
    rag = asked()

    def cut(method, path, body):
        raise CutError

    proxy.fault, start = cut, time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        rag.search("What is the dog called?")
    assert time.monotonic() - start < 2
    assert "\n" not in str(caught.value)
    proxy.fault = None
    time.sleep(elastic_client.BROKEN)
    assert rag.search("What is the dog called?").results


def test_partial_and_timed_out_answers_are_marked_and_nothing_is_measured_on_them(asked, proxy):
    rag = asked()
    changes = {
        "partial: 1 of 3 shards failed": {"_shards": {"total": 3, "successful": 2, "failed": 1}},
        "partial: the cluster ran out of time": {"timed_out": True},
    }
    for note, changed in changes.items():
        proxy.change = lambda method, path, answer, changed=changed: (
            answer | changed if "/_search" in path and "pit" not in answer else answer
        )
        found = rag.search("What is the dog called?")
        assert found.results
        assert notes(found.trace) == {"bm25": note, "dense": note}
        with pytest.raises(StoreError, match="nothing is measured on a part"):
            CachedStore(rag.store, QuestionCache(), 10).bm25_retrieval("dog", top_k=5)
    proxy.change = lambda method, path, answer: answer
    proxy.fault = lambda method, path, body: error(429) if is_search(path, body, "bm25") else None
    with pytest.raises(StoreError) as caught:
        CachedStore(rag.store, QuestionCache(), 10).bm25_retrieval("dog", top_k=5)
    assert not isinstance(caught.value, UnavailableError)  # the engine must not go on


# -- writing


def refuse(proxy, word, status=400, kind="document_parsing_exception"):
    """Let the cluster refuse rows whose content has a word in it; the others are passed on."""

    def answer(method, path, body):
        if "/_bulk" not in path or word not in body:
            return None
        lines, kept, refused = body.splitlines(keepends=True), b"", []
        while lines:
            head = lines.pop(0)
            ((action, facts),) = json.loads(head).items()
            row = lines.pop(0) if action != "delete" else b""
            if word in row and b'"removed"' not in row:
                outcome = {"status": status, "error": {"type": kind, "reason": "no!"}}
                refused.append({action: {"_id": facts["_id"], **outcome}})
            else:
                kept += head + row
        items = []
        if kept:
            headers = {"Content-Type": "application/x-ndjson"}
            items = proxy.usual(method, path, kept, headers)[1]["items"]
        return 200, {"errors": bool(refused), "items": items + refused}

    proxy.fault = answer


def test_a_document_that_is_refused_is_listed_and_what_was_there_before_is_kept(
    opened, proxy, embedder
):
    store = opened()
    texts = {"a.txt": "The first text about apples.", "b.txt": "Another text about pears."}
    for name, text in texts.items():
        Path(name).write_text(text, encoding="utf-8")

    def run():
        paths = [Path(name) for name in texts]
        return index_paths(paths, store, embedder, Config(), leave_out=Path("nowhere"))

    assert not run().failures
    Path("a.txt").write_text("A poisoned text about apples.", encoding="utf-8")
    Path("b.txt").write_text("Another text about plums.", encoding="utf-8")
    refuse(proxy, b"poisoned")
    report = run()
    assert [(each.source, each.stage, each.reason) for each in report.failures] == [
        ("a.txt", "store", "no!")
    ]
    assert [each.source for each in report.indexed] == ["b.txt"]
    assert [each.reason for each in store.failures()] == ["no!"]
    proxy.fault = None
    assert sorted(each.content for each in store.filter_documents()) == [
        "Another text about plums.",
        "The first text about apples.",
    ]
    assert store.check() == []
    assert not run().failures  # the file is done again, as it was not taken
    assert store.failures() == []
    assert ids(store.bm25_retrieval("poisoned", top_k=3))


def test_a_passage_that_is_refused_is_an_error_and_the_old_one_stays(opened, proxy):
    store = opened()
    store.write_documents([Document(id="1", content="old")])
    refuse(proxy, b"poisoned")
    with pytest.raises(StoreError, match="`1` was refused: no!"):
        store.write_documents([Document(id="1", content="poisoned")], DuplicatePolicy.OVERWRITE)
    proxy.fault = None
    store.delete_documents([])
    assert [each.content for each in store.filter_documents()] == ["old"]


def test_a_deletion_that_fails_is_not_reported_as_done_and_is_tried_again(opened, proxy):
    store = opened()
    store.write_documents(make_passages(3))
    wrong = iter([True, True])

    def busy(method, path, body):
        if "/_bulk" in path and b'"removed"' in body and next(wrong, False):
            names = [json.loads(line) for line in body.splitlines()]
            items = [
                {"index": {"_id": each["index"]["_id"], "status": 429, "error": {"type": "busy"}}}
                for each in names
                if "index" in each
            ]
            return 200, {"errors": True, "items": items}
        return None

    proxy.fault = busy
    store.delete_documents(["1-0"])
    assert next(wrong, None) is None
    assert ids(store.filter_documents()) == ["1-1", "1-2"]
    proxy.fault = lambda method, path, body: (
        error(503) if "/_bulk" in path and b'"removed"' in body else None
    )
    store.settings.elasticsearch.__dict__["patience"] = 0.3
    with pytest.raises(UnavailableError):
        store.delete_documents(["1-1"])
    proxy.fault = None
    assert ids(store.filter_documents()) == ["1-1", "1-2"]


@pytest.mark.parametrize("lost", ["/_bulk", "/_doc/state", "~~locks/_doc", "/_refresh", "_mapping"])
def test_answers_that_are_lost_on_the_way_change_nothing(opened, proxy, lost):
    store, cut = opened(), [0]

    def change(method, path, answer):
        if lost in path and method != "GET" and cut[0] < 2:
            cut[0] += 1
            raise CutError  # after it was done
        return answer

    proxy.change = change
    put(store, "a", "first text", "second text")
    assert cut[0]
    assert ids(store.filter_documents()) == ["a:0", "a:1"]
    assert store.generation == 1
    put(store, "a", "third text")
    assert [each.content for each in store.filter_documents()] == ["third text"]
    assert store.check() == []


def test_an_index_that_is_gone_is_one_line_and_is_not_made_by_a_write(opened, elasticsearch_url):
    store = opened()
    store.write_documents(make_passages(3))
    with store.writer() as writer:
        writer.write(make_passages(2, seed=7), DuplicatePolicy.NONE)
        delete_all(elasticsearch_url, store.names.prefix)
        with pytest.raises(StoreError) as caught:
            writer.publish()
    assert "the collection's index is gone" in str(caught.value)
    assert "rag index PATH" in str(caught.value)
    for read in (
        lambda: store.bm25_retrieval("word0", top_k=3),
        store.filter_documents,
        store.count_documents,
    ):
        with pytest.raises(StoreError, match="the collection's index is gone"):
            read()
    again = opened()  # made again, and empty: a new identity
    again.write_documents(make_passages(2, seed=3))
    assert ids(store.bm25_retrieval("word0 word1 word2", top_k=9))  # the old handle sees it
    assert store.count_documents() == 2
    found = store.dense_retrieval(make_passages(2, seed=3)[0].embedding, top_k=1)
    assert ids(found) == ["3-0"]


def test_a_read_only_index_is_one_line(opened, elasticsearch_url):
    from elasticsearch import Elasticsearch

    store = opened()
    store.write_documents(make_passages(3))
    with Elasticsearch(elasticsearch_url) as client:
        block = {"index.blocks.read_only_allow_delete": True}
        client.indices.put_settings(index=store.names.alias, settings=block)
        with pytest.raises(StoreError) as caught:
            store.write_documents(make_passages(2, seed=5))
        assert "the index is read-only" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(store.bm25_retrieval("word0", top_k=9)) > 0
        free = {"index.blocks.read_only_allow_delete": None}
        client.indices.put_settings(index=store.names.alias, settings=free)
    store.write_documents(make_passages(2, seed=5))
    assert store.count_documents() == 5


def test_another_mapping_is_one_line(opened, elasticsearch_url, tmp_path):
    from elasticsearch import Elasticsearch

    store = opened()
    with Elasticsearch(elasticsearch_url) as client:
        client.indices.create(
            index="strange~x~v1",
            aliases={"strange~x": {}},
            mappings={"_meta": {"collection": "x"}, "properties": {"n": {"type": "keyword"}}},
        )
        try:
            settings = settings_for(elasticsearch_url, prefix="strange")
            with pytest.raises(StoreError) as caught:
                ElasticsearchStore("x", settings=settings, folder=tmp_path)
            assert "is no collection" in str(caught.value)
        finally:
            client.indices.delete(index="strange~x~v1")
        index = f"{store.names.alias}~v1"
        client.indices.put_mapping(index=index, properties={"vector": {"type": "keyword"}})
        with pytest.raises(StoreError) as caught:
            store.write_documents(make_passages(1))
    assert "the index has another mapping than this version makes" in str(caught.value)
