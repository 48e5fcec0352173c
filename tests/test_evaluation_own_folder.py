"""One's own folder and question lines: answers without evidence, and the embedder of the folder."""

import csv
from pathlib import Path

import pytest
from evaluation_sets import paragraph, write_lines, write_squad
from loaded_models import load_shipped_once
from made_results import leave_charts_out
from page_runs import words
from typer.testing import CliRunner

from evaluation.datasets import load_dataset, read_squad
from evaluation.report import write_comparison, write_report
from evaluation.results.comparison import compare_runs, gate
from evaluation.results.schema import load_results
from evaluation.run import reader_evaluation, systems_under_test
from evaluation.run.corpus import corpus_embedder
from evaluation.run.runner import RunOptions, run_evaluation
from evaluation.run.systems import resolve_systems, sweep_systems
from indexing.collection_language import settings_for
from indexing.conversions import Conversions
from indexing.plan import FileSearch
from rag.collections import open_store
from rag.config import Config, data_folder
from rag.errors import DatasetError, SourceError
from ui.commands.main import app

ENGLISH = "The hut at the pass has twelve beds. It was opened in 1954 by Ada Kern. "
CHINESE = "这座木桥建于1911年，由工程师林海设计。桥长六十米，横跨冰河。"
ASKED = [
    {"id": "beds", "question": "How many beds has the hut at the pass?", "answers": ["twelve"]},
    {"id": "who", "question": "Who opened the hut at the pass?", "answers": ["Ada Kern"]},
    {"id": "cheese", "question": "Which cheese is sold in Lisbon?", "answers": []},
]
PLACED = {**ASKED[1], "evidence": [{"document": "hut.md", "text": "opened in 1954 by Ada Kern"}]}


def documents(folder, **texts):
    (folder / "documents").mkdir(parents=True)
    for name, text in texts.items():
        (folder / "documents" / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def lines(tmp_path, monkeypatch, embedder):
    """Give a function that writes question lines beside a folder of documents."""
    monkeypatch.setattr(systems_under_test, "load_embedder", lambda settings: embedder)
    load_shipped_once(monkeypatch)
    leave_charts_out(monkeypatch)
    folder = documents(tmp_path / "own", hut=ENGLISH, snow="Snow lies on the pass until May.")
    return lambda *rows: write_lines(folder / "own.jsonl", rows)


def evaluate(path, out, systems="bm25,hybrid"):
    chosen = resolve_systems(systems, Config(reader={"kind": "sentences"}))
    return run_evaluation(load_dataset(path), chosen, RunOptions(out))


def test_answers_without_evidence_are_measured_and_retrieval_is_not(lines, tmp_path):
    results = evaluate(lines(*ASKED), tmp_path / "out")
    assert load_results(tmp_path / "out").systems == results.systems
    assert results.main_metrics == ("gold in answer", "F1", "EM", "abstained right")
    assert results.dataset.judgements == 0
    (note,) = results.dataset.notes
    assert note.startswith("2 of 3 questions have answers but no evidence: what was retrieved")
    for system in results.systems:
        assert system.metrics["gold in answer"].n == 2
        assert not [name for name in system.metrics if "recall" in name or "citation" in name]
        assert (system.recall_curve, system.success_curve, system.funnel) == ((), (), ())
    with (tmp_path / "out" / "per_query.csv").open(encoding="utf-8", newline="") as stream:
        assert {row["question_id"] for row in csv.DictReader(stream)} == {"beds", "who", "cheese"}


def test_the_report_says_that_retrieval_was_not_measured(lines, tmp_path):
    results = evaluate(lines(*ASKED), tmp_path / "out")
    write_report(results, tmp_path / "out")
    for name in ("report.md", "report.html"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "questions have answers but no evidence" in text
        assert "No recall curve: retrieval was not measured." in text
        assert "without judgements or gold spans, where a question is lost is unknown" in text
        assert "recall@k, bm25" not in text
        assert "of 0 that have an answer" not in text
        assert "trec_eval -c" not in text.partition("sha256sum results.json")[2].partition("O5")[0]


def test_runs_without_evidence_can_be_compared_and_held_against_a_value(lines, tmp_path):
    path = lines(*ASKED)
    a, b = (evaluate(path, tmp_path / name, systems="bm25") for name in "ab")
    found = compare_runs(a, b)
    assert {each.metric for each in found} == set(a.main_metrics)
    write_comparison(a, b, tmp_path / "both", comparisons=found, names=("a", "b"))
    for name in ("comparison.md", "comparison.html"):
        assert "gold in answer" in (tmp_path / "both" / name).read_text(encoding="utf-8")
    assert not gate(a, b, {"gold in answer": 0.0})
    command = ["evaluate", "compare", str(tmp_path / "a"), str(tmp_path / "b")]
    shown = CliRunner().invoke(app, command)
    assert (shown.exit_code, "gold in answer" in shown.stdout) == (0, True)


def test_the_page_shows_a_run_without_evidence(lines, make_services, open_page):
    path = lines(*ASKED)
    for name in "ab":
        evaluate(path, Path("runs", name))
    services = make_services()
    run, other = (info.run_id for info in services.runs.list())
    shown = words(open_page(services, "evaluation_runs", run=run))
    assert "gold in answer" in shown
    assert "No recall curve: retrieval was not measured." in shown
    for view in ("each", "about", "export"):
        open_page(services, "evaluation_runs", run=run, view=view)
    shown = words(open_page(services, "evaluation_runs", run=run, view="each", question="who"))
    assert "Ada Kern" in shown
    shown = words(open_page(services, "evaluation_runs", run=run, view="compared", vs=other))
    assert "gold in answer" in shown


def test_a_declined_answer_without_evidence_is_not_counted_as_fine(lines, tmp_path):
    plain = Config(reader={"kind": "sentences"}, ranker=None)
    systems = sweep_systems(["abstention.precision=1", "retrieval.method=bm25"], plain)
    options = RunOptions(tmp_path / "out")
    (system,) = run_evaluation(load_dataset(lines(*ASKED)), systems, options).systems
    assert [each.cause for each in system.queries] == ["declined", "declined", None]


def test_some_evidence_measures_retrieval_for_those_questions_alone(lines, tmp_path):
    results = evaluate(lines(ASKED[0], PLACED, ASKED[2]), tmp_path / "out", systems="bm25")
    (system,) = results.systems
    assert (system.metrics["recall@1"].n, system.metrics["gold in answer"].n) == (1, 2)
    assert (len(system.recall_curve), {stage.n for stage in system.funnel}) == (10, {1})
    assert results.dataset.notes[0].startswith("1 of 3 questions have answers but no evidence")


def test_quotes_alone_are_no_documents_to_ask(tmp_path):
    path = write_lines(tmp_path / "own.jsonl", [PLACED])
    for rows in ([PLACED], ASKED):
        with pytest.raises(DatasetError, match="brings no documents: say with --collection"):
            evaluate(write_lines(path, rows), tmp_path / "out")


# -- the embedder


def indexed_with(folder, config):
    """The embedder that `rag index` gives a new collection of a folder."""
    store = open_store("new", config, create=True)
    try:
        with Conversions(config) as conversions:
            return settings_for(FileSearch([folder], data_folder()), store, config, conversions)
    finally:
        store.close()


def quoting(text):
    row = {"question": "?", "answers": ["x"]}
    return [{**row, "evidence": [{"document": "a.md", "text": text}]}]


@pytest.mark.parametrize("named", ["auto", "all-MiniLM-L6-v2"])
@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        ({"a": CHINESE * 9, "b": ENGLISH}, quoting("twelve beds")),
        ({"a": ENGLISH * 9, "b": CHINESE}, quoting("桥长六十米")),
        ({"a": CHINESE * 9}, ASKED),
        ({"a": ENGLISH}, ASKED),
        ({"a": "12 34"}, quoting("桥长六十米")),
    ],
)
def test_lines_beside_a_folder_have_the_embedder_of_the_folder(tmp_path, texts, rows, named):
    path = write_lines(documents(tmp_path / "own", **texts) / "own.jsonl", rows)
    config = Config(embedder={"model": named})
    wanted = indexed_with(tmp_path / "own" / "documents", config)
    assert corpus_embedder(load_dataset(path), config) == wanted


