"""Settings of a collection, its serialisation, and an empty one."""

from dataclasses import fields, replace

import pytest
from haystack import Pipeline
from haystack.components.writers import DocumentWriter
from store_builders import make_passages

from rag.config import StoreConfig
from rag.errors import MismatchError, StoreError
from rag.language.analysis import ANALYZER_VERSION
from rag.stores.contract import Manifest
from rag.stores.embedded.store import EmbeddedStore

MANIFEST = Manifest(
    schema=1, analyzer=ANALYZER_VERSION, embedder="model", embedder_sha256="ab", dimension=16,
    length=100, overlap=10, context=True,
)  # fmt: skip


CHANGES = [
    ({"embedder": "other"}, "embedder.model"),
    ({"embedder_sha256": "cd"}, "embedder.model"),
    ({"dimension": 32}, "embedder.model"),
    ({"length": 50}, "chunking.length"),
    ({"overlap": 0}, "chunking.overlap"),
    ({"context": False}, "chunking.context"),
]


def test_a_collection_made_with_something_else_names_the_setting(tmp_path, engine):
    store = engine.filled(tmp_path / "c")
    with store.writer() as writer:
        writer.use(MANIFEST)
        writer.commit()
    with store.writer() as writer:
        for changed, setting in CHANGES:
            ((name, now),) = changed.items()
            with pytest.raises(MismatchError) as error:
                writer.use(replace(MANIFEST, **changed))
            message = str(error.value)
            for part in ("`c`", f"`{getattr(MANIFEST, name)}`", f"`{now}`", f"`{setting}`"):
                assert part in message
    assert store.manifest == MANIFEST


def test_another_analyser_is_taken_over_since_bm25_is_rebuilt(tmp_path, engine):
    store = engine.filled(tmp_path / "c")
    for analyzer in ("0", ANALYZER_VERSION):
        with store.writer() as writer:
            writer.use(replace(MANIFEST, analyzer=analyzer))
            writer.commit()
    assert store.manifest == MANIFEST
    assert {each.name for each in fields(Manifest)} == set(MANIFEST.__dict__)


def test_a_store_survives_haystack_s_serialization(tmp_path):
    settings = StoreConfig(bm25="rank-bm25", exact_limit=7)
    store = EmbeddedStore(tmp_path / "c", settings=settings, title_weight=0.5)
    store.write_documents(make_passages(4))
    pipeline = Pipeline()
    pipeline.add_component("writer", DocumentWriter(store))
    read = Pipeline.loads(pipeline.dumps(), allowed_modules=["rag.stores.embedded.store"])
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
