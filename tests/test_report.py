"""The report: what stands in it is what the results say, in both languages, every section."""

import re
import string
import tomllib
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from made_results import build_results, leave_charts_out
from places import ROOT

from evaluation.metrics import retrieval
from evaluation.report import numbers, write_report
from evaluation.report.sections.failures import marked
from evaluation.report.self_test import self_test
from evaluation.report.words import WORD_FILES, say
from evaluation.results.conventions import CONVENTIONS
from rag.config.abstention import precision_at

TITLES = [
    "verdict",
    "provenance",
    "scores",
    "funnel",
    "slices",
    "answers",
    "grounding",
    "robustness",
    "reliability",
    "worst",
    "pairs",
    "anchors",
    "threats",
    "reproduce",
]


@pytest.fixture(scope="module")
def results():
    return build_results()


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    made = tmp_path_factory.mktemp("report")
    write_report(results, made)
    return made


@pytest.fixture(scope="module")
def page(folder):
    return BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "lxml")


@pytest.fixture
def words_only(monkeypatch):
    leave_charts_out(monkeypatch)


def section(page, name):
    return page.select_one(f"#section-{TITLES.index(name) + 1}")


def table(page, name, place=0):
    """Header texts and rows of a section's table, as an English reader sees them."""
    found = section(page, name).select("table")[place]
    return [[english(cell) for cell in row.select("th, td")] for row in found.select("tr")]


def english(element):
    copy = BeautifulSoup(str(element), "lxml")
    for hidden in copy.select(".zh"):
        hidden.decompose()
    return " ".join(copy.get_text(" ").split())


def test_every_section_stands_there_in_both_languages(page, folder):
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    for number, name in enumerate(TITLES, start=1):
        title = say(f"title.{name}")
        heading = page.select_one(f"#title-{number}")
        assert heading.select_one(".en").get_text() == title.en
        assert heading.select_one(".zh").get_text() == title.zh
        assert f"## {number}. {title.en} · {title.zh}" in markdown


def test_the_main_table_holds_the_values_of_the_results(page, results):
    rows = table(page, "scores")
    for row, system in zip(rows[1:], results.systems, strict=True):
        for cell, name in zip(row[1:], results.main_metrics, strict=False):
            mean = system.metrics[name]
            assert cell.startswith(numbers.fixed(mean.value))
            assert numbers.interval(mean.low, mean.high) in cell


@pytest.mark.usefixtures("words_only")
def test_a_changed_mean_shows_up_in_both_files(results, tmp_path):
    first = results.systems[0]
    wrong = replace(first.metrics["RR"], value=0.123456)
    changed = replace(first, metrics={**first.metrics, "RR": wrong})
    write_report(replace(results, systems=(changed, *results.systems[1:])), tmp_path)
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    assert table(shown, "scores")[1][2].startswith("0.123 ")
    assert "| 0.123; " in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("words_only")
def test_the_support_of_written_answers_is_shown_where_there_are_any(results, page, tmp_path):
    more = tuple(
        replace(s, metrics={**s.metrics, "supported sentences": s.metrics["RR"]})
        for s in results.systems
    )
    write_report(replace(results, systems=more), tmp_path)
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    assert "supported sentences" not in section(page, "grounding").get_text()
    assert "supported sentences" in section(shown, "grounding").get_text()


@pytest.mark.usefixtures("words_only")
def test_many_metrics_are_shown_in_two_tables_that_fit_on_a_page(results, tmp_path):
    more = tuple(
        replace(s, metrics={**s.metrics, "AP": s.metrics["RR"], "F1 mlqa": s.metrics["F1"]})
        for s in results.systems
    )
    names = (*results.main_metrics, "AP", "F1 mlqa")
    write_report(replace(results, systems=more, main_metrics=names), tmp_path)
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    heads = [[head.split(" (n")[0] for head in table(shown, "scores", n)[0]] for n in (0, 1)]
    assert heads[0][1:-1] == ["recall@5", "RR", "AP"]
    assert heads[1][1:-1] == ["F1", "EM", "citation precision", "F1 mlqa"]


def test_letters_name_exactly_the_systems_that_are_significantly_worse(page, results):
    names = [system.name for system in results.systems]
    shown = section(page, "scores").select("table")[0].select("tbody tr")
    for row, name in zip(shown, names, strict=True):
        for cell, metric in zip(row.select("td"), results.main_metrics, strict=False):
            expected = {
                "abc"[names.index(item.b if item.difference > 0 else item.a)]
                for item in results.comparisons
                if item.metric == metric
                and item.p_holm < 0.05
                and name == (item.a if item.difference > 0 else item.b)
            }
            assert set(cell.sup.get_text() if cell.sup else "") == expected


