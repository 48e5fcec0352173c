"""Every command with `store.kind: elasticsearch`, in both shapes, against a real server."""

import json
from pathlib import Path

import pytest
from cli_runs import done, refused
from evaluation_sets import write_squad
from fake_cluster import FakeCluster, error
from loaded_models import how
from store_engines import delete_all

from evaluation import launch
from rag.models import pair_model

SHAPES = ["elasticsearch", "faiss"]


@pytest.fixture(scope="module")
def loaded():
    """Folder and options -> the model."""
    return {}


@pytest.fixture(autouse=True)
def _models_are_loaded_once(monkeypatch, loaded):
    load = pair_model.open_window_model

    def load_once(files, settings):
        key = (files.folder, *how(settings))
        if key not in loaded:
            loaded[key] = load(files, settings)
        return loaded[key]

    monkeypatch.setattr(pair_model, "open_window_model", load_once)


@pytest.fixture(params=SHAPES)
def configured(request, elasticsearch_url, monkeypatch, tmp_path):
    prefix = f"c{tmp_path.name[-20:].lower().replace('_', '')}{request.param[0]}"
    Path("rag.yaml").write_text(
        f"store: {{kind: elasticsearch, elasticsearch: {{url: '{elasticsearch_url}', "
        f"prefix: {prefix}, dense: {request.param}, replicas: 0}}}}\n"
    )
    yield prefix
    delete_all(elasticsearch_url, prefix)


@pytest.mark.elasticsearch
def test_every_command_works_on_a_cluster(rag, configured, docs):
    assert done(rag("collections", "list", "--json")) == {"collections": []}
    refused(rag("ask", "Who is Juno?"), "no collection `default` in the cluster at", "rag index")
    assert done(rag("index", "docs", "--dry-run", "--json"))["new"] == [
        "docs/dog.md",
        "docs/pump.txt",
    ]
    first = done(rag("index", "docs", "--json"))
    assert (first["generation"], first["counts"]["indexed"]) == (1, 2)
    Path("docs/ice.md").write_text("# 冰川\n\n冰川的冰最厚处有一百六十八米。", encoding="utf-8")
    Path("docs/pump.txt").unlink()
    again = done(rag("index", "docs", "--json"))
    assert (again["counts"]["unchanged"], again["removed"]) == (
        1,
        [str(Path("docs/pump.txt").absolute())],
    )
    assert again["generation"] == 2
    for method in ("bm25", "dense", "hybrid"):
        found = done(rag("search", "What is the dog called?", "--method", method, "--json"))
        assert found["results"][0]["source"].endswith("dog.md"), method
    filtered = done(rag("search", "dog", "--filter", 'format == "md"', "--json"))
    assert filtered["results"]
    assert "Juno" in done(rag("ask", "What is the dog of the station called?", "--json"))["answer"]
    assert "一百六十八米" in done(rag("ask", "冰川的冰最厚处有多少米？", "--json"))["answer"]
    status, out, _ = rag("chat", stdin=b"What is the dog called?\n\n")
    assert status == 0 and "Juno" in out
    listed = done(rag("collections", "list", "--json"))["collections"]
    assert [(each["collection"], each["documents"]) for each in listed] == [("default", 2)]
    shown = done(rag("collections", "show", "default", "--json"))
    assert shown["manifest"]["embedder"] == "all-MiniLM-L6-v2"
    assert done(rag("collections", "rebuild", "default", "--json"))["rebuilt"]
    assert done(rag("collections", "check", "default", "--json"))["sound"]
    report = done(rag("doctor", "--json"))
    details = {finding["name"]: finding["detail"] for finding in report["findings"]}
    assert details["store"].startswith("Elasticsearch 8.")
    assert "health" in details["store"] and details["collections"] == "default"
    assert done(rag("collections", "delete", "default", "--json"))["deleted"]
    assert done(rag("collections", "list", "--json")) == {"collections": []}


def test_doctor_says_that_the_cluster_does_not_let_us_in(rag, monkeypatch):
    monkeypatch.setenv("ELASTIC_PASSWORD", "s3cret-of-doctor")
    with FakeCluster().running() as fake:
        fake.fault = lambda method, path, body: error(401, "security_exception", "no")
        Path("rag.yaml").write_text(
            f"store: {{kind: elasticsearch, elasticsearch: {{url: '{fake.url}', username: me, "
            "password: '${ELASTIC_PASSWORD}'}}\n"
        )
        status, out, err = rag("doctor", "--json")
    report = json.loads(out)
    bad = {each["name"]: each["detail"] for each in report["findings"] if not each["ok"]}
    assert status == 1
    assert bad.keys() == {"store", "collections"}
    assert "refuses the name and password" in bad["store"]
    assert "s3cret" not in out + err


@pytest.mark.elasticsearch
def test_a_set_is_evaluated_on_a_cluster(rag, configured, monkeypatch):
    path = write_squad(Path("set.json"))

    def evaluate():
        options = ["--out", "report", "--systems", "bm25,hybrid", "--json"]
        assert done(rag("evaluate", "run", path, *options))

    with monkeypatch.context() as patch:
        patch.setattr(launch, "_report", lambda results, folder: None)  # drawn below
        evaluate()
    assert not Path("report", "report.html").exists()
    evaluate()  # now its documents are there
    assert Path("report", "report.html").is_file()
    assert done(rag("collections", "list", "--json")) == {"collections": []}
