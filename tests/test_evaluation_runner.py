import csv
import json
import os
import shutil

import pytest
import pytrec_eval
from evaluation_sets import QUERIES, SQUAD, without_timings, write_beir, write_lines, write_squad
from loaded_models import load_shipped_once
from tiny_models import save_cross_encoder

from evaluation.datasets import load_dataset
from evaluation.results.schema import from_json, load_results, to_json
from evaluation.run import journal, run_files, runner, systems_under_test
from evaluation.run import journal as journaling
from evaluation.run.runner import RunOptions, run_evaluation
from evaluation.run.systems import resolve_systems, sweep_systems
from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.errors import ConfigError, DatasetError
from rag.stores.embedded.store import EmbeddedStore


@pytest.fixture(autouse=True)
def _one_model(monkeypatch, embedder):
    share_models(monkeypatch, embedder)


def share_models(monkeypatch, embedder):
    monkeypatch.setattr(systems_under_test, "load_embedder", lambda settings: embedder)
    load_shipped_once(monkeypatch)


def evaluate(path, out, systems="bm25,hybrid", base=None, **options):
    dataset = load_dataset(path)
    chosen = resolve_systems(systems, base or Config())
    return run_evaluation(dataset, chosen, RunOptions(out, **options))


@pytest.fixture
def beir(tmp_path):
    return write_beir(tmp_path / "beir")


@pytest.fixture
def squad(tmp_path):
    return write_squad(tmp_path / "mountain.json")


def trec(path):
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        query, _, item, *rest = line.split(" ")
        found.setdefault(query, {})[item] = float(rest[1]) if len(rest) > 1 else int(rest[0])
    return found


def test_numbers_of_a_beir_folder_equal_trec_eval_on_the_files_written(beir, tmp_path):
    results = evaluate(beir, tmp_path / "out", "bm25,dense,hybrid")
    qrels = trec(tmp_path / "out" / "qrels.trec")
    assert qrels == {query: grades for query, (_, grades) in QUERIES.items()}
    names = {"nDCG@10": "ndcg_cut_10", "RR": "recip_rank", "AP": "map", "Rprec": "Rprec"}
    names |= {f"recall@{k}": f"recall_{k}" for k in (1, 3, 5, 10)}
    names |= {f"success@{k}": f"success_{k}" for k in (1, 3, 5, 10)}
    oracle = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.10", "recip_rank", "map", "Rprec", "recall.1,3,5,10", "success.1,3,5,10"}
    )
    for system in results.systems:
        assert 0 <= system.relevance.ece <= 1 and system.relevance.passages
        expected = oracle.evaluate(trec(tmp_path / "out" / f"run.{system.name}.trec"))
        for each in system.queries:
            for ours, theirs in names.items():
                value = expected.get(each.question_id, {}).get(theirs, 0.0)
                assert each.metrics[ours] == pytest.approx(value), (each.question_id, ours)
        assert system.metrics["AP"].n == 5


def test_numbers_by_hand_for_bm25(beir, tmp_path):
    results = evaluate(beir, tmp_path / "out", "bm25")
    system = results.systems[0]
    by_id = {each.question_id: each for each in system.queries}
    assert [item.item for item in by_id["q1"].ranking][:2] == ["d2", "d1"]
    assert by_id["q1"].metrics["nDCG@10"] == 1
    assert by_id["q2"].first_relevant == 1
    assert by_id["q4"].ranking == ()
    assert (system.unanswered, results.dataset.without_relevant) == (1, 1)  # q4; q5
    assert by_id["q4"].cause == "not retrieved"
    # q1, q2 and q3 have a relevant document first, q4 and q5 count as 0: 3 of 5
    assert system.metrics["success@1"].value == pytest.approx(3 / 5)
    assert system.success_curve[0] == pytest.approx(3 / 5)
    assert results.dataset.answerable == 4
    assert [(stage.name, stage.count, stage.n) for stage in system.funnel] == [
        ("retrieved@50", 3, 4),
        ("in the prompt (top 5)", 3, 4),
    ]


