"""Three real nodes, of which one is killed or asleep while they are written to and asked."""

import threading
import time
from contextlib import contextmanager

import pytest
from elasticsearch_server import running, settings_for
from haystack import Document
from store_builders import ids, unit_vectors

from rag.errors import StoreError, UnavailableError
from rag.stores.contract import StoredDocument
from rag.stores.elasticsearch.store import ElasticsearchStore

pytestmark = [pytest.mark.elasticsearch, pytest.mark.timeout(600)]

BATCHES, DOCUMENTS, PASSAGES = 16, 10, 10


@pytest.fixture(scope="module")
def nodes():
    with running(nodes=3) as cluster:
        yield cluster


def open_store(nodes, tmp_path, name, *, urls=None, **options):
    options = {"shards": 3, "replicas": 1, "timeout": 9, "patience": 90, **options}
    settings = settings_for(urls or nodes.urls, prefix="nodes", **options)
    return ElasticsearchStore(name, settings=settings, folder=tmp_path / name)


def batch(number):
    """Documents whose every passage has a word of its own."""
    for place in range(DOCUMENTS):
        name = f"b{number}d{place}"
        texts = [f"shared unique{name}p{part} batch{number}" for part in range(PASSAGES)]
        vectors = unit_vectors(PASSAGES, number * DOCUMENTS + place)
        parts = [
            Document(
                id=f"{name}:{part}",
                content=text,
                meta={"document_id": name, "start": start, "end": start + len(text)},
                embedding=vectors[part].tolist(),
            )
            for part, (text, start) in enumerate(zip(texts, starts(texts), strict=True))
        ]
        yield StoredDocument(name, name, "", "\n".join(texts), "s", name), parts


def starts(texts):
    """Where each text begins when all are joined by line feeds."""
    return [sum(len(text) + 1 for text in texts[:place]) for place in range(len(texts))]


def fill(store, batches, acknowledged, after=lambda number: None):
    with store.writer() as writer:
        for number in batches:
            for document, parts in batch(number):
                writer.replace(document, parts)
            assert not writer.commit()
            acknowledged += [part.id for _, parts in batch(number) for part in parts]
            after(number)
        writer.publish()


@contextmanager
def meanwhile(act):
    """Do something again and again in another thread, for a block."""
    stop = threading.Event()

    def repeat():
        while not stop.wait(0.1):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_node_killed_while_indexing_and_searching_loses_nothing(nodes, tmp_path):
    store = open_store(nodes, tmp_path, "c")
    acknowledged, answers, problems = [], [], []
    fill(store, range(2), acknowledged)
    reader = open_store(nodes, tmp_path, "c")

    def ask():
        start = time.monotonic()
        try:
            found = reader.bm25_retrieval("uniqueb1d3p7", top_k=3)
            near = reader.dense_retrieval(unit_vectors(PASSAGES, 13)[7], top_k=1)
        except StoreError as error:
            problems.append(str(error))
            return
        finally:
            answers.append(time.monotonic() - start)
        if not found.note and ids(found) != ["b1d3:7"]:
            problems.append(f"bm25 {ids(found)}")
        if not near.note and ids(near) != ["b1d3:7"]:
            problems.append(f"dense {ids(near)}")

    events = {4: lambda: nodes.kill(1), 10: lambda: nodes.restart(1)}
    with meanwhile(ask):
        fill(store, range(2, BATCHES), acknowledged, lambda number: events.get(number, int)())
    found = [passage.id for passage in store.filter_documents()]
    lost, twice = set(acknowledged) - set(found), len(found) - len(set(found))
    print(  # noqa: T201 - the measured figures
        f"submitted {BATCHES * DOCUMENTS * PASSAGES}, acknowledged {len(acknowledged)}, "
        f"found {len(found)}, lost {len(lost)}, twice {twice}, phantom "
        f"{len(set(found) - set(acknowledged))}, searches {len(answers)}, failed {len(problems)}, "
        f"slowest {max(answers):.2f} s"
    )
    assert (lost, twice, set(found) - set(acknowledged)) == (set(), 0, set())
    assert len(acknowledged) == BATCHES * DOCUMENTS * PASSAGES
    assert store.count_documents() == len(acknowledged)
    assert store.check() == []
    assert len(answers) > 10
    assert max(answers) < 2 * 9 + 2  # two retrievals
    assert problems == []
    assert ids(store.bm25_retrieval("uniqueb14d3p7", top_k=3)) == ["b14d3:7"]
    store.close()
    reader.close()


def test_a_node_that_sleeps_is_passed_over_and_alone_it_is_one_line(nodes, tmp_path):
    store = open_store(nodes, tmp_path, "asleep", timeout=6)
    acknowledged = []
    fill(store, range(1), acknowledged)
    alone = open_store(nodes, tmp_path, "asleep", urls=[nodes.urls[2]], timeout=2, patience=4)
    nodes.pause(2)
    try:
        start = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            alone.bm25_retrieval("shared", top_k=3)
        assert time.monotonic() - start < 3
        assert "did not answer in time" in str(caught.value)
        with pytest.raises(UnavailableError):
            alone.delete_documents(["b0d0:0"])
        assert time.monotonic() - start < 12
    finally:
        nodes.resume(2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # until the nodes have found each other again
        try:
            found = store.bm25_retrieval("uniqueb0d3p7", top_k=3)
        except UnavailableError:
            continue
        if ids(found) == ["b0d3:7"] and not found.note:
            break
    assert ids(store.filter_documents()) == acknowledged
    assert ids(alone.bm25_retrieval("uniqueb0d3p7", top_k=3)) == ["b0d3:7"]
    for each in (store, alone):
        each.close()


def test_indexing_waits_for_nodes_that_come_back_and_gives_up_in_time(nodes, tmp_path):
    store = open_store(nodes, tmp_path, "waits", patience=60)
    acknowledged = []

    def sleep_a_while(number):
        if number == 1:
            for node in range(3):
                nodes.pause(node)
            threading.Timer(2, lambda: [nodes.resume(node) for node in range(3)]).start()

    start = time.monotonic()
    fill(store, range(4), acknowledged, sleep_a_while)
    assert time.monotonic() - start > 2
    assert sorted(ids(store.filter_documents())) == sorted(acknowledged)
    assert store.check() == []
    store.close()
