"""The command line refuses on one line, with the right status, and loses nothing."""

import os
import shutil
from pathlib import Path

import filelock
import pytest
from cli_runs import QUESTION, done, refused

from rag.models import model_files
from rag.stores.embedded.store import EmbeddedStore


@pytest.mark.parametrize("command", ["search", "ask"])
@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([""], ["the question is empty"]),
        ([" \n\t"], ["the question is empty"]),
        (["why " * 250_000], ["1,000,000 characters", "200,000", "`retrieval.max_question`"]),
        (["the of and", "--method", "bm25"], ["`the of and`", "common words", "--method dense"]),
        ([QUESTION, "--top-k", "0"], ["top_k: expected 1 to 1000 (got 0)"]),
        ([QUESTION, "--top-k", "999999"], ["top_k: expected 1 to 1000 (got 999999)"]),
        ([QUESTION, "--method", "fts"], ["--method", "bm25, dense or hybrid", "fts"]),
        ([QUESTION, "--collection", "nope"], ["no collection `nope`", "`default`", "rag index"]),
        ([QUESTION, "--config", "nope.yaml"], ["no configuration file `nope.yaml`"]),
    ],
    ids=[
        "empty",
        "blank",
        "1-MB",
        "common-words",
        "top-k-0",
        "top-k-999999",
        "method",
        "collection",
        "config",
    ],
)
def test_a_bad_question_is_refused_on_one_line(rag, sample, command, arguments, parts):
    refused(rag(command, *arguments), *parts)


def test_a_question_of_a_megabyte_on_stdin_is_refused_without_reading_it_all(rag, sample):
    refused(rag("ask", "-", stdin=b"why " * 250_000), "the question has", "at most 200,000")
    refused(rag("ask", "-"), "the question is empty")


@pytest.mark.parametrize(
    "expression",
    ["format =", "format", "1 == 1", "__import__('os')", "year > 'x' or", "(" * 300, "x" * 3000],
)
def test_a_bad_filter_is_refused_on_one_line(rag, sample, expression):
    refused(rag("search", QUESTION, "--filter", expression), "filter")


@pytest.mark.parametrize("expression", ["year > [1]", "format in 'pdf'"])
def test_a_filter_that_means_nothing_is_refused_on_one_line(rag, sample, expression):
    refused(rag("search", QUESTION, "--filter", expression), "cannot be used")


@pytest.mark.parametrize("name", ["../x", "", "a" * 100, "a/b", "..", ".hidden", "a b"])
def test_a_bad_collection_name_is_refused_and_nothing_is_written(rag, docs, name):
    before = sorted(Path().rglob("*"))
    for command in (["index", docs], ["search", "x"], ["ask", "x"]):
        refused(rag(*command, "--collection", name), "cannot be a collection's name")
    for command in ("show", "delete", "check", "rebuild", "reembed"):
        refused(rag("collections", command, name), "cannot be a collection's name")
    assert sorted(Path().rglob("*")) == before


def test_an_empty_folder_and_a_missing_path_leave_nothing_behind(rag):
    Path("empty").mkdir()
    refused(rag("index", "empty"), "`empty` holds no document", ".txt")
    refused(rag("index", "missing"), "no file or folder `missing`")
    assert not Path(".rag").exists()


def test_an_emptied_folder_keeps_the_collection(rag, docs):
    rag("index", docs)
    for path in docs.iterdir():
        path.unlink()
    refused(rag("index", docs), "The 2 files indexed from it before are kept")
    assert done(rag("collections", "list", "--json"))["collections"][0]["documents"] == 2


def test_an_unreadable_file_is_listed_and_the_rest_is_indexed(rag, docs, monkeypatch):
    import indexing.plan

    real = indexing.plan.sha256_of

    def refuse(path):
        if path.name == "pump.txt":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(indexing.plan, "sha256_of", refuse)
    status, out, err = rag("index", docs)
    assert (status, err) == (2, "failed: docs/pump.txt: Permission denied\n")
    assert out.startswith("Indexed 1 files (1 passages)")


