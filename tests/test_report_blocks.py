"""Every kind of block says the same in the report's file, in Markdown, and on the page."""

from dataclasses import fields, is_dataclass

import pytest
from bs4 import BeautifulSoup

from evaluation.report import layout
from evaluation.report.rendering.html import render_html
from evaluation.report.rendering.markdown import render_markdown
from evaluation.report.words import Words
from evaluation.results.records import QueryResult
from ui.render.blocks import blocks_html, case_html


def word(name):
    return Words(f"{name}-en", f"{name}-zh")


CASE = layout.Case(
    query=QueryResult("asked-id", "asked", "", {}, (), (), True, (), None, {}),
    cause=word("cause"),
    pairs=((word("gold"), ("first-gold", word("second-gold"))),),
    scores="RR 0.25",
    baseline="other-system",
    passages=(
        layout.ShownText("a-system", 3, "a-source", "by-stages", (("begin ", ""), ("end", "gold"))),
    ),
)
BLOCKS = (
    layout.Line(word("verdict"), "verdict"),
    layout.Line(word("heading"), "heading"),
    layout.Bullets((word("first"), "second")),
    layout.Facts(word("facts"), ((word("name"), "value"),)),
    layout.Facts(word("folded-facts"), (("a-name", word("a-value")),), folded=True),
    layout.Table(
        word("table"),
        (word("left"), "right"),
        (
            (layout.Cell(word("group")),),
            (layout.Cell("row"), layout.Cell("7", ("low", "high"), "b")),
        ),
        note=word("note"),
    ),
    layout.Code(word("code"), ("make it", "run it")),
    layout.Lights((layout.Light("bad", word("light"), "reason"),)),
    layout.ChangedQuestions(
        word("changes"),
        (
            layout.ChangedQuestion(
                "changed?", "id-7", "+0.5", "good", "RR 0.5", (("side", "fact"),)
            ),
        ),
        word("changes-note"),
    ),
    layout.Figure("curve", "<svg></svg>", word("figure"), word("said")),
    layout.Cases("a-system", word("cases"), (CASE,)),
)
SHOWN_BY_THE_PAGE = (layout.Figure, layout.Cases)  # with widgets
LEFT_OUT = {  # by a form, on purpose
    "code-en", "id-7",  # on the page: a command has no title, a question is no link
}  # fmt: skip


def words_of(block):
    """All texts of a block, in English."""
    if isinstance(block, Words):
        return {block.en}
    if isinstance(block, str):
        return {block} - {"", "bad", "good", "verdict", "heading"}
    if isinstance(block, tuple):
        return set().union(*map(words_of, block))
    if is_dataclass(block):
        return set().union(*(words_of(getattr(block, each.name)) for each in fields(block)))
    return set()


def page_of(*blocks):
    section = layout.ReportSection(1, word("section"), blocks)
    return layout.Page(word("kind"), "title", word("about"), (section,))


def text_of(html):
    return " ".join(BeautifulSoup(html, "lxml").get_text(" ").split())


def test_there_is_a_block_of_every_kind():
    assert {type(each).__name__ for each in BLOCKS} == set(layout.Block.split(" | "))


@pytest.mark.parametrize(
    "block", [each for each in BLOCKS if not isinstance(each, SHOWN_BY_THE_PAGE)]
)
def test_a_block_says_the_same_in_every_form(block):
    english = text_of(blocks_html([block], "en"))
    report = text_of(render_html(page_of(block)))
    markdown = render_markdown(page_of(block)).replace("\\", "")
    for text in words_of(block):
        assert text in report and text in markdown, text
        assert text in english or text in LEFT_OUT, text
    assert "-en" not in text_of(blocks_html([block], "zh"))


def test_a_case_says_the_same_in_the_file_and_on_the_page():
    shown = text_of(case_html(CASE, "en"))
    report = text_of(render_html(page_of(BLOCKS[-1])))
    passage = {"a-system", "#3", "a-source", "by-stages", "begin", "end"}
    for text in words_of(CASE.pairs) | passage | {CASE.scores, CASE.baseline}:
        assert text in shown and text in report, text