@pytest.mark.usefixtures("words_only")
def test_the_verdict_does_not_call_a_chance_difference_better(results, tmp_path):
    unclear = tuple(replace(item, p_holm=0.4) for item in results.comparisons)
    write_report(replace(results, comparisons=unclear), tmp_path)
    verdict = (tmp_path / "report.md").read_text(encoding="utf-8").split("## 2.")[0]
    assert "cannot be told from chance; p = 0.400" in verdict
    assert "is best on" not in verdict


@pytest.mark.usefixtures("words_only")
def test_declared_thresholds_pass_or_fail(results, tmp_path):
    write_report(results, tmp_path, thresholds={"recall@5": 0.8})
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    lights = {english(light.b): light["class"] for light in shown.select(".lights li")}
    assert lights["bm25: recall@5"] == ["bad"]  # .667 of 54
    assert lights["hybrid: recall@5"] == ["good"]  # .926


def test_the_marked_gold_span_is_the_gold_answer_character_by_character(page, results):
    golds = {q.question_id: q.golds for s in results.systems for q in s.queries}
    cases = section(page, "worst").select(".case")
    assert len(cases) == 3 * 6
    for case in cases:
        marks = [mark.get_text() for mark in case.select("mark.gold")]
        assert set(marks) == set(golds[case.select_one("code").get_text()])


def test_the_picture_of_relevance_stands_beside_its_numbers(page, results, folder):
    scores = section(page, "scores")
    assert scores.select_one('svg[aria-labelledby^="relevance-caption"]').select("path")
    captions = [english(found.caption) for found in scores.select("table")]
    means, points = (
        table(page, "scores", next(n for n, each in enumerate(captions) if caption.en in each))[1:]
        for caption in (say("relevance.table"), say("relevance.bins"))
    )
    for row, system in zip(means, results.systems, strict=True):
        fit = system.relevance
        found = (fit.mean, fit.relevant, fit.ece, fit.brier)
        assert row == [system.name, numbers.count(fit.passages), *map(numbers.fixed, found)]
    assert points == [
        [system.name, numbers.fixed(mean), numbers.fixed(share), numbers.count(count)]
        for system in results.systems
        for mean, share, count in system.relevance.bins
    ]
    assert "| bm25 | 1,080 |" in (folder / "report.md").read_text(encoding="utf-8")  # 54 times 20


