"""The comparison of two runs as files: what stands in them, and that they are safe and the same."""

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from made_results import build_results

from evaluation.report import numbers, write_comparison
from evaluation.results.comparison import compare_runs

HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=alert(2)> | [y](javascript:z) {a}"
SECTIONS = 6


def with_query(results, place, **changes):
    """The run with one question of its first system changed."""
    first = results.systems[0]
    queries = list(first.queries)
    queries[place] = replace(queries[place], **changes)
    return replace(results, systems=(replace(first, queries=tuple(queries)), *results.systems[1:]))


def renamed(results, name):
    """The run with its first system under another name and with other settings."""
    config = {"retrieval": {"method": name, "top_k": 9}}
    first = replace(results.systems[0], name=name, config=config)
    return replace(results, systems=(first, *results.systems[1:]))


@pytest.fixture(scope="module")
def runs():
    """The third made-up system, called bm25, against the first, which is worse."""
    strong = build_results()
    strong = replace(strong, systems=(replace(strong.systems[2], name="bm25"),))
    return strong, build_results(names=("bm25",))


def write(a, b, folder, names=("runs/new", "runs/old")):
    paths = write_comparison(a, b, folder, comparisons=compare_runs(a, b), names=names)
    assert [path.name for path in paths] == ["comparison.html", "comparison.md"]
    html, markdown = (path.read_text(encoding="utf-8") for path in paths)
    return BeautifulSoup(html, "lxml"), markdown, html


@pytest.fixture(scope="module")
def written(runs, tmp_path_factory):
    return write(*runs, tmp_path_factory.mktemp("comparison"))


def english(element):
    copy = BeautifulSoup(str(element), "lxml")
    for hidden in copy.select(".zh"):
        hidden.decompose()
    return " ".join(copy.get_text(" ").split())


def test_the_verdict_and_what_was_compared(written, runs):
    page, markdown, _ = written
    first = compare_runs(*runs)[0]
    verdict = english(page.select_one("#section-1"))
    assert first.p_holm > 0.05
    assert "bm25 (A) cannot be told from bm25 (B) on recall@5: 0.926 against 0.667" in verdict
    assert f"{numbers.signed(first.difference)} [" in verdict
    facts = english(page.select_one("#section-2"))
    assert facts.count("4f" * 32) == facts.count("a1" * 32) == 2
    assert "runs/new" in facts
    assert "runs/old" in facts
    for number in range(1, SECTIONS + 1):
        heading = page.select_one(f"#title-{number}")
        names = [heading.select_one(side).get_text() for side in (".en", ".zh")]
        assert f"## {number}. {' · '.join(names)}" in markdown
    assert not page.select(f"#section-{SECTIONS + 1}")


@pytest.mark.parametrize(("sign", "word"), [(1, "above"), (-1, "below")])
def test_the_verdict_names_every_metric_that_differs_for_sure(runs, tmp_path, sign, word):
    found = compare_runs(*runs)
    clear = [replace(x, p_holm=0.01, difference=sign * abs(x.difference)) for x in found[:2]]
    write_comparison(*runs, tmp_path, comparisons=[*clear, *found[2:]])
    verdict = (tmp_path / "comparison.md").read_text(encoding="utf-8").split("## 2.")[0]
    assert f"**bm25 (A) is {word} bm25 (B) on recall@5" in verdict
    assert f"\nbm25 (A) is {word} bm25 (B) on RR" in verdict
    assert verdict.count(f"is {word}") == 2


def test_the_table_holds_every_comparison(written, runs):
    page, _, _ = written
    rows = page.select_one("#section-3").select("table")[-1].select("tbody tr")
    comparisons = compare_runs(*runs)
    assert len(rows) == len(comparisons)
    for row, item in zip(rows, comparisons, strict=True):
        cells = [english(cell) for cell in row.select("th, td")]
        assert cells[:2] == [item.metric, "A − B"]
        assert cells[2].startswith(f"{numbers.signed(item.difference)} [")
        assert cells[7] == numbers.p_value(item.p_holm)


def test_slices_hold_the_mean_difference_and_its_n(written, runs):
    page, _, _ = written
    table = page.select_one("#section-4").select("table")[0]
    rows = {}  # of both kinds of slices
    for row in table.select("tbody tr:not(.group)"):
        name, *cells = [english(cell) for cell in row.select("th, td")]
        rows[name] = cells
    ours, theirs = (
        [q.metrics["recall@5"] for q in run.systems[0].queries
         if q.slices["language"] == "zh" and "recall@5" in q.metrics]
        for run in runs
    )  # fmt: skip
    mean = (sum(ours) - sum(theirs)) / len(ours)
    assert rows["zh"][0] == str(len(ours))
    assert rows["zh"][3].startswith(f"{numbers.signed(mean)} [")
    grey = {english(th): "muted" in th["class"] for th in table.select("tr:not(.group) th[class]")}
    assert (grey["zh"], grey["en"]) == (True, False)  # 15 and 39 questions


