"""The page Evaluation as a script: its numbers are those of the run and of the command line."""

import html as escaping
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_results import build_results
from page_runs import checked, html, key, words
from payloads import PAYLOADS
from service_runs import ANNA, QUESTION, answer_end

from evaluation.datasets import load_dataset
from evaluation.report import numbers
from evaluation.results.comparison import compare_runs
from evaluation.results.schema import to_json
from evaluation.run.run_files import write_file


@pytest.fixture(scope="module")
def made():
    return build_results(names=("bm25", "hybrid"), n=40)


@pytest.fixture(scope="module")
def other():
    return build_results(names=("hybrid", "bm25"), n=40)


def put(name, results):
    write_file(Path("runs", name, "results.json"), to_json(results))


@pytest.fixture
def bench(make_services, made, other):
    """Services that find two comparable runs, of which `a` changed last."""
    services = make_services()
    put("b", other)
    put("a", made)
    return services


def ids(services):
    return {info.name: info.run_id for info in services.runs.list()}


def cells(app, caption):
    """The rows of a table of the page, each a list of its cells' texts."""
    shown = html(app)
    table = shown[shown.index(caption) :]
    rows = re.findall("<tr>(.*?)</tr>", table[: table.index("</tbody>")])
    return [
        [
            " ".join(re.sub("<[^>]+>", " ", escaping.unescape(cell)).split())
            for cell in re.findall("<t[hd].*?>(.*?)</t[hd]>", row)
        ]
        for row in rows
    ]


def test_the_numbers_are_those_of_results_json(bench, made, open_page):
    app = open_page(bench, "evaluation_runs")
    head, *rows = cells(app, "Main metrics of each system over 40 questions")
    assert [name.split(" (")[0] for name in head[1:-1]] == list(made.main_metrics)
    for row, system in zip(rows, made.systems, strict=True):
        assert row[0].endswith(system.name)
        for cell, metric in zip(row[1:-1], made.main_metrics, strict=True):
            mean = system.metrics[metric]
            low, high = f"{mean.low:.3f}", f"{mean.high:.3f}"
            assert cell.startswith(f"{mean.value:.3f}"), (cell, metric)
            assert f"[{low}, {high}]" in cell, (cell, metric)


def test_the_curves_are_those_of_the_run_and_told_in_words(bench, made, open_page):
    app = open_page(bench, "evaluation_runs")
    rows = cells(app, "Values of the curves")
    for system in made.systems:
        (row,) = [row for row in rows if row[0] == f"recall@k, {system.name}"]
        assert row[1:] == [numbers.fixed(value) for value in system.recall_curve]
    (chart,) = app.get("vega_lite_chart")
    first, last = (numbers.fixed(made.systems[0].recall_curve[at]) for at in (0, -1))
    assert f"bm25 from {first} to {last}" in chart.proto.alt


def test_questions_are_sifted_and_one_is_opened_with_its_reason(bench, made, open_page):
    app = open_page(bench, "evaluation_runs", view="each")
    assert "1 to 20 of 40 questions" in html(app)
    system = made.systems[0]
    lost = [each for each in system.queries if each.cause == "ranked low"]
    app = checked(key(app, "which_").set_value("ranked low").run())
    assert f"1 to {min(20, len(lost))} of {len(lost)} questions" in html(app)
    chosen = next(each for each in lost if each.passages)
    where = {"view": "each", "run": ids(bench)["a"], "question": chosen.question_id}
    shown = words(open_page(bench, "evaluation_runs", **where))
    assert "below the passages that an answer is made from" in shown
    assert escaping.escape(chosen.passages[0].text[:60]) in shown
    app = open_page(bench, "evaluation_runs", view="each")
    app = checked(key(app, "sift_").set_value("望远镜").run())
    found = sum("望远镜" in each.question for each in system.queries)
    assert f"of {found} questions" in html(app)
    app = checked(key(app, "sift_").set_value("no such words").run())
    assert "No question fits." in words(app)