@pytest.mark.parametrize(("text", "other"), [(CHINESE, ENGLISH), (ENGLISH, CHINESE)])
def test_squad_beside_a_folder_has_the_embedder_of_the_folder(tmp_path, text, other):
    folder = documents(tmp_path / "own", a=text * 9)
    content = {"data": [{"paragraphs": [paragraph(other, ("q", "?", []))]}]}
    path = write_squad(folder / "own.json", content)
    wanted = indexed_with(folder / "documents", Config())
    assert corpus_embedder(load_dataset(path), Config()) == wanted


@pytest.mark.parametrize(("text", "other"), [(CHINESE, ENGLISH), (ENGLISH, CHINESE)])
def test_a_set_without_a_folder_has_the_embedder_of_its_texts_by_length(tmp_path, text, other):
    """As for a folder of these texts: three short ones do not outweigh a long one."""
    texts = [text * 20, *(f"{other} {number}" for number in range(3))]
    parts = [paragraph(each, (f"q{at}", "?", [])) for at, each in enumerate(texts)]
    path = write_squad(tmp_path / "set.json", {"data": [{"paragraphs": parts}]})
    names = {f"d{at}": each for at, each in enumerate(texts)}
    wanted = indexed_with(documents(tmp_path / "same", **names) / "documents", Config())
    assert corpus_embedder(load_dataset(path), Config()) == wanted


def test_the_run_takes_that_embedder(lines, tmp_path, monkeypatch, embedder):
    seen = []

    def load(settings):
        seen.append(settings.model)
        return embedder

    monkeypatch.setattr(systems_under_test, "load_embedder", load)
    path = lines(*ASKED)
    (path.parent / "documents" / "long.md").write_text(CHINESE * 9, encoding="utf-8")
    evaluate(path, tmp_path / "out", systems="bm25")
    assert seen == ["citewell-embedder-zh"]


def test_the_reader_alone_has_the_embedder_of_its_contexts(tmp_path, monkeypatch):
    class TakenError(Exception):
        pass

    def take(settings):
        raise TakenError(settings.model)

    monkeypatch.setattr(reader_evaluation, "Embedder", take)
    content = {"data": [{"paragraphs": [paragraph(CHINESE, ("q", "Who built it?", ["林海"]))]}]}
    questions = read_squad(write_squad(tmp_path / "set.json", content))
    with pytest.raises(TakenError, match="citewell-embedder-zh"):
        reader_evaluation.read_contexts(questions, Config(), reader="sentences")


def test_a_folder_without_documents_is_refused_in_words(tmp_path):
    (tmp_path / "documents").mkdir()
    path = write_lines(tmp_path / "own.jsonl", ASKED)
    with pytest.raises(SourceError, match="documents"):
        corpus_embedder(load_dataset(path), Config())
