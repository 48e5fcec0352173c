"""The page Evaluation in a real browser: its numbers, what is taken away, the report apart."""

import csv
import html
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from browser import PHONE
from made_results import build_results
from payloads import PAYLOADS
from playwright.sync_api import expect
from test_browser_access import overflow, violations
from test_browser_safety import ACTIVE, seen

from evaluation.report import numbers
from evaluation.results.comparison import compare_runs
from evaluation.results.schema import from_json, to_json
from evaluation.run.run_files import per_query_text, write_file
from ui.services.runs import Runs


@pytest.fixture(scope="module")
def made():
    return build_results(names=("bm25", "hybrid"), n=40)


@pytest.fixture(scope="module")
def other():
    return build_results(names=("hybrid", "bm25"), n=40)


def hostile(made):
    """The run with payloads wherever text can stand; in the first questions one each."""
    system, texts = made.systems[0], list(PAYLOADS.values())
    queries = tuple(
        replace(
            query,
            question=texts[place % len(texts)],
            golds=("=1+1", texts[place % len(texts)]),
            answer=texts[place % len(texts)],
            abstained=False,
            error=texts[-1],
            passages=tuple(
                replace(each, text=texts[place % len(texts)], source=texts[0], gold=(), cited=())
                for each in query.passages
            ),
        )
        for place, query in enumerate(system.queries)
    )
    return replace(
        made,
        systems=(replace(system, name=texts[1], queries=queries),),
        comparisons=(),
        dataset=replace(made.dataset, name=PAYLOADS["markdown image"], notes=tuple(texts)),
    )


@pytest.fixture(scope="module")
def runs(page_home, made, other):
    """Name -> id of the runs that the page finds."""
    folder = page_home / "runs"
    found = {
        "hostile ![x](y) <b>": hostile(made),
        "another set": replace(made, dataset=replace(made.dataset, questions_sha256="0" * 64)),
        "b": other,
        "a": made,
    }
    for name, results in found.items():
        write_file(folder / name / "results.json", to_json(results))
    write_file(folder / "<img src=x onerror=alert(1)>" / "results.json", "{}")
    return {info.name: info.run_id for info in Runs([folder]).list()}


def open_view(person, view, **where):
    query = urllib.parse.urlencode({"view": view, **where})
    return person.go(f"/evaluation?{query}")


def cells(page, caption):
    """The rows of a table, each a list of its cells' texts."""
    table = page.get_by_role("group", name=caption).locator("tr")
    read = "each => each.map(row => [...row.cells].map(cell => cell.innerText))"
    return table.evaluate_all(read)


def test_the_numbers_on_the_screen_are_those_of_results_json(person, runs, made):
    page = open_view(person, "overview", run=runs["a"])
    _, *rows = cells(page, "Main metrics of each system")
    for row, system in zip(rows, made.systems, strict=True):
        for cell, metric in zip(row[1:-1], made.main_metrics, strict=True):
            mean = system.metrics[metric]
            assert cell.split()[0] == f"{mean.value:.3f}"
            assert f"[{mean.low:.3f}, {mean.high:.3f}]" in cell
    expect(page.locator("[data-testid=stVegaLiteChart] svg")).to_be_visible()
    page.get_by_text("Values of the curves").click()
    values = {row[0]: row[1:] for row in cells(page, "Values of the curves")}
    for system in made.systems:
        wanted = [numbers.fixed(value) for value in system.recall_curve]
        assert values[f"recall@k, {system.name}"] == wanted


def test_two_runs_are_chosen_and_compared(person, runs, made, other):
    page = open_view(person, "compared", run=runs["a"])
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="b ·").click()
    expect(page.get_by_role("heading", name="What was compared")).to_be_visible(timeout=90_000)
    person.idle()
    expect(page).to_have_url(re.compile(f"vs={runs['b']}"))
    found = compare_runs(made, other)
    shown = cells(page, f"{found[0].a} less {found[0].b}: ")[1:]
    first = [each for each in found if (each.a, each.b) == (found[0].a, found[0].b)]
    assert [row[2].split()[0] for row in shown] == [
        numbers.signed(each.difference) for each in first
    ]
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="another set ·").click()
    expect(page.get_by_role("alert")).to_contain_text("different questions")


