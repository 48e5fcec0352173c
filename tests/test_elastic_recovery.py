"""A run that is killed at any request to a real cluster loses nothing and tears nothing."""

from dataclasses import replace

import pytest
from elasticsearch import Elasticsearch
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from store_builders import DIMENSION, ids, make_passages, put, unit_vectors
from store_engines import make_engine
from test_store_collections import MANIFEST

from rag.config import Config
from rag.errors import LockedError, MismatchError, StoreError
from rag.stores.contract import StoredDocument
from rag.stores.elasticsearch import client as elastic_client
from rag.stores.elasticsearch import index, integrity, lock
from rag.stores.elasticsearch.catalog import ElasticsearchCatalog
from rag.stores.elasticsearch.index import Names
from rag.stores.elasticsearch.store import ElasticsearchStore

pytestmark = pytest.mark.elasticsearch


class KilledError(BaseException):
    """The process is dead: every request from now on fails."""


class Death:
    """Ends a run before its request number `at`, like SIGKILL: nothing of ours runs after."""

    def __init__(self, at):
        self.at, self.done = at, 0

    def strike(self, monkeypatch):
        persist = elastic_client.Cluster._persist

        def dying(cluster, operation, *arguments):
            self.done += 1
            if self.done >= self.at:
                raise KilledError
            return persist(cluster, operation, *arguments)

        monkeypatch.setattr(elastic_client.Cluster, "_persist", dying)


@pytest.fixture
def one_engine(request, elasticsearch_url):
    made = make_engine("elasticsearch", request)
    yield made
    made.end()


def document(name, *texts):
    parts = [
        Document(
            id=f"{name}:{number}",
            content=text,
            meta={"document_id": name, "start": place, "end": place + len(text)},
            embedding=unit_vectors(1, number)[0].tolist(),
        )
        for number, (text, place) in enumerate(
            zip(texts, [sum(len(t) + 1 for t in texts[:n]) for n in range(len(texts))], strict=True)
        )
    ]
    return StoredDocument(name, f"{name}.txt", "", "\n".join(texts), "s", name), parts


ONE = {"a": ("alpha one", "alpha two"), "b": ("beta one",), "c": ("gamma one", "gamma two")}
OTHER = {"a": ("delta one",), "b": ("beta one",), "d": ("epsilon one", "epsilon two")}
STEP = 3  # every third request is enough: where it began moves on with each


def change(store, wanted):
    """Bring a collection from one of the two states to the other."""
    unwanted = OTHER if wanted is ONE else ONE
    with store.writer() as writer:
        for name in sorted(wanted.keys() - {"b"}):
            writer.replace(*document(name, *wanted[name]))
        writer.remove(sorted(unwanted.keys() - wanted.keys()))
        writer.commit()
        writer.publish()


def content(store):
    """Document -> its passages' texts; every reading says the same."""
    found = {info.document_id: [] for info in store.documents()}
    for passage in store.filter_documents():
        found[passage.meta["document_id"]].append(passage.content)
    texts = sorted(text for parts in found.values() for text in parts)
    seen = store.bm25_retrieval("one two", top_k=50)
    near = store.dense_retrieval([1.0] * DIMENSION, top_k=50)
    assert sorted(hit.content for hit in seen) == sorted(hit.content for hit in near) == texts
    assert [info.passages for info in store.documents()] == [len(found[name]) for name in found]
    return {name: tuple(parts) for name, parts in found.items()}