def test_answers_are_scored_by_language_and_cited_spans_by_overlap(squad, tmp_path):
    results = evaluate(squad, tmp_path / "out", "hybrid")
    by_id = {each.question_id: each for each in results.systems[0].queries}
    assert results.dataset.matching == "spans"
    assert by_id["en-1"].first_relevant == 1
    assert (
        by_id["en-1"].ranking[0].item == "Pass#0@24-30"
    )  # "The hut at the pass has " has 4+4+3+4+5+4 characters
    assert by_id["zh-1"].slices["language"] == "zh"
    assert "F1 mlqa" in by_id["zh-1"].metrics
    assert "F1 mlqa" not in by_id["en-1"].metrics
    assert "recall@1" not in by_id["en-3"].metrics
    assert by_id["en-3"].metrics["EM"] == float(by_id["en-3"].abstained)
    right = [each for each in by_id.values() if each.citations and each.citations[0].right]
    for each in right:
        assert each.metrics["citation recall"] == 1
        assert any(each.citations[0].quote.find(gold) >= 0 for gold in each.golds)
    assert results.systems[0].confidence.n == 5


class Writer:
    """A generator whose second sentence no document says."""

    def warm_up(self):
        pass

    def run(self, messages, **_):
        words = "The hut at the pass has twelve beds [1]. Its cook once sailed to Peru [1]."
        return {"text": words, "finish_reason": "stop"}


def test_written_answers_have_a_share_of_supported_sentences(squad, tmp_path, monkeypatch):
    monkeypatch.setattr(systems_under_test, "open_generator", lambda config: Writer())
    generator = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"}
    base = Config(generator=generator, ranker=None, reader={"kind": "sentences"})
    system = evaluate(squad, tmp_path / "out", "bm25", base).systems[0]
    values = [each.metrics["supported sentences"] for each in system.queries if each.answer]
    assert values and set(values) == {1 / 2}
    assert system.metrics["supported sentences"].n == len(values)


def test_what_is_declined_is_known_all_the_same(squad, tmp_path):
    dataset = load_dataset(squad)
    plain = Config(ranker=None, reader={"kind": "sentences"})
    systems = sweep_systems(["abstention.precision=0,1"], plain)
    always, never = run_evaluation(dataset, systems, RunOptions(tmp_path / "out")).systems
    assert not any(each.abstained for each in always.queries)
    assert all(each.abstained for each in never.queries)
    assert [each.best_answer for each in never.queries] == [each.answer for each in always.queries]
    assert [each.right for each in never.queries] == [each.right for each in always.queries]
    assert all(each.answer == "" and not each.citations for each in never.queries)
    assert never.confidence.aurc == always.confidence.aurc
    assert (never.confidence.abstention_precision, never.confidence.abstained) == (1 / 5, 5)


def test_systems_share_retrieval_and_get_what_they_would_get_alone(squad, tmp_path, monkeypatch):
    calls = []
    searched = EmbeddedStore.bm25_retrieval

    def count(self, query, **options):
        calls.append(query)
        return searched(self, query, **options)

    monkeypatch.setattr(EmbeddedStore, "bm25_retrieval", count)
    monkeypatch.setattr(runner, "show_passages", lambda task, bench, result: result)
    together = evaluate(squad, tmp_path / "both", "bm25,dense,hybrid")
    assert len(calls) == len(set(calls)) == 5  # once a question, for bm25 and for hybrid
    alone = evaluate(squad, tmp_path / "one", "hybrid")
    assert together.systems[2].queries == alone.systems[0].queries
    stages = together.timings.stages["hybrid"]
    assert {"bm25", "embed", "dense", "fused", "read", "total"} <= set(stages)
    assert stages["dense"].mean > 0
    assert stages["total"].mean >= stages["read"].mean


