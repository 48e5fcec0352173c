import json
import shutil
import sys
from pathlib import Path

import pytest
from evaluation_sets import write_beir, write_squad
from loaded_models import Remembering, load_shipped_once
from made_results import leave_charts_out
from places import SAMPLE
from typer.testing import CliRunner

from evaluation.results.schema import load_results
from evaluation.run import systems_under_test
from rag.console import run_command
from ui.commands.main import app

ONE_SYSTEM = (
    "mine: {{retrieval.method: {method}, retrieval.top_k: {k}, retrieval.candidates: {k},"
    " ranker: null, reader.kind: sentences}}\n"
)


@pytest.fixture(scope="module")
def remembering(embedder):
    return Remembering(embedder)


@pytest.fixture(autouse=True)
def _one_model(monkeypatch, remembering):
    monkeypatch.setattr(systems_under_test, "load_embedder", lambda settings: remembering)
    load_shipped_once(monkeypatch)


@pytest.fixture
def words_only(monkeypatch):
    leave_charts_out(monkeypatch)


@pytest.fixture
def rag(capsys, monkeypatch):
    """Runs the command line as its entry point does; gives status, stdout and stderr."""

    def invoke(*arguments):
        arguments = [str(each) for each in arguments]
        monkeypatch.setattr(sys, "argv", ["rag", *arguments])
        status = 0
        try:
            run_command(lambda: app(arguments, standalone_mode=True))
        except SystemExit as end:
            status = end.code or 0
        return status, *capsys.readouterr()

    return invoke


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A data folder for the sample's collection, so that it is indexed once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def sample(kept, monkeypatch):
    monkeypatch.setenv("RAG_HOME", str(kept))
    return SAMPLE / "questions.json"


def test_the_first_argument_is_a_data_set_unless_it_is_a_command():
    runner = CliRunner()
    listed = runner.invoke(app, ["evaluate", "--help"]).output
    for name in ("run", "compare", "gate", "sweep", "questions"):
        assert name in listed
    assert "--systems" in runner.invoke(app, ["evaluate", "run", "--help"]).output


def test_evaluate_prints_a_table_with_n_and_writes_all_files(rag, tmp_path):
    status, out, err = rag("evaluate", write_beir(Path("beir")), "--out", "run")
    assert (status, err) == (0, "")
    assert "beir: 5 questions (4 answerable), matched by documents; value (n)" in out
    assert "nDCG@10" in out
    assert "(5)" in out
    names = {path.name for path in Path("run").iterdir()}
    assert {"results.json", "per_query.csv", "qrels.trec", "env.json"} <= names
    assert {"run.bm25.trec", "run.dense.trec", "run.hybrid.trec", "report.html"} <= names
    command = json.loads(Path("run/env.json").read_text())["command"]
    assert command == ["rag", "evaluate", "beir", "--out", "run"]


@pytest.mark.usefixtures("words_only")
def test_options_may_come_before_the_data_set_and_json_goes_to_stdout(rag):
    folder = write_beir(Path("beir"))
    status, out, _ = rag("evaluate", "--systems", "bm25", "--json", folder)
    found = json.loads(out)["runs"][0]
    assert status == 0
    assert found["systems"]["bm25"]["metrics"]["success@1"]["n"] == 5
    assert Path(found["out"]).parent == Path(".rag/runs")
    again = json.loads(rag("evaluate", folder, "--systems", "bm25", "--json")[1])["runs"][0]
    assert again["out"] == found["out"]