def other_model(folder):
    """A folder that says it is a model with vectors of another length."""
    from rag.models.model_files import find_model

    Path(folder).mkdir()
    real = find_model("all-MiniLM-L6-v2", setting="x").folder
    shutil.copy(real / "tokenizer.json", folder)
    Path(folder, "config.json").write_text('{"hidden_size": 8, "max_position_embeddings": 256}')
    Path(folder, "model.safetensors").write_bytes(b"")
    Path("rag.yaml").write_text(f"embedder: {{model: {folder}}}")


def test_another_embedder_than_the_collections_is_refused_by_name(rag, docs):
    rag("index", docs)
    other_model("./other")
    for command in (["search", "pump"], ["ask", "pump"]):
        refused(rag(*command), "`all-MiniLM-L6-v2` (384 dimensions)", "`./other` (8)")
    refused(rag("index", docs), "`all-MiniLM-L6-v2`", "`./other`", "`embedder.model`")
    assert done(rag("search", "pump", "--method", "bm25", "--json"))["results"]
    Path("rag.yaml").unlink()
    assert done(rag("search", "pump", "--json"))["results"]


@pytest.mark.parametrize("hidden", [False, True], ids=["not-here", "not-installed"])
def test_without_an_embedder_words_can_still_be_searched(rag, docs, monkeypatch, hidden):
    rag("index", docs)
    name = "all-MiniLM-L6-v2" if hidden else "nobody/nothing"
    monkeypatch.setattr(model_files, "_in_package", lambda name: None)
    Path("rag.yaml").write_text(f"embedder: {{model: {name}}}")
    for command in (["index", docs], ["search", "pump"], ["ask", "pump"]):
        refused(rag(*command), f"`{name}` is not on this machine", "`embedder.model`")
    assert done(rag("search", "pump", "--method", "bm25", "--json"))["results"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("retrieval: {topk: 3}", ["`rag.yaml` has 1 problem", "retrieval.topk", "`top_k`"]),
        (
            "retrieval: {method: fts}\nx: 1",
            ["2 problems", "retrieval.method: expected", "x: unknown"],
        ),
        ("retrieval: [", ["`rag.yaml` is not valid YAML at line 1"]),
        ("a string", ["`rag.yaml` has 1 problem"]),
    ],
)
def test_a_broken_configuration_stops_every_command(rag, sample, text, parts):
    Path("rag.yaml").write_text(text)
    for command in (["search", "x"], ["ask", "x"], ["index", "."], ["config"]):
        status, out, err = rag(*command)
        assert (status, out) == (1, "") and err.startswith("Error: ")
        assert "Traceback" not in err and err.count("\n") <= 1 + len(parts)
        assert all(part in err for part in parts)


def test_a_data_folder_that_cannot_be_made_is_named(rag, docs, monkeypatch):
    Path("taken").write_text("a file")
    monkeypatch.setenv("RAG_HOME", "taken")
    refused(rag("index", docs), "`taken/collections/default` cannot be created", "RAG_HOME")


def test_a_collection_that_cannot_be_written_is_named_and_stays(rag, docs, monkeypatch):
    rag("index", docs)
    Path("docs/new.txt").write_text("The mast is high.")

    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    refused(rag("index", docs), "cannot be written: Permission denied", "RAG_HOME")
    assert len(done(rag("search", "pump", "--method", "bm25", "--json"))["results"]) == 1


def test_a_collection_that_is_being_indexed_says_by_whom(rag, docs):
    rag("index", docs)
    store = EmbeddedStore(".rag/collections/default")
    with store.writer():
        for command in (["index", docs], ["collections", "delete", "default"]):
            refused(rag(*command), "`default` is locked", f"by process {os.getpid()}", "Wait")
    store.close()


def test_a_collection_that_was_never_finished_says_so(rag):
    EmbeddedStore(".rag/collections/default").close()
    refused(rag("ask", "x"), "`default` is not finished", "rag index")


@pytest.mark.parametrize(
    "arguments",
    [["--nope"], ["ask", "x", "--nope"], ["nope"], ["ask"], ["ask", "x", "--budget", "-1"]],
)
def test_a_usage_mistake_has_status_two_and_no_traceback(rag, arguments):
    status, out, err = rag(*arguments)
    assert (status, out) == (2, "") and "Usage: rag" in err and "Traceback" not in err
