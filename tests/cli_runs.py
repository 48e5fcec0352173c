"""Commands run in this process, the folders they need, and what they must print."""

import io
import json
import logging
import shutil
import sys
from pathlib import Path

import pytest
from loaded_models import how
from places import ROOT

from rag.console import run_command
from ui.commands.main import app

QUESTION = "How thick is the ice of the Vessa Glacier at most?"  # 168 metres
SENTENCES = {
    "pump.txt": "The pump of the station runs on diesel. It was repaired in March.",
    "dog.md": "# The dog\n\nThe dog of the station is called Juno. She is nine years old.",
}


@pytest.fixture
def loggers_as_they_were():
    """Put back the loggers that a command sets up."""
    loggers = [logging.getLogger(name) for name in ("rag", "indexing", "evaluation", "ui")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.fixture(scope="session")
def read_before():
    """Models of readers and rankers that were loaded, and what they read."""
    return {}, {}


@pytest.fixture
def models_once(monkeypatch, read_before):
    """The models that are shipped are loaded once for all tests, and read the same once."""
    from rag.models import pair_model

    loaded, readings = read_before
    load, forward = pair_model.open_window_model, pair_model.PairModel._forward

    def load_once(files, settings):
        if not files.folder.is_relative_to(ROOT):  # a test may change it
            return load(files, settings)
        key = (files.folder, *how(settings))
        if key not in loaded:
            loaded[key] = load(files, settings)
        return loaded[key]

    def read_once(self, windows):
        if not self.files.folder.is_relative_to(ROOT):
            return forward(self, windows)
        key = (self.files.folder, *how(self), tuple(windows))
        if key not in readings:
            readings[key] = forward(self, windows)
        return readings[key]

    monkeypatch.setattr(pair_model, "open_window_model", load_once)
    monkeypatch.setattr(pair_model.PairModel, "_forward", read_once)


@pytest.fixture
def rag(monkeypatch, capsys, embedder, models_once, loggers_as_they_were):
    """Run a command in this process; give its status, stdout and stderr."""
    from rag.models import embedder as embedders

    monkeypatch.setattr(embedders, "_load", lambda files, config: (embedder._model, "onnx"))

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: app([str(each) for each in arguments], prog_name="rag"))
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


@pytest.fixture
def sample(monkeypatch, tmp_path, sample_store):
    """The bundled sample as the default collection of a data folder of its own."""
    home = tmp_path / "home"
    shutil.copytree(sample_store.folder, home / "collections" / "default")
    monkeypatch.setenv("RAG_HOME", str(home))
    return home / "collections" / "default"


@pytest.fixture
def docs():
    Path("docs").mkdir()
    for name, text in SENTENCES.items():
        Path("docs", name).write_text(text, encoding="utf-8")
    return Path("docs")


def done(result):
    """The JSON that a command printed; it ended well and said nothing else."""
    status, out, err = result
    assert (status, err) == (0, "")
    return json.loads(out)


def refused(result, *parts, status=1):
    """A command ended with an error on one line that names all of these."""
    code, out, err = result
    assert (code, out) == (status, "")
    assert err.startswith("Error: ") and err.count("\n") == 1 and err.endswith("\n"), err
    assert len(err) < 700
    for part in parts:
        assert part in err, (part, err)