def test_what_is_taken_away_is_the_run(person, runs, made):
    page = open_view(person, "export", run=runs["a"])
    taken = {}
    for name in ("Report (HTML)", "Report (Markdown)", "Question by question", "Everything"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        taken[name] = Path(download.value.path()).read_text(encoding="utf-8")
    assert from_json(taken["Everything"]) == replace(made, environment={})
    assert taken["Question by question"] == per_query_text(made)
    assert taken["Report (Markdown)"].startswith("# subjqa-electronics")
    assert "default-src 'none'" in html.unescape(taken["Report (HTML)"])


def test_no_cell_of_the_table_is_a_formula(person, runs):
    page = open_view(person, "export", run=runs["hostile ![x](y) <b>"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Question by question").click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert any(cell.startswith("'=1+1") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_the_report_opens_in_a_sandbox(person, runs, page_server):
    page = open_view(person, "export", run=runs["a"])
    with person.context.expect_page() as opened:
        page.get_by_role("link", name="Open the report").click()
    report = opened.value
    person.watch(report)
    expect(report.get_by_role("heading", name="Verdict")).to_be_visible(timeout=60_000)
    report.get_by_role("button", name="中文").click()  # its own script runs
    expect(report.get_by_role("heading", name="结论")).to_be_visible()
    assert report.evaluate("self.origin") == "null"
    refused = "fetch('/health').then(() => 'reached', () => 'refused')"
    assert report.evaluate(refused) == "refused"
    with urllib.request.urlopen(report.url) as answer:  # noqa: S310 - our own server
        policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy and answer.headers["x-frame-options"] == "DENY"
    for name in ("..%2F..%2Fpeople.db", "0" * 12, "%00"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{page_server.url}/runs/{name}/report.html")  # noqa: S310
        assert error.value.code in (400, 404)
        error.value.close()


def test_a_question_opens_with_what_was_found_and_why_it_failed(person, runs, made):
    system = made.systems[0]
    chosen = next(each for each in system.queries if each.cause == "ranked low" and each.passages)
    page = open_view(person, "each", run=runs["a"])
    page.get_by_label("Which questions").click()
    page.get_by_role("option", name="ranked low").click()
    lost = [each for each in system.queries if each.cause == "ranked low"]
    expect(page.get_by_text(f"of {len(lost)} questions")).to_be_visible()
    person.idle()
    expect(page.locator('[class*="st-key-row_q_"]')).to_have_count(min(20, len(lost)))
    place = lost.index(chosen)
    page.locator('[class*="st-key-row_q_"]').nth(place).get_by_role("button").click()
    case = page.locator('[class*="st-key-case_"]')
    expect(case).to_contain_text("below the passages that an answer is made from")
    gold = next(each for each in chosen.passages if each.gold)
    card = case.locator(".cw-ranks .cw-card").nth(gold.rank - 1)
    assert card.locator(".cw-text").inner_text() == gold.text
    (start, end), *_ = gold.gold
    assert gold.text[start:end] in "".join(card.locator("mark.cw-gold").all_inner_texts())
    expect(page).to_have_url(re.compile(f"question={chosen.question_id}"))


def test_a_hostile_run_shows_as_it_is(person, runs):
    run = runs["hostile ![x](y) <b>"]
    for view in ("overview", "about", "export"):
        page = open_view(person, view, run=run)
        assert page.locator(ACTIVE).count() == 0, view
        assert seen(PAYLOADS["markdown image"]) in seen(page.locator("main").inner_text())
    page = open_view(person, "each", run=run)
    shown = seen(page.locator("main").inner_text())
    for name in list(PAYLOADS)[:20]:
        assert seen(PAYLOADS[name])[:100] in shown, name
    for place in (0, 13, 17):
        page.locator('[class*="st-key-row_q_"]').nth(place).get_by_role("button").click()
        name = list(PAYLOADS)[place]
        expect(page.locator('[class*="st-key-case_"] .cw-pairs').first).to_contain_text("=1+1")
        assert page.locator(ACTIVE).count() == 0, name


def test_axe_finds_nothing_in_any_view(person, runs):
    for view in ("overview", "each", "compared", "about", "export"):
        page = open_view(person, view, run=runs["a"], vs=runs["b"], question="q001")
        for fold in page.locator("main details").all():
            fold.evaluate("each => each.open = true")
        assert violations(page) == [], view


def test_a_phone_shows_all_of_it_in_chinese_too(meet, runs):
    person = meet(**PHONE, locale="zh-CN")
    for view in ("overview", "each", "compared", "about", "export"):
        page = open_view(person, view, run=runs["a"], vs=runs["b"], question="q001")
        expect(page.get_by_role("heading", name="评测")).to_be_visible()
        assert overflow(page) <= 1, view


def test_views_are_chosen_by_keyboard_and_stand_in_the_address(person, runs):
    page = open_view(person, "overview", run=runs["a"])
    page.get_by_role("radio", name="Questions").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Which questions")).to_be_visible()
    expect(page).to_have_url(re.compile("view=each"))
    page.locator('[class*="st-key-row_q_"] button').first.focus()
    page.keyboard.press("Enter")
    expect(page.locator('[class*="st-key-case_"]')).to_be_visible()
    expect(page).to_have_url(re.compile("question="))
    person.go(page.url)
    expect(page.locator('[class*="st-key-case_"]')).to_be_visible()
