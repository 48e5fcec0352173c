"""`rag evaluate answers` from the command line: asked once, judged again when the set changes."""

import json
import sys
from pathlib import Path

import pytest
from evaluation_sets import write_lines
from loaded_models import Remembering, load_shipped_once

from evaluation.answers import corpora
from rag.console import run_command
from rag.engine import RAG
from ui.commands.main import app

CABLE = "# Cables\n\nThe red cable is two metres long. It was made in Bern.\n"
PLUG = "# Plugs\n\nThe plug has three pins. A plug of brass weighs 40 g.\n"
QUESTIONS = [
    {"id": "c1", "corpus": "cables", "type": "fact", "question": "How long is the red cable?",
     "needed": [["two metres"]], "source": "cable.md", "place": "The red cable is two metres"},
    {"id": "p1", "corpus": "plugs", "type": "fact", "question": "How many pins has the plug?",
     "needed": [["three pins"]], "source": "plug.md", "place": "three pins"},
    {"id": "p2", "corpus": "plugs", "type": "fact", "question": "怎样烤面包？", "needed": [],
     "answerable": False},
]  # fmt: skip
SYSTEMS = (
    "words: {retrieval.method: bm25, ranker: null, reader.kind: sentences}\n"
    "silent: {retrieval.method: bm25, ranker: null, reader.kind: sentences,"
    " abstention.precision: 1.0}\n"
)


@pytest.fixture(autouse=True)
def _one_model(monkeypatch, embedder):
    monkeypatch.setattr(corpora, "load_embedder", lambda settings: Remembering(embedder))
    load_shipped_once(monkeypatch)


@pytest.fixture
def rag(capsys, monkeypatch):
    """Runs the command line as its entry point does; gives status, stdout and stderr."""

    def invoke(*arguments):
        arguments = [str(each) for each in ("evaluate", "answers", *arguments)]
        monkeypatch.setattr(sys, "argv", ["rag", *arguments])
        status = 0
        try:
            run_command(lambda: app(arguments, standalone_mode=True))
        except SystemExit as end:
            status = end.code or 0
        return status, *capsys.readouterr()

    return invoke


def write_files(rows=QUESTIONS):
    Path("data").mkdir(exist_ok=True)
    Path("data/cable.md").write_text(CABLE, encoding="utf-8")
    Path("data/plug.md").write_text(PLUG, encoding="utf-8")
    Path("data/bad.json").write_text("{", encoding="utf-8")
    listed = {"cables": ["cable.md", "bad.json"], "plugs": {"language": "en", "files": ["plug.md"]}}
    Path("corpora.json").write_text(json.dumps(listed), encoding="utf-8")
    Path("two.yaml").write_text(SYSTEMS, encoding="utf-8")
    return write_lines(Path("manual.jsonl"), rows)


def test_two_systems_are_asked_judged_compared_and_resumed(rag, monkeypatch):
    asked = []
    ask = RAG.ask
    monkeypatch.setattr(RAG, "ask", lambda self, text: asked.append(text) or ask(self, text))
    command = (write_files(), "--data", "data", "--systems", "two.yaml", "--out", "run")
    status, out, err = rag(*command)
    assert status == 0
    assert err.startswith("not indexed: data/bad.json: ")
    assert len(err.splitlines()) == 1
    assert "words: 3 questions, 2 with an answer" in out
    assert "right and readable  silent - words" in out
    assert len(asked) == 6
    rows = [json.loads(line) for line in Path("run/answers.jsonl").read_text("utf-8").splitlines()]
    found = {(row["system"], row["id"]): row for row in rows}
    assert found["words", "c1"]["right"], found["words", "c1"]["reasons"]
    assert found["words", "c1"]["citations"][0]["source"].endswith("cable.md")
    assert found["silent", "c1"]["reasons"][0].startswith("declined: ")
    assert found["silent", "p2"]["right"]
    page = Path("run/answers.html").read_text("utf-8")
    assert "How many pins has the plug?" in page
    assert "three pins" in Path("run/answers.md").read_text("utf-8")

    changed = [QUESTIONS[0] | {"needed": [["in Genoa"]]}, *QUESTIONS[1:]]
    new = {"id": "p3", "corpus": "plugs", "type": "fact", "question": "What does brass weigh?"}
    write_files([*changed, new | {"needed": [["40 g"]]}])
    asked.clear()
    status, out, _ = rag(*command, "--json")
    assert (status, asked) == (0, ["What does brass weigh?"] * 2)
    means = json.loads(out)["systems"]["words"]["groups"][-1]["means"]
    assert means["contains"]["n"] == 3
    assert "lacks: in Genoa" in Path("run/answers.jsonl").read_text("utf-8")


def test_nothing_is_asked_of_a_set_with_a_mistake(rag, monkeypatch):
    monkeypatch.setattr(RAG, "ask", None)
    path = write_files([QUESTIONS[0] | {"type": "riddle"}])
    status, out, err = rag(path, "--data", "data")
    assert (status, out) == (1, "")
    assert err.startswith("Error: `manual.jsonl`, line 1: `type`: expected one of fact")
    assert len(err.splitlines()) == 1


def test_the_help_shows_the_form_of_a_line(rag):
    shown = rag("--help")[1]
    assert '"needed": [["2 m"' in shown
    assert "corpora.json" in shown