@pytest.mark.usefixtures("words_only")
def test_several_sets_get_a_folder_each(rag):
    sets = [write_beir(Path("beir")), write_squad(Path("mountain.json"))]
    status, *_ = rag("evaluate", *sets, "--systems", "bm25", "--out", "all", "--limit", 2)
    assert status == 0
    assert {path.name for path in Path("all").iterdir()} == {"beir", "mountain"}
    assert load_results(Path("all/beir")).dataset.sampled_from == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no data set `nowhere`"),
        (["beir", "--systems", "fts"], "there is no system `fts`"),
        (["beir", "--collection", "none"], "there is no collection `none`"),
        (["beir", "beir"], "two data sets have the same name"),
        (["compare", "beir", "beir"], "there is no finished run in `beir`"),
        (["gate", "beir"], "give --baseline or --fail-under"),
        (["gate", "beir", "--fail-under", "RR"], "expected metric=value (got 'RR')"),
        (["gate", "beir", "--fail-under", "RR=nan"], "expected metric=value"),
        (["sweep", "beir", "--over", "top_k"], "expected key=value,value"),
        (["sweep", "beir", "--over", "retrieval.top_k=0"], "retrieval.top_k: expected"),
        (["questions", "--collection", "none", "--out", "x.json"], "there is no collection"),
    ],
)
def test_what_cannot_be_done_is_one_line_on_stderr_and_status_1(rag, arguments, message):
    write_beir(Path("beir"))
    status, out, err = rag("evaluate", *arguments)
    assert (status, out) == (1, "")
    assert message in err
    assert err.startswith("Error: ")


def test_limit_zero_is_a_usage_mistake(rag):
    status, _, err = rag("evaluate", write_beir(Path("beir")), "--limit", 0)
    assert status == 2
    assert "limit" in err


@pytest.mark.usefixtures("words_only")
def test_another_run_is_refused_and_nothing_is_overwritten(rag):
    folder = write_beir(Path("beir"))
    rag("evaluate", folder, "--systems", "bm25", "--out", "run")
    before = Path("run/results.json").read_bytes()
    status, _, err = rag("evaluate", folder, "--systems", "bm25", "--out", "run", "--seed", 5)
    assert status == 1
    assert "Nothing was overwritten" in err
    assert Path("run/results.json").read_bytes() == before
    (Path("run") / "finished.jsonl").unlink()
    assert rag("evaluate", folder, "--systems", "bm25", "--out", "run")[0] == 1


@pytest.mark.usefixtures("words_only")
def test_a_sweep_is_one_system_for_each_combination(rag):
    status, out, _ = rag(
        "evaluate", "sweep", write_beir(Path("beir")), "--json", "--over",
        "retrieval.method=bm25,dense", "--over", "retrieval.top_k=1,3",
    )  # fmt: skip
    assert status == 0
    assert list(json.loads(out)["runs"][0]["systems"]) == [
        f"method={method} top_k={k}" for method in ("bm25", "dense") for k in (1, 3)
    ]


@pytest.mark.usefixtures("words_only")
def test_runs_of_other_questions_are_not_compared(rag):
    folder = write_beir(Path("beir"))
    rag("evaluate", folder, "--systems", "bm25", "--out", "all")
    rag("evaluate", folder, "--systems", "bm25", "--out", "some", "--limit", 3)
    status, _, err = rag("evaluate", "compare", "all", "some")
    assert status == 1
    assert "different questions" in err