def test_a_run_killed_at_any_request_is_whole_or_not_there(one_engine, tmp_path, monkeypatch):
    """Killed before one request after the other; the next run finds the old state, or the new."""
    monkeypatch.setattr(lock, "_runs", lambda pid: False)  # the killed one was this process
    store = one_engine.open(tmp_path / "c")
    with store.writer() as writer:
        for name, texts in ONE.items():
            writer.replace(*document(name, *texts))
        writer.publish()
    was, wanted, killed, finished = ONE, OTHER, 0, False
    while not finished:
        with monkeypatch.context() as patch:
            Death(1 + STEP * killed).strike(patch)
            try:
                change(store, wanted)
                finished = True
            except KilledError:
                killed += 1
        assert content(store) in (was, wanted)
        with store.writer() as writer:  # whoever comes next publishes whole documents, or none
            writer.publish()
        for name, texts in content(store).items():
            assert texts in (was.get(name), wanted.get(name)), name
        assert store.check() == []
        change(store, wanted)
        assert content(store) == wanted
        was, wanted = wanted, was
    assert 8 < killed < 25
    assert store.check() == []


def test_what_was_committed_is_there_for_the_next_writer(cluster_engine, tmp_path):
    store = cluster_engine.open(tmp_path / "c")
    with pytest.raises(KeyError), store.writer() as writer:
        writer.replace(*document("a", "alpha one"))
        writer.commit()
        writer.replace(*document("b", "beta one"))
        raise KeyError
    assert (store.generation, list(store.documents())) == (0, [])
    with store.writer() as writer:
        assert writer.recovered == 1
        assert [info.document_id for info in store.documents(pending=True)] == ["a"]
        writer.publish()
    assert content(store) == {"a": ("alpha one",)}


def test_a_rebuilt_collection_is_the_same_with_other_shards(cluster_engine, tmp_path):
    store = cluster_engine.filled(tmp_path / "c", passages=make_passages(40))
    put(store, "x", "hello world", "hello there")
    store.delete_documents(["1-3"])
    before = store.filter_documents()
    more = cluster_engine.settings(shards=3)
    other = ElasticsearchStore("c", settings=more, folder=tmp_path / "other")
    other.rebuild()
    with Elasticsearch(cluster_engine.url) as client:
        pattern = f"{cluster_engine.prefix}~c~v*"
        found = client.indices.get(index=pattern, features="aliases,settings")
        assert list(found) == [f"{cluster_engine.prefix}~c~v2"]
        shards = found[f"{cluster_engine.prefix}~c~v2"]["settings"]["index"]["number_of_shards"]
        assert shards == "3"
    for each in (store, other):
        assert each.filter_documents() == before
        assert each.generation == 3
        assert each.check() == []
        assert set(ids(each.bm25_retrieval("hello", top_k=9))) == {"x:0", "x:1"}
        near = each.dense_retrieval(before[5].embedding, top_k=1)
        assert ids(near) == [before[5].id]
    put(store, "y", "written afterwards")
    assert ids(other.bm25_retrieval("afterwards", top_k=3)) == ["y:0"]
    other.close()


