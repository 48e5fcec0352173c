"""`rag evaluate reader`: the reader on gold contexts, and the official script's files."""

import json

import pytest
from typer.testing import CliRunner

from evaluation.datasets import read_squad
from evaluation.metrics.answers import evaluate_predictions
from evaluation.run.reader_evaluation import read_contexts, reading_lines
from rag.config import Config
from rag.errors import ConfigError
from ui.commands.main import app

DOG = "The dog is called Bramble. The dog was born in 2016. The cat sleeps in the kitchen."
CHINESE = "温室里种着菠菜。锅炉每天早上六点启动。"


def squad(tmp_path):
    def entry(number, question, context, answers):
        found = [{"text": a, "answer_start": context.index(a)} for a in answers]
        return {"id": number, "question": question, "answers": found, "is_impossible": not found}

    paragraphs = [
        {
            "context": DOG,
            "qas": [
                entry("a", "When was the dog born?", DOG, ["2016"]),
                entry("b", "What does the parrot eat?", DOG, []),
            ],
        },
        {"context": CHINESE, "qas": [entry("c", "锅炉每天几点启动？", CHINESE, ["早上六点"])]},
        {"context": "x", "qas": [entry("d", "Where?", "x", ["x"])]},
    ]
    path = tmp_path / "set.json"
    content = {"version": "2.0", "data": [{"title": "Station", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_every_question_gets_a_span_of_its_context_and_a_probability(tmp_path):
    questions = read_squad(squad(tmp_path))
    reading = read_contexts(questions, Config(), reader="sentences")
    assert reading.predictions["a"] == "The dog was born in 2016."
    assert reading.predictions["c"] == "锅炉每天早上六点启动。"
    assert reading.predictions["d"] == "x"  # never empty, though the reader found no sentence
    for question in questions:
        assert reading.predictions[question.question_id] in question.context
        assert 0 <= reading.na_probs[question.question_id] <= 1
    assert reading.na_probs["b"] > reading.na_probs["a"]
    assert reading.chinese["n"] == 1


def test_the_files_score_as_the_command_says(tmp_path):
    path, out = squad(tmp_path), tmp_path / "out"
    command = ["evaluate", "reader", str(path), "--out", str(out), "--json"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    scores = json.loads(shown.stdout)
    predictions = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    na_probs = json.loads((out / "na_prob.json").read_text(encoding="utf-8"))
    golds = {question.question_id: question.answers for question in read_squad(path)}
    threshold = 1 - Config().abstention.threshold
    again = evaluate_predictions(golds, predictions, na_probs, threshold)
    assert scores["total"]["f1"] == pytest.approx(again.total.f1)
    assert scores["has_answer"]["n"] == 3
    for name, part in (("EM", "exact"), ("F1", "f1")):  # the means with intervals are the same
        mean = scores["means"][name]
        assert mean["value"] == pytest.approx(scores["total"][part])
        assert mean["low"] <= mean["value"] <= mean["high"]
        assert mean["n"] == 4
    assert scores["means"]["CMRC F1"]["value"] == scores["chinese"]["CMRC F1"]
    assert scores["means"]["CMRC F1"]["n"] == scores["chinese"]["n"] == 1


def test_the_lines_name_each_score_with_its_interval(tmp_path):
    reading = read_contexts(read_squad(squad(tmp_path)), Config(), reader="sentences")
    shown = {
        name: f"{name} {mean.value:.4f} [{mean.low:.3f}, {mean.high:.3f}]"
        for name, mean in reading.means.items()
    }
    assert reading.means["F1"].low < reading.means["F1"].high
    lines = reading_lines(reading)
    assert f"total: {shown['EM']}, {shown['F1']} (n = 4)" in lines
    assert lines[-1].startswith(f"Chinese: {shown['CMRC EM']}, {shown['CMRC F1']}, ")


def test_a_reader_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no reader `bert`"):
        read_contexts(read_squad(squad(tmp_path)), Config(), reader="bert")
