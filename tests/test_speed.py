"""`rag benchmark`: what it measures, and how it is shown."""

import json
from pathlib import Path

import pytest
from tiny_models import save_embedder, save_reader

from evaluation.speed import measurements
from evaluation.speed.machine import memory_used, read_machine, size_of
from evaluation.speed.measurements import (
    CommandTime,
    questions_about,
    time_commands,
    time_indexing,
    time_models,
    time_questions,
)
from evaluation.speed.tables import benchmark_lines
from rag.config import Config
from rag.errors import RagError
from rag.models.selection import Roles


def test_questions_are_about_titles_and_headings_in_their_language(sample_rag):
    found = questions_about(sample_rag)
    assert len(found) == len(set(found)) == measurements.QUESTIONS
    assert any(each.startswith("What is said about ") for each in found)
    assert any(each.endswith("是什么？") for each in found)
    assert questions_about(sample_rag, 3) != found and len(questions_about(sample_rag, 3)) == 3


def test_each_step_of_warm_questions_is_timed(sample_rag, monkeypatch):
    asked, forgotten = questions_about(sample_rag, 3), []
    monkeypatch.setattr(Roles, "forget", lambda _: forgotten.append("all"))
    found = {each.name: each for each in time_questions(sample_rag, asked)}
    assert len(forgotten) == 2 * len(asked)  # or the second of each would be read from a cache
    assert {"search", "search: bm25", "ask", "ask: embed", "ask: read"} <= set(found)
    for each in found.values():
        assert 0 <= each.p50 <= each.p95 and each.count <= len(asked)
    assert found["ask"].p50 > found["ask: bm25"].p50


def test_indexing_is_timed_beside_the_bare_embedder(embedder):
    texts = ["The hut stands above the glacier. " * 40, "The boiler is descaled in May. " * 40]
    found = time_indexing(texts, embedder, Config())
    assert found.passages >= 4
    assert found.ratio == found.seconds / found.bare > 0.5


def test_only_so_much_text_is_indexed(embedder, monkeypatch):
    monkeypatch.setattr(measurements, "MOST_INDEXED", 100)
    texts = ["The hut stands above the glacier. ", "A lamp. " * 100, "Never read. " * 1000]
    assert time_indexing(texts, embedder, Config()).passages == 2


def test_a_model_that_a_runtime_cannot_run_is_listed_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    names = []
    for save in (save_embedder, save_reader):
        folder = tmp_path / save.__name__
        folder.mkdir()
        names.append(str(save(folder)))
    found = time_models(names[:1], names[1:], ["a cat sleeps.", "a dog runs."], "what sleeps?")
    assert [(each.role, each.runtime) for each in found] == [
        ("embedder", "onnx"), ("reader", "onnx"), ("embedder", "torch"), ("reader", "torch"),
    ]  # fmt: skip
    for each in found:
        assert each.megabytes >= 0
        if each.runtime == "torch":
            assert each.problem is None and each.ms > 0 and each.load > 0
        else:
            assert "has no ONNX graph" in each.problem and each.ms is None


def test_facts_of_the_machine_are_read(tmp_path):
    machine = read_machine()
    assert machine.threads >= 1 and machine.libraries["onnxruntime"]
    now, most = memory_used()
    assert 10 < now <= most
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x").write_bytes(b"123")
    (tmp_path / "a" / "b" / "y").write_bytes(b"45")
    assert size_of(tmp_path) == 5


def test_commands_are_timed_in_processes_and_a_failure_says_why(sample_rag, monkeypatch, tmp_path):
    monkeypatch.setenv("RAG_HOME", str(tmp_path))
    monkeypatch.setattr(measurements, "ROUNDS", 1)
    with pytest.raises(RagError, match=r"`rag search --method bm25` failed: .*no collection"):
        time_commands("nothing", "What is it?", None)


def test_the_command_shows_all_as_a_table_and_as_json(rag, sample, monkeypatch):
    started = []

    def seconds(name, arguments):
        started.append(name)
        return 2.0 if name == measurements.TORCH else 1.0

    monkeypatch.setattr(measurements, "_seconds", seconds)
    monkeypatch.setattr(measurements, "QUESTIONS", 2)
    monkeypatch.setattr(measurements, "time_models", lambda *_: [])
    monkeypatch.setattr(measurements, "MOST_INDEXED", 1000)
    Path("rag.yaml").write_text("{ranker: null, reader: {kind: sentences}}")  # the quickest
    status, out, err = rag("benchmark", "--json")
    assert status == 0, err
    assert "4 of 4: models" in err
    found = json.loads(out)
    assert found["commands"][1] == vars(CommandTime("rag search --method bm25", 1.0, 0.5))
    assert len(started) == 4 * measurements.ROUNDS
    assert found["indexing"]["passages"] > 0 and found["collection_mb"] > 0
    assert found["memory_mb"]["now"] > 0
    shown = "\n".join(benchmark_lines(found))
    for words in ("x import torch", "0.50", "search: bm25", "times the bare embedder", "on disk"):
        assert words in shown