@pytest.mark.usefixtures("words_only")
def test_the_gate_turns_red_when_a_setting_is_broken_on_purpose(rag, sample):
    for name, method, k in (("good", "hybrid", 10), ("broken", "dense", 1)):
        Path(f"{name}.yaml").write_text(ONE_SYSTEM.format(method=method, k=k))
        arguments = ("--systems", f"{name}.yaml", "--out", name, "--limit", 40)
        assert rag("evaluate", sample, *arguments)[0] == 0
    assert rag("evaluate", "gate", "good", "--baseline", "good") == (0, "Passed.\n", "")
    status, out, _ = rag("evaluate", "gate", "broken", "--baseline", "good")
    assert status == 1
    assert any(line.startswith("mine (A): recall@10 fell by") for line in out.splitlines())
    assert rag("evaluate", "gate", "good", "--fail-under", "recall@10=0.9")[0] == 0
    status, out, _ = rag("evaluate", "gate", "broken", "--fail-under", "recall@10=0.9", "--json")
    assert (status, json.loads(out)["passed"]) == (1, False)
    status, out, _ = rag("evaluate", "compare", "broken", "good", "--out", "diff", "--json")
    written = json.loads(Path("diff/comparison.json").read_text())
    assert (status, written) == (0, json.loads(out))
    assert written["comparisons"][0]["a"] == "mine (A)"
    assert {path.name for path in Path("diff").iterdir()} == {
        "comparison.json", "comparison.html", "comparison.md"
    }  # fmt: skip
    assert "mine (A) is below mine (B) on recall@10" in Path("diff/comparison.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.usefixtures("words_only")
def test_the_gate_writes_a_report_with_its_values_if_a_folder_is_given(rag):
    rag("evaluate", write_beir(Path("beir")), "--systems", "bm25,dense", "--out", "run")
    before = Path("run/report.md").read_bytes()
    rules = ("--fail-under", "bm25:success@1=0.5", "--fail-under", "recall@10=1.1")
    assert rag("evaluate", "gate", "run", *rules)[0] == 1
    assert Path("run/report.md").read_bytes() == before
    status, out, err = rag("evaluate", "gate", "run", *rules, "--out", "gated")
    assert (status, err) == (1, "")
    assert "bm25: recall@10 is" in out
    assert {path.name for path in Path("gated").iterdir()} == {"report.html", "report.md"}
    verdict = Path("gated/report.md").read_text(encoding="utf-8").split("## 2.")[0]
    assert "✓ pass **bm25: success@1** 0.600, at least 0.500" in verdict
    assert "dense: success@1" not in verdict
    assert verdict.count("at least 1.100 is asked for") == 2
    assert rag("evaluate", "gate", "run", "--fail-under", "x=1", "--out", "none")[0] == 1
    assert not Path("none").exists()


def test_the_sample_has_all_its_gold_evidence_in_the_files(rag, sample):
    Path("one.yaml").write_text(ONE_SYSTEM.format(method="hybrid", k=10))
    status, *_ = rag("evaluate", sample, "--systems", "one.yaml", "--out", "run")
    results = load_results(Path("run"))
    assert status == 0
    info = results.dataset
    assert (info.questions, info.answerable, info.clusters, info.notes) == (60, 48, 31, ())
    for system in results.systems:
        assert system.metrics["recall@10"].value >= 0.9
        for each in system.queries:
            assert each.cause != "not in collection"
        assert [stage.count for stage in system.funnel] == sorted(
            (stage.count for stage in system.funnel), reverse=True
        )
    languages = {
        each.value: each.n for each in results.systems[0].slices if each.slice == "language"
    }
    assert set(languages) == {"en", "zh"}
    assert sum(languages.values()) == 60


@pytest.mark.usefixtures("words_only")
@pytest.mark.usefixtures("sample")
def test_questions_made_from_a_collection_are_found_again_in_it(rag, kept, sample_store):
    shutil.copytree(sample_store.folder, kept / "collections" / "sample", dirs_exist_ok=True)
    arguments = ("evaluate", "questions", "--collection", "sample", "--n", 24, "--out", "own.json")
    status, out, err = rag(*arguments)
    assert (status, out) == (0, "Wrote 18 answerable and 6 unanswerable questions.\n")
    assert "synthetic" in err
    assert rag(*arguments)[0] == 1
    Path("one.yaml").write_text(ONE_SYSTEM.format(method="bm25", k=10))
    status, out, _ = rag("evaluate", "own.json", "--collection", "sample", "--systems", "one.yaml",
                         "--out", "run")  # fmt: skip
    results = load_results(Path("run"))
    assert status == 0
    assert "synthetic" in out
    assert results.dataset.synthetic
    assert results.dataset.notes == ()
    assert results.systems[0].metrics["recall@10"].value >= 0.8