@pytest.mark.usefixtures("words_only")
def test_a_run_of_an_older_version_has_no_picture_of_relevance(results, tmp_path):
    old = tuple(replace(system, relevance=None) for system in results.systems)
    write_report(replace(results, systems=old), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert say("missing.relevance").en in text
    assert say("relevance.table").en not in text


def test_the_threshold_chosen_on_dev_is_reported_on_test(page, results):
    found = section(page, "answers").select("table")[-1]
    rows = [
        [english(cell) for cell in row.select("th, td")]
        for row in found.select("tbody tr:not(.group)")
    ]
    assert [english(row) for row in found.select(".group")] == ["bm25", "dense", "hybrid"]
    for place, system in enumerate(results.systems):
        chosen = system.chosen_threshold
        kinds = (chosen.chosen, chosen.configured, chosen.chosen_on_dev)
        for row, at in zip(rows[3 * place : 3 * place + 3], kinds, strict=True):
            f1 = at.metrics["F1"]
            value, setting = row[1].split(" ", 1)
            assert value == numbers.fixed(at.threshold)
            assert setting == f"abstention.precision: {precision_at(min(at.threshold, 1)):.3f}"
            assert row[3].startswith(f"{numbers.fixed(f1.value)} [")
            assert row[3].endswith(f"n = {f1.n}")
            precision = numbers.fixed(at.abstention_precision) if at.abstained else "–"
            assert row[7] == f"{precision} n = {at.abstained}"
            assert row[8] == f"{numbers.fixed(at.abstention_recall)} n = {at.unanswerable}"
    caption = english(found.caption)
    assert "Dev: 27 questions (24 HasAns, 3 NoAns) of 9 documents" in caption
    assert "Test: 33 questions (30 HasAns, 3 NoAns) of 11 documents" in caption


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("reason", "said"),
    [("few questions", "at least 10"), ("one kind", "questions with and without an answer")],
)
def test_a_threshold_that_could_not_be_chosen_says_why(results, tmp_path, reason, said):
    systems = tuple(
        replace(
            system,
            chosen_threshold=replace(
                system.chosen_threshold,
                not_measured=reason,
                chosen=None,
                configured=None,
                chosen_on_dev=None,
            ),
        )
        for system in results.systems
    )
    write_report(replace(results, systems=systems), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"not measured for bm25, dense, hybrid; each half needs {said}" in text
    assert "flatters" not in text


def test_pieces_of_a_passage_join_to_the_passage_again():
    text = "abcdefghij"
    pieces = marked(text, ((2, 5), (4, 7)), ((0, 3), (9, 10)))
    assert "".join(piece for piece, _ in pieces) == text
    assert "".join(piece for piece, kind in pieces if "gold" in kind) == text[2:7]
    assert [p for p, kind in pieces if kind == "gold cited"] == ["c"]


def test_slices_below_thirty_questions_are_greyed(page):
    rows = section(page, "slices").select("table")[0].select("tbody tr:not(.group)")
    few = {english(row.th): "muted" in row.th["class"] for row in rows}
    assert few == {"no": True, "yes": False, "en": False, "zh": True}  # n: 0, 54, 39 and 15


def test_the_self_test_passes_and_stands_in_the_report(page):
    checks = self_test()
    assert {check.case for check in checks} == {f"O{n}" for n in range(1, 12)}
    assert all(check.passed for check in checks)
    rows = table(page, "reproduce")
    assert len(rows) == 1 + len(checks)
    assert {row[-1] for row in rows[1:]} == {"as expected"}


@pytest.mark.usefixtures("words_only")
def test_a_broken_metric_shows_red(results, tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval, "recall_at_k", retrieval.success_at_k)  # a common mix-up
    assert [check.measure for check in self_test() if not check.passed] == [
        "recall@1",  # 1 instead of 1/3
        "recall@2",
        "recall@3",
        "recall@10",
    ]
    write_report(results, tmp_path)
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    lights = {english(light.b): light["class"] for light in shown.select(".lights li")}
    assert lights["Self-test of the metrics"] == ["bad"]
    assert sum("WRONG" in row for row in table(shown, "reproduce")) == 4


def test_one_system_without_answers_says_what_is_missing(tmp_path):
    alone = build_results(names=("bm25",), n=30)
    plain = tuple(
        replace(query, answer=None, best_answer=None, abstained=None, confidence=None, citations=())
        for query in alone.systems[0].queries
    )
    system = replace(
        alone.systems[0],
        queries=plain,
        confidence=None,
        slices=(),
        funnel=(),
        recall_curve=(),
        success_curve=(),
        worst=(),
    )
    bare = replace(alone, systems=(system,), comparisons=(), environment={})
    write_report(bare, tmp_path)
    shown = BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "lxml")
    for name in ("scores", "funnel", "slices", "answers", "grounding", "robustness", "worst"):
        assert section(shown, name).select(".missing"), name
    assert "there is no second system" in english(section(shown, "verdict"))
    assert not section(shown, "pairs").select("svg")


@pytest.mark.usefixtures("words_only")
def test_a_synthetic_set_is_flagged(results, tmp_path):
    made_up = replace(results, dataset=replace(results.dataset, synthetic=True))
    write_report(made_up, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.count("Synthetic questions: they were made from the documents") == 2


def test_percentages_always_carry_what_they_are_of(page):
    for percentage in re.finditer(r"\d %[^。.]{0,9}", english(page.main)):
        near = percentage.group()
        assert re.search(r"\(\d|interval|power|p|$", near), near
    assert re.search(r"\d+\.\d % \(\d+/\d+\)", english(page.main))


def test_texts_have_both_languages_and_the_same_placeholders():
    texts = [(ROOT / "evaluation/report" / file).read_text(encoding="utf-8") for file in WORD_FILES]
    tables = [item for text in texts for item in tomllib.loads(text).items()]
    assert len(tables) == len(dict(tables))
    for name, entries in tables:
        for key, (english_text, chinese) in entries.items():
            fields = [
                {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
                for text in (english_text, chinese)
            ]
            assert english_text and chinese, (name, key)
            assert fields[0] == fields[1] or (name, key) == ("threat", "independent"), (name, key)


def test_the_chinese_of_every_convention_translates_what_it_says_today():
    for name, rule in CONVENTIONS.items():
        assert say(f"convention.{name.replace(' ', '_')}").en == name
        assert say(f"rule.{name.replace(' ', '_')}").en == rule