def test_a_rebuild_that_is_killed_leaves_the_old_index(one_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_runs", lambda pid: False)
    store = one_engine.filled(tmp_path / "c", passages=make_passages(5))
    at, killed = 12, 0
    while True:
        with monkeypatch.context() as patch:
            Death(at).strike(patch)
            try:
                store.rebuild()
                break
            except KilledError:
                killed += 1
        assert store.count_documents() == 5
        at += 3
    assert killed > 5
    assert store.check() == []
    store.write_documents(make_passages(2, seed=3))
    assert store.count_documents() == 7


def test_a_collection_that_is_embedded_again_and_killed_has_the_old_vectors_or_the_new(
    one_engine, tmp_path, monkeypatch
):
    monkeypatch.setattr(lock, "_runs", lambda pid: False)
    store = one_engine.open(tmp_path / "c")
    with store.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    store.write_documents(make_passages(8))
    other = replace(MANIFEST, embedder="other", embedder_sha256="cd", dimension=24)
    at, killed = 6, 0
    while True:
        with monkeypatch.context() as patch:
            Death(at).strike(patch)
            try:
                store.reembed(other, lambda some: unit_vectors(len(some), 5, 24))
                break
            except KilledError:
                killed += 1
        lengths = {len(each.embedding) for each in store.filter_documents()}
        manifest = store.manifest
        assert lengths == {manifest.dimension}
        assert len(store.dense_retrieval([1.0] * manifest.dimension, top_k=99)) == 8
        assert manifest in (MANIFEST, other)
        at += 3
    assert killed > 5
    assert (store.manifest, store.check()) == (other, [])
    assert {len(each.embedding) for each in store.filter_documents()} == {24}


def test_the_other_shape_needs_a_rebuild_and_says_so(one_engine, tmp_path):
    settings = one_engine.settings
    beside = ElasticsearchStore("c", settings=settings(dense="faiss"), folder=tmp_path / "f")
    beside.write_documents(make_passages(30))
    within = ElasticsearchStore("c", settings=settings(), folder=tmp_path / "g")
    with pytest.raises(StoreError, match=r"dense: faiss`. Set it back, or run `rag collections"):
        within.dense_retrieval([1.0] * DIMENSION, top_k=3)
    within.rebuild()
    expected = ids(beside.dense_retrieval([1.0] * DIMENSION, top_k=9))
    assert ids(within.dense_retrieval([1.0] * DIMENSION, top_k=9)) == expected
    beside.close()
    within.close()


@pytest.fixture
def outdated(one_engine, tmp_path, monkeypatch):
    """A collection whose rows another analyser made."""
    for module in (index, integrity):
        monkeypatch.setattr(module, "ANALYZER_VERSION", "0")
    one_engine.filled(tmp_path / "c", passages=make_passages(5))
    monkeypatch.undo()
    return one_engine.open(tmp_path / "c")


def test_an_index_of_an_older_analyser_is_rebuilt_when_it_is_searched(outdated, caplog):
    assert outdated.check() == ["bm25: the tokens are of the analyser `0`; rebuild it."]
    for _ in range(2):
        assert len(outdated.bm25_retrieval("word0 word1 word2", top_k=3)) == 3
    assert caplog.text.count("`c` was indexed by another version") == 1
    assert outdated.check() == []


def test_an_index_of_an_older_analyser_is_rebuilt_when_it_is_indexed_into(outdated):
    with outdated.writer() as writer:
        writer.use(MANIFEST)
    assert outdated.check() == []


def test_who_cannot_rebuild_an_old_index_is_told_what_to_run(outdated, one_engine, tmp_path):
    other = one_engine.open(tmp_path / "c")
    with other.writer(), pytest.raises(MismatchError, match="rag collections rebuild c"):
        outdated.bm25_retrieval("word0", top_k=3)


def test_an_index_of_a_newer_analyser_is_refused(one_engine, tmp_path, monkeypatch):
    for module in (index, integrity):
        monkeypatch.setattr(module, "ANALYZER_VERSION", "99")
    one_engine.filled(tmp_path / "c", passages=make_passages(5))
    monkeypatch.undo()
    with pytest.raises(MismatchError, match="newer version"):
        one_engine.open(tmp_path / "c").bm25_retrieval("word0", top_k=3)


def test_faiss_files_of_a_collection_that_was_made_again_are_made_again(cluster_engine, tmp_path):
    store = cluster_engine.filled(tmp_path / "c", passages=make_passages(20))
    store.delete_all_documents()
    ElasticsearchCatalog(tmp_path, Config(store=store.settings)).delete("c")
    again = cluster_engine.filled(tmp_path / "c", passages=make_passages(20, seed=9))
    vector = make_passages(20, seed=9)[7].embedding
    assert ids(again.dense_retrieval(vector, top_k=1)) == ["9-7"]
    assert ids(store.dense_retrieval(vector, top_k=1)) == ["9-7"]


# -- one writer


def test_a_second_writer_is_refused_and_a_killed_one_does_not_block(one_engine, tmp_path):
    store = one_engine.filled(tmp_path / "c", passages=make_passages(2))
    with store.writer():
        with pytest.raises(LockedError, match=r"`c` is locked by process \d+ on .* since 20"):
            store.delete_documents(["1-0"])
        with pytest.raises(LockedError):
            ElasticsearchCatalog(tmp_path, Config(store=store.settings)).delete("c")
    store.delete_documents(["1-0"])
    assert store.count_documents() == 1


def write_lock(engine, **changed):
    """Let somebody else hold the lock of `c`."""
    names = Names(engine.prefix, "c")
    facts = {
        "owner": "somebody", "pid": 4_000_000, "host": "far", "place": "far away",
        "since": "2024-01-01T00:00:00+00:00", "beat": "2024-01-01T00:00:00+00:00",
    }  # fmt: skip
    with Elasticsearch(engine.url) as client:
        client.index(index=names.locks, id=names.alias, document=facts | changed)


def test_a_lock_without_a_sign_of_life_is_taken_over(one_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.05)
    store = one_engine.filled(tmp_path / "c", passages=make_passages(2))
    now = lock._now()
    write_lock(one_engine, beat=now)
    with pytest.raises(LockedError, match="by process 4000000 on far since 2024"):
        store.delete_documents(["1-0"])
    write_lock(one_engine)  # quiet since 2024
    store.delete_documents(["1-0"])
    write_lock(one_engine, place=lock._place(), beat=now)  # of this machine, and gone
    store.delete_documents(["1-1"])
    assert store.count_documents() == 0


def test_a_holder_with_another_clock_keeps_its_lock(one_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.2)
    store = one_engine.filled(tmp_path / "c", passages=make_passages(2))
    monkeypatch.setattr(lock, "_now", lambda: "2031-01-01T00:00:00+00:00")
    with store.writer():
        monkeypatch.undo()
        monkeypatch.setattr(lock, "BEAT", 0.2)
        with pytest.raises(LockedError, match="is locked by process"):
            store.delete_documents(["1-0"])


def test_a_writer_that_lost_its_lock_publishes_nothing(one_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_runs", lambda pid: False)
    store = one_engine.filled(tmp_path / "c", passages=make_passages(2))
    other = one_engine.open(tmp_path / "c")
    with store.writer() as slow:
        slow.write(make_passages(1, seed=8), DuplicatePolicy.NONE)
        slow.commit()
        other.delete_documents(["1-0"])  # takes over, and publishes
        with pytest.raises(LockedError, match="has taken over"):
            slow.publish()
    assert store.generation == 2
    assert not {"1-0"} & set(ids(store.filter_documents()))


def test_names_that_an_index_cannot_have_are_kept_apart(elasticsearch_url):
    names = ["docs", "Docs", "DOCS", "文档", "文件", "a_b", "a.b", "é", "x" * 64, "evaluation:docs"]
    aliases = {Names("p", name).alias for name in names}
    assert len(aliases) == len(names)
    for alias in aliases:
        assert alias == alias.lower()
        assert len(alias.encode()) < 200
        assert not set(alias) & set('\\/*?"<>| ,#:')


def test_collections_are_listed_opened_and_deleted(one_engine):
    from rag.collections import collection_exists, delete_collection, list_collections, open_scratch
    from rag.collections import open_store as open_collection
    from rag.config import Config
    from rag.errors import CollectionError

    config = Config(store=one_engine.settings())
    assert list_collections(config) == []
    for name in ("Docs", "文档", "b"):
        open_collection(name, config, create=True).close()
    open_scratch("key", config).close()
    assert list_collections(config) == ["Docs", "b", "文档"]
    assert collection_exists("文档", config)
    assert not collection_exists("docs", config)
    with pytest.raises(CollectionError, match=r"no collection `docs` in the cluster.*`文档`"):
        open_collection("docs", config)
    delete_collection("文档", config)
    assert list_collections(config) == ["Docs", "b"]
    with pytest.raises(CollectionError, match="there is no collection `文档`"):
        delete_collection("文档", config)
    assert list_collections() == []