def test_a_comparison_is_that_of_the_command_line(bench, made, other, open_page):
    named = ids(bench)
    where = {"view": "compared", "run": named["a"], "vs": named["b"]}
    app = open_page(bench, "evaluation_runs", **where)
    found = compare_runs(made, other)
    for pair in dict.fromkeys((each.a, each.b) for each in found):
        rows = cells(app, f"{pair[0]} less {pair[1]}: ")[1:]
        wanted = [each for each in found if (each.a, each.b) == pair]
        for row, each in zip(rows, wanted, strict=True):
            assert row[0] == each.metric
            assert row[2] == (
                f"{numbers.signed(each.difference)} "
                f"{numbers.interval(each.low, each.high, sign=True)}"
            )
            assert numbers.p_value(each.p_holm) in row


def test_runs_of_other_questions_are_not_compared(bench, made, open_page):
    put("c", replace(made, dataset=replace(made.dataset, questions_sha256="0" * 64)))
    named = ids(bench)
    where = {"view": "compared", "run": named["a"], "vs": named["c"]}
    shown = html(open_page(bench, "evaluation_runs", **where))
    assert 'role="alert"' in shown and "different questions" in shown
    shown = html(open_page(bench, "evaluation_runs", view="compared"))
    assert "Choose a run to compare with" in shown


def test_without_a_run_the_commands_that_make_one_are_told(make_services, open_page):
    app = open_page(make_services(), "evaluation_runs")
    assert "There is no run yet" in html(app)
    assert app.code[0].value.splitlines() == [
        "rag evaluate questions --out questions.json --collection default",
        "rag evaluate questions.json --collection default --out runs/first",
    ]


def test_a_run_that_cannot_be_read_is_listed_and_the_others_shown(bench, made, open_page):
    write_file(Path("runs", "<img src=x>", "results.json"), "{}")
    text = to_json(made).replace('"schema_version": 1', '"schema_version": 9', 1)
    write_file(Path("runs", "newer", "results.json"), text)
    app = open_page(bench, "evaluation_runs", run="../../etc", vs="nothing")
    assert "That run is not there any more" in html(app)
    assert app.expander[0].label == "Runs that cannot be read: 2"
    assert "schema version 9" in html(app) and "&lt;img src=x&gt;" in html(app)
    assert app.selectbox[0].value in ids(bench).values()


def test_good_answers_of_chat_become_a_question_set_that_can_be_evaluated(services, open_page):
    app = open_page(services, "evaluation_runs")
    assert "Rate answers in Chat with a thumb up" in words(app)
    conversation = services.conversations.create(ANNA, "station")
    asked = services.answers.ask(ANNA, conversation.id, QUESTION)
    assert answer_end(services, ANNA, asked).answer.citations
    services.conversations.rate(ANNA, asked, 1)
    app = open_page(services, "evaluation_runs")
    assert "1 answer that you rated good" in words(app)
    assert app.code[-1].value == "rag evaluate citewell-feedback.json"
    content = services.export_questions(ANNA)
    Path("citewell-feedback.json").write_text(json.dumps(content), encoding="utf-8")
    (question,) = load_dataset(Path("citewell-feedback.json")).questions
    assert question.question == QUESTION


def test_hostile_runs_are_text(make_services, made, open_page):
    services, text = make_services(), "\n".join(PAYLOADS.values())
    system = made.systems[0]
    queries = tuple(
        replace(query, question=text, golds=(text,), answer=text, best_answer=text, error=text)
        for query in system.queries
    )
    hostile = replace(
        made,
        systems=(replace(system, name=text, queries=queries),),
        comparisons=(),
        dataset=replace(made.dataset, name=text, notes=(text,)),
    )
    put("a", hostile)
    for view in ("overview", "each", "compared", "about", "export"):
        where = {"view": view, "question": queries[0].question_id}
        app = open_page(services, "evaluation_runs", **where)
        shown = html(app)
        for tag in ("script", "img", "iframe", "svg", "object", "form", "style>@", "base", "meta"):
            assert f"<{tag}" not in re.sub("<style>.*?</style>", "", shown, count=1, flags=re.S)
        for each in app.button:
            assert "![" not in each.label


def test_the_page_speaks_chinese(bench, open_page):
    shown = words(open_page(bench, "evaluation_runs", language="zh"))
    assert "数据集" in shown and "95 % 区间" in shown and "丢失原因" in shown
    assert "Main metrics" not in shown and "Cause by which" not in shown
