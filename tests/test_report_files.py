"""The report's two files: self-contained, safe whatever the data holds, always the same bytes."""

import base64
import hashlib
import pathlib
import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from made_results import build_results, leave_charts_out

from evaluation.report import write_report
from rag.errors import DatasetError

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(2)</script>",
    "</script><script>alert(3)</script>",
    "</title><svg onload=alert(4)>",
    '"><b onmouseover="alert(5)">',
    "' onfocus='alert(6)' autofocus='",
    "<!-- never closed",
    "]]><script>alert(7)</script>",
    "&lt;script&gt;alert(8)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "{system} %s $x$ {0}",
    "javascript:alert(9)",
    "<iframe src='https://example.org'></iframe>",
    "<a href='https://example.org'>click</a>",
    "![x](https://example.org/x.png) [y](javascript:alert(1))",
    "| a | b |\n|---|---|\n# heading",
    "\u202egnp.exe\u202c \u0000\u001b[31m\u0007 \ud800",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "```\n<base href='https://example.org'>\n~~~",
)


@pytest.fixture(scope="module")
def results():
    return build_results(names=("bm25", "hybrid"), n=40)


@pytest.fixture(scope="module")
def html(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    paths = write_report(results, folder)
    assert [path.name for path in paths] == ["report.html", "report.md"]
    return paths[0].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    """The report, parsed; only for reading."""
    return BeautifulSoup(html, "lxml")


def poisoned(results):
    """The same run, hostile strings wherever text comes from outside."""
    systems = []
    for place, system in enumerate(results.systems):
        queries = []
        for number, query in enumerate(system.queries):
            text = HOSTILE[number % len(HOSTILE)]
            passages = tuple(
                replace(
                    passage,
                    text=text * 3,
                    source=text,
                    title=text,
                    document_id=text,
                    stages={text: (1, 0.5)},
                    gold=((0, len(text)),),
                    cited=((1, 2),),
                )
                for passage in (results.systems[0].queries[0].passages if number < 20 else ())
            )
            queries.append(
                replace(
                    query,
                    question=text,
                    question_id=f"{number}{text}",
                    golds=(text,),
                    answer=text,
                    best_answer=text,
                    abstained=False,
                    error=text,
                    cause=text,
                    slices={text: text},
                    passages=passages,
                )
            )
        systems.append(
            replace(
                system,
                name=f"{place}{HOSTILE[place]}{HOSTILE[place + 10]}",
                queries=tuple(queries),
                worst=tuple(query.question_id for query in queries[:20]),
                errors={query.question_id: query.error for query in queries},
                overrides=dict.fromkeys(HOSTILE, HOSTILE[0]),
                manifest=dict.fromkeys(HOSTILE, HOSTILE[1]),
                slices=tuple(replace(s, slice=HOSTILE[0], value=HOSTILE[5]) for s in system.slices),
                funnel=tuple(replace(s, name=f"{s.name}{HOSTILE[0]}") for s in system.funnel),
            )
        )
    names = {old.name: new.name for old, new in zip(results.systems, systems, strict=True)}
    return replace(
        results,
        systems=tuple(systems),
        comparisons=tuple(
            replace(item, a=names[item.a], b=names[item.b]) for item in results.comparisons
        ),
        dataset=replace(results.dataset, name=HOSTILE[4], notes=HOSTILE),
        conventions=dict.fromkeys(HOSTILE, HOSTILE[0]),
        environment={
            "command": list(HOSTILE),
            "packages": dict.fromkeys(HOSTILE, HOSTILE[0]),
            "git_sha": HOSTILE[0],
            HOSTILE[1]: HOSTILE[2],
        },
        timings=replace(results.timings, finished=HOSTILE[0]),
    )


def test_nothing_is_loaded_from_elsewhere(html, page):
    for element in page.find_all(True):
        assert element.name not in ("iframe", "object", "embed", "base", "form", "img")
        for name, value in element.attrs.items():
            if name in ("src", "href", "xlink:href", "action", "poster", "srcset"):
                assert value.startswith(("#", "data:,")), (element.name, name, value)
            if name == "style":
                assert not re.search(r"url\((?!#)", value)
    assert not re.search(r"https?://|@import|url\((?!#)", html)


def test_every_reference_inside_the_file_has_its_target(html, page):
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    wanted = [e["href"][1:] for e in page.select('[href^="#"]')]
    wanted += re.findall(r"url\(#([^)]+)\)", html)
    for element in page.select("[aria-labelledby]"):
        wanted += element["aria-labelledby"].split()
    assert set(wanted) <= set(ids)


def test_the_policy_names_the_hash_of_the_only_script(page):
    (script,) = page.find_all("script")
    digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "'unsafe-inline'" not in policy.split("script-src")[1]


def test_twenty_hostile_strings_stay_text(page, results, tmp_path):
    names = {element.name for element in page.find_all(True)}
    path, markdown = write_report(poisoned(results), tmp_path)
    text = path.read_text(encoding="utf-8")
    page = BeautifulSoup(text, "lxml")
    assert {element.name for element in page.find_all(True)} <= names
    assert len(page.find_all("script")) == 1
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")], element
        assert str(element.get("href", "#")).startswith(("#", "data:,"))
    shown = page.main.get_text()
    for hostile in HOSTILE:
        if "\u0000" not in hostile:
            assert hostile in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    outside_code = re.sub(r"^(`{3,})\n.*?^\1$", "", markdown.read_text("utf-8"), flags=re.M | re.S)
    assert not re.search(r"(?<!\\)<(?!/?sup>)", outside_code)
    assert not re.search(r"(?<!\\)\]\(", outside_code)


def test_equal_results_give_equal_bytes(html, results, tmp_path):
    again = write_report(build_results(names=("bm25", "hybrid"), n=40), tmp_path / "a")
    later = write_report(results, tmp_path / "b")
    for one, other in zip(again, later, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert again[0].read_text(encoding="utf-8") == html


def test_it_can_be_read_without_seeing_it(page):
    assert page.html["lang"] == "en"
    assert len(page.find_all("main")) == len(page.find_all("nav")) == len(page.find_all("h1")) == 1
    for table in page.find_all("table"):
        assert table.caption
        assert all(cell.get("scope") == "col" for cell in table.thead.find_all("th"))
        assert all(row.find("th", scope=True) for row in table.tbody.find_all("tr"))
    charts = page.find_all("svg")
    assert len(charts) >= 4
    for chart in charts:
        for name in chart["aria-labelledby"].split():
            assert page.find(id=name).get_text(strip=True)


def test_charts_take_their_colours_from_the_page(page):
    for chart in page.find_all("svg"):
        assert "currentColor" in str(chart)
        assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r"#[\w-]+\"|url\(#[^)]*\)", "", str(chart)))


def test_the_languages_are_marked(page):
    for element in page.select(".zh"):
        assert element["lang"] == "zh"
    assert len(page.select(".en")) == len(page.select(".zh")) > 100


def test_a_report_that_cannot_be_written_leaves_the_old_one(results, tmp_path, monkeypatch):
    leave_charts_out(monkeypatch)
    (tmp_path / "report.html").write_text("old")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    with pytest.raises(DatasetError, match="No space left"):
        write_report(results, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_results_without_a_system_are_refused(results, tmp_path):
    with pytest.raises(ValueError, match="no system"):
        write_report(replace(results, systems=()), tmp_path)
