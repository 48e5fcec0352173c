"""Collections, models, runs and conversations of the version before the rooms still open.

`made_before/` was written by that version: a collection of two documents with its embedder, a
promoted reader, a run of `rag evaluate`, and one conversation. The models are tiny and random.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from service_runs import answer_end

from evaluation.report import write_report
from evaluation.results.schema import load_results
from rag import files
from rag.collections import list_collections, open_rag, open_store
from rag.config import Config
from rag.config.reader import ReaderConfig
from rag.language.analysis import ANALYZER_VERSION
from rag.models.pair_model import PairModel
from rag.schema import SearchOptions
from ui.services import open_services

MADE = Path(__file__).parent / "made_before"
CONFIG = Config(ranker=None, reader=ReaderConfig(kind="sentences"))


@pytest.fixture
def before(monkeypatch, tmp_path):
    """A data folder of the version before."""
    shutil.copytree(MADE / "home", tmp_path / "home")
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_collection_is_sound_and_answers(before):
    assert list_collections() == ["before"]
    store = open_store("before", CONFIG)
    assert store.check() == []
    assert [each.source for each in store.documents()] == ["docs/dog.md", "docs/pump.txt"]
    store.close()
    rag = open_rag("before", CONFIG)
    assert rag.embedder.files.name == "promoted/embedder-en"
    for method in ("bm25", "dense", "hybrid"):
        found = rag.search("What is the dog called?", SearchOptions(method=method))
        assert "docs/dog.md" in {each.source for each in found.results}
    answer = rag.ask("What is the dog called?", SearchOptions(method="bm25"))
    assert answer.citations[0].source == "docs/dog.md"
    rag.store.close()


def bm25_facts(before):
    (seal,) = (before / "collections" / "before").glob("bm25-*/seal.json")
    return json.loads(seal.read_text(encoding="utf-8"))


def test_its_bm25_index_is_rebuilt_when_it_is_searched_and_that_is_said_once(before, caplog):
    assert bm25_facts(before)["analyzer"] == "1"
    for _ in range(2):
        store = open_store("before", CONFIG)
        assert store.bm25_retrieval("dog", top_k=1)
        assert store.bm25_retrieval("dogg caled Juno", top_k=1).read_as == "caled read as called"
        store.close()
    assert caplog.text.count("`before` was indexed by another version") == 1
    assert bm25_facts(before)["analyzer"] == ANALYZER_VERSION


def test_its_bm25_index_is_rebuilt_when_it_is_indexed_into(before, caplog):
    store = open_store("before", CONFIG)
    with store.writer() as writer:
        writer.use(replace(store.manifest, analyzer=ANALYZER_VERSION))
        writer.publish()
    assert "indexed by another version" in caplog.text
    assert bm25_facts(before)["analyzer"] == ANALYZER_VERSION
    assert store.manifest.analyzer == ANALYZER_VERSION
    assert store.bm25_retrieval("dog", top_k=1)
    store.close()


def test_who_may_only_read_can_search_it_too(before, monkeypatch):
    rename = files.rename

    def refuse(source, target):
        if before in source.parents:
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(files, "rename", refuse)
    store = open_store("before", CONFIG)
    assert store.bm25_retrieval("dog", top_k=1)
    store.close()
    assert bm25_facts(before)["analyzer"] == "1"


@pytest.mark.usefixtures("before")
def test_a_promoted_reader_reads():
    model = PairModel("promoted/reader-en", setting="reader.model", device="cpu", dtype="float32")
    assert model.reads
    assert model.ranks
    ((window,),) = model.read([("What is the dog called?", "The dog is called Juno.")])
    assert len(window.starts) == len(window.window.ids)


def test_a_run_is_read_and_reported(tmp_path):
    run = shutil.copytree(MADE / "run", tmp_path / "run")
    results = load_results(run)
    assert [system.name for system in results.systems] == ["bm25"]
    write_report(results, run)
    assert "Pass" in (run / "report.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("before")
def test_a_conversation_is_there_and_a_question_asked_then_can_be_answered():
    services = open_services(CONFIG)
    (conversation,) = services.conversations.recent("anna")
    (exchange,) = services.conversations.exchanges("anna", conversation.id)
    assert exchange.options["method"] == "bm25"
    again = services.answers.retry("anna", exchange.id)
    now = answer_end(services, "anna", again)
    assert now.state == "done"
    assert now.answer.citations[0].source == "docs/dog.md"
    services.close()


def test_the_imports_that_others_may_use_are_there():
    from rag import Config as First
    from rag import SearchOptions as Options
    from rag import load_config
    from rag.collections import open_rag as opens
    from rag.stores.embedded import EmbeddedStore
    from rag.stores.embedded.store import EmbeddedStore as Store

    assert (First, Options, opens, EmbeddedStore) == (Config, SearchOptions, open_rag, Store)
    assert load_config(environ={}) == Config()