@pytest.fixture(scope="module")
def finished(tmp_path_factory, embedder):
    """The folder of a run that nothing disturbed; only for reading."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        share_models(patch, embedder)
        patch.chdir(folder)
        evaluate(write_squad(folder / "mountain.json"), folder / "whole")
    return folder / "whole"


@pytest.fixture
def whole(finished):
    return without_timings(finished)


@pytest.mark.parametrize("questions", range(6))
def test_a_run_killed_after_any_question_ends_in_the_same_bytes(squad, tmp_path, whole, questions):
    def kill(done, total, what):
        if done > questions:
            raise KeyboardInterrupt

    out = tmp_path / "killed"
    if questions < 5:
        with pytest.raises(KeyboardInterrupt):
            evaluate(squad, out, asking=kill)
        assert not (out / "results.json").exists()
    evaluate(squad, out)
    assert without_timings(out) == whole


@pytest.mark.parametrize("cut", [1, 20, 700, 5000])
def test_a_torn_last_line_is_asked_again(squad, tmp_path, finished, whole, cut):
    out = shutil.copytree(finished, tmp_path / "torn")
    for name in ("results.json", "per_query.csv"):
        (out / name).unlink()
    data = (out / journaling.JOURNAL_FILE).read_bytes()
    (out / journaling.JOURNAL_FILE).write_bytes(data[:-cut])
    evaluate(squad, out)
    assert without_timings(out) == whole


def test_a_finished_run_is_not_asked_again_and_gives_the_same_bytes(squad, tmp_path, monkeypatch):
    evaluate(squad, tmp_path / "out")
    before = without_timings(tmp_path / "out")
    monkeypatch.setattr(runner, "ask", lambda task, bench: pytest.fail("asked again"))
    evaluate(squad, tmp_path / "out")
    assert without_timings(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("systems", "options", "differs"),
    [("bm25", {"seed": 7}, "seed"), ("dense", {}, "systems"), ("bm25", {"limit": 3}, "limit")],
)
def test_another_run_never_overwrites_a_finished_one(beir, tmp_path, systems, options, differs):
    evaluate(beir, tmp_path / "out", "bm25")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(DatasetError, match=f"another run: {differs} differ"):
        evaluate(beir, tmp_path / "out", systems, **options)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_a_full_disk_keeps_the_finished_part_and_the_run_goes_on_later(
    squad, tmp_path, whole, monkeypatch
):
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")

    evaluate(squad, tmp_path / "before")  # the collection is there
    out = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fsync", fsync)
        with pytest.raises(DatasetError, match=r"No space left on device.*kept"):
            evaluate(squad, out)
    lines = (out / journaling.JOURNAL_FILE).read_bytes().splitlines()
    assert len(lines) >= 4
    evaluate(squad, out)
    assert without_timings(out) == whole


def test_a_disk_full_at_the_end_leaves_no_half_file(squad, tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(28, "No space left on device")

    evaluate(squad, tmp_path / "out", "bm25")
    before = (tmp_path / "out" / "results.json").read_bytes()
    monkeypatch.setattr(run_files.os, "fsync", fsync)
    with pytest.raises(DatasetError, match="cannot be written: No space left"):
        evaluate(squad, tmp_path / "out", "bm25")
    assert (tmp_path / "out" / "results.json").read_bytes() == before
    assert not list((tmp_path / "out").glob(".*"))


def test_a_question_that_fails_counts_as_zero_and_is_listed(tmp_path):
    data = json.loads(json.dumps(SQUAD))
    data["data"][0]["paragraphs"][0]["qas"][0]["question"] = "the of ?"
    path = write_squad(tmp_path / "set.json", data)
    results = evaluate(path, tmp_path / "out", "bm25")
    system = results.systems[0]
    failed = next(each for each in system.queries if each.question_id == "en-1")
    assert list(system.errors) == ["en-1"]
    assert "only common words" in system.errors["en-1"]
    assert failed.cause == "error"
    assert set(failed.metrics.values()) == {0.0}
    assert {"recall@1", "EM", "gold in answer", "citation recall"} <= set(failed.metrics)
    assert system.metrics["recall@1"].n == 4


def test_multi_evidence_recall_counts_every_piece(tmp_path):
    rows = [{"_id": f"d{n}", "text": text} for n, text in enumerate(["alpine hut", "river bed"])]
    write_lines(tmp_path / "set" / "corpus.jsonl", rows)
    pieces = [{"document": "d0", "text": "hut"}, {"document": "d1", "text": "bed"}]
    row = {"question": "alpine hut", "evidence": pieces}
    path = write_lines(tmp_path / "set" / "hops.jsonl", [row])
    each = evaluate(path, tmp_path / "out", "bm25").systems[0].queries[0]
    assert (each.metrics["recall@10"], each.metrics["success@10"]) == (0.5, 1.0)
    assert each.slices["hops"] == "2"


def test_results_survive_json_and_have_their_environment_apart(squad, tmp_path):
    results = evaluate(squad, tmp_path / "out", command=["rag", "evaluate"])
    assert from_json(to_json(results)).systems == results.systems
    loaded = load_results(tmp_path / "out")
    assert loaded.comparisons == results.comparisons
    assert loaded.environment["command"] == ["rag", "evaluate"]
    assert loaded.environment["packages"]["torch"]
    assert "environment" not in json.loads((tmp_path / "out" / "results.json").read_text())
    worst = results.systems[0].worst
    shown = [each for each in results.systems[0].queries if each.passages]
    assert {each.question_id for each in shown} <= set(worst)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "schema_version"), ('{"schema_version": 99}', "schema version 99"), ("[", "not the")],
)
def test_results_of_another_kind_are_refused(text, message):
    with pytest.raises(DatasetError, match=message):
        from_json(text)


def test_no_cell_of_the_table_is_a_formula(tmp_path):
    data = json.loads(json.dumps(SQUAD))
    for place, words in enumerate(["=HYPERLINK(hut)", "@hut beds pass"]):
        data["data"][0]["paragraphs"][0]["qas"][place]["question"] = words
    evaluate(write_squad(tmp_path / "set.json", data), tmp_path / "out", "bm25")
    with (tmp_path / "out" / "per_query.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["question"] for row in rows[:2]] == ["'=HYPERLINK(hut)", "'@hut beds pass"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_the_throw_away_collection_is_used_again_until_something_changes(squad, tmp_path):
    home = tmp_path / ".rag" / "evaluation"
    dataset = load_dataset(squad)
    for length in (192, 192, 64):
        systems = sweep_systems([f"chunking.length={length}"], Config())
        run_evaluation(dataset, systems, RunOptions(tmp_path / f"out-{length}"))
    assert len(list(home.iterdir())) == 2
    again = sweep_systems(["retrieval.top_k=2", "retrieval.method=bm25,hybrid"], Config())
    results = run_evaluation(dataset, again, RunOptions(tmp_path / "again"))
    assert len(list(home.iterdir())) == 2
    assert set(results.timings.indexing_seconds.values()) == {0.0}


def test_bm25_alone_embeds_no_document(beir, tmp_path, monkeypatch, embedder):
    monkeypatch.setattr(embedder, "encode_passages", lambda texts: pytest.fail("embedded"))
    results = evaluate(beir, tmp_path / "out", "bm25")
    assert results.systems[0].metrics["success@1"].value > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hybrid+read", "there is no system `hybrid+read`"),
        ("bm52", "there is no system `bm52`"),
        ("bm25,bm25", "`bm25` comes twice"),
        (",", "got nothing"),
        ("no.yaml", "cannot be read"),
    ],
)
def test_a_system_that_does_not_exist_is_refused_by_name(name, message):
    with pytest.raises(ConfigError, match=message.replace("+", r"\+")):
        resolve_systems(name, Config())


def test_a_system_with_the_ranker_is_compared_with_one_without(beir, tmp_path):
    folder = save_cross_encoder(tmp_path / "ranker")
    base = Config(ranker=RankerConfig(model=str(folder), candidates=4))
    results = evaluate(beir, tmp_path / "out", "bm25,bm25+rank", base)
    plain, ranked = results.systems
    assert (plain.config["ranker"], ranked.config["ranker"]["candidates"]) == (None, 4)
    stages = results.timings.stages
    assert "ranked" in stages["bm25+rank"]
    assert "ranked" not in stages["bm25"]
    for one, other in zip(plain.queries, ranked.queries, strict=True):
        assert {each.passage_id for each in one.ranking} == {
            each.passage_id for each in other.ranking
        }
    assert plain.queries != ranked.queries


def test_a_set_of_whole_documents_needs_them_in_the_collection(beir, squad, tmp_path, monkeypatch):
    evaluate(squad, tmp_path / "one", "bm25")
    made = next((tmp_path / ".rag" / "evaluation").iterdir())
    (tmp_path / ".rag" / "collections").mkdir()
    os.rename(made, tmp_path / ".rag" / "collections" / "mine")  # noqa: PTH104
    with pytest.raises(DatasetError, match="`mine` has none of the 6 judged documents"):
        evaluate(beir, tmp_path / "two", "bm25", collection="mine")