def test_losses_and_gains_are_by_size_with_gold_and_both_answers(tmp_path):
    before = build_results(names=("bm25",), n=30)
    metrics = {"recall@5": 1.0, "RR": 1.0, "F1": 0.5, "EM": 0.0}
    for place in (0, 1, 2):
        before = with_query(before, place, metrics=metrics, question=f"Question {place}?")
    # losses, mean over four: (1 + .5 + .5) / 4 = .5 and .1 / 4 = .025; a gain of .5 / 4 = .125
    declined = {"abstained": True, "answer": "", "best_answer": "maybe 7", "confidence": 0.2}
    lost = {"recall@5": 0.0, "RR": 0.5, "F1": 0.0, "EM": 0.0}
    after = with_query(before, 1, metrics=lost, **declined)
    after = with_query(after, 0, metrics=metrics | {"F1": 0.4})
    after = with_query(after, 2, metrics=metrics | {"EM": 0.5}, answer="x" * 400, abstained=False)
    page, markdown, _ = write(after, before, tmp_path)
    lost, gained = page.select("#section-5 .case"), page.select("#section-6 .case")
    assert [english(case.select_one(".tag")) for case in lost] == ["−0.500", "−0.025"]
    assert [english(case.h4) for case in lost] == ["1 Question 1?", "2 Question 0?"]
    text = english(lost[0])
    assert "recall@5 1.000 → 0.000 · RR 1.000 → 0.500 · F1 0.500 → 0.000" in text
    assert "EM" not in text
    assert "Gold answer Ingrid Halvorsen" in text
    assert "Answer of bm25 (A) declined; it would have said: maybe 7 (confidence 0.200)" in text
    assert "Answer of bm25 (B) It lasts Ingrid Halvorsen [1]." in text
    assert [english(case.select_one(".tag")) for case in gained] == ["+0.125"]
    assert "x" * 300 + " …" in english(gained[0])
    assert "x" * 301 not in english(gained[0])
    assert markdown.index("Question 1?") < markdown.index("Question 0?")


def test_at_most_twenty_losses_are_shown(tmp_path):
    before = build_results(names=("bm25",), n=30)
    after = before
    for place in range(30):
        before = with_query(before, place, metrics={"RR": 1.0})
        after = with_query(after, place, metrics={"RR": place / 30})
    page, _, _ = write(after, before, tmp_path)
    cases = page.select("#section-5 .case")
    assert len(cases) == 20
    assert "20 of 30 questions" in english(page.select_one("#section-5"))
    assert [case.code.get_text() for case in cases] == [f"q{place:03d}" for place in range(20)]
    assert "on no question above" in english(page.select_one("#section-6"))


def test_the_same_run_twice_differs_in_nothing(tmp_path):
    same = build_results(names=("bm25", "dense"), n=20)
    page, _, _ = write(same, same, tmp_path)
    text = english(page.main)
    assert "bm25 (A) cannot be told from bm25 (B)" in text
    assert "dense (A) and dense (B) have the same settings." in text
    assert not page.select(".case")


def test_settings_that_differ_are_listed_by_key(tmp_path):
    one = build_results(names=("bm25",), n=20)
    page, _, _ = write(renamed(one, "tuned"), one, tmp_path)
    rows = [english(row) for row in page.select_one("#section-2 table").select("tbody tr")]
    assert rows == ["retrieval.method tuned bm25", "retrieval.top_k 9 5"]
    assert "tuned (A)" in english(page.select_one("#section-1"))


def test_equal_runs_give_equal_bytes(runs, written, tmp_path):
    write(*runs, tmp_path / "again")
    assert (tmp_path / "again/comparison.html").read_text(encoding="utf-8") == written[2]
    assert (tmp_path / "again/comparison.md").read_text(encoding="utf-8") == written[1]


def test_it_loads_nothing_and_hostile_texts_stay_text(runs, tmp_path):
    a, b = runs
    for place in range(60):
        a = with_query(
            a, place, question=HOSTILE, golds=(HOSTILE,), answer=HOSTILE, abstained=False,
            error=HOSTILE if place % 2 else None, slices={HOSTILE: HOSTILE[place % 3 :]},
            metrics={"recall@5": float(place % 5 == 0), "RR": 0.5, "F1": 0.0, "EM": 0.0},
        )  # fmt: skip
    a = renamed(a, HOSTILE)
    page, markdown, html = write(a, b, tmp_path, names=(HOSTILE, "b"))
    assert len(page.find_all("script")) == 1
    assert not page.find_all(["img", "iframe", "object", "link"], href=re.compile("^http"))
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")], element
        assert str(element.get("href", "#")).startswith(("#", "data:,"))
        assert not element.get("src")
    assert HOSTILE in page.main.get_text()
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    outside_code = re.sub(r"^(`{3,})\n.*?^\1$", "", markdown, flags=re.M | re.S)
    assert not re.search(r"(?<!\\)<(?!/?sup>)|(?<!\\)\]\(", outside_code)
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'")


def test_two_languages_and_unique_ids(written):
    page, _, _ = written
    assert len(page.select(".en")) == len(page.select(".zh")) > 30
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert all(table.caption for table in page.select("table"))
