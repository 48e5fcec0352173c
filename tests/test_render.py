"""HTML from text that others wrote: exact to the eye, and without anything that acts."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from payloads import PAYLOADS

from rag.schema import Answer, AnswerBlock, AnswerLine, Citation, Passage, Stage, StageScore, Trace
from ui.render import (
    citation_anchors,
    citation_cards,
    document_text,
    element,
    escape,
    excerpt,
    highlight,
    nearest_cards,
    passage_cards,
    plain,
    quoted_markdown,
    result_card,
    safe_markdown,
    steps_table,
)
from ui.render.chat_markdown import blocks_markdown
from ui.render.escaping import JOINER, sound
from ui.render.highlighting import merged
from ui.render.reader import view_around
from ui.words import words_in

SAY = words_in("en")
TAG = re.compile(r"<[^>]*>")
ALLOWED = {
    "a", "article", "b", "bdi", "details", "div", "header", "h1", "mark", "p", "section", "span",
    "summary", "table", "tbody", "td", "th", "thead", "tr",
}  # fmt: skip
ATTRIBUTES = {
    "aria-label", "class", "dir", "href", "id", "lang", "role", "scope", "tabindex", "target",
}  # fmt: skip

texts = st.one_of(
    st.text(max_size=80),
    st.sampled_from(list(PAYLOADS.values())),
    st.lists(st.sampled_from([*PAYLOADS.values(), " ", "\n", "*", "`", "[1]", "<", "&"])).map(
        "".join
    ),
)
spans = st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=5)


def text_of(markup):
    return html.unescape(TAG.sub("", markup))


def check_html(markup):
    """Only known tags, attributes and addresses; everything closed."""
    opened = []
    for tag in TAG.findall(markup):
        name, attributes = re.fullmatch(r"</?(\w+)(.*)>", tag, re.DOTALL).groups()
        assert name in ALLOWED, tag
        if tag.startswith("</"):
            assert opened.pop() == name
            continue
        opened.append(name)
        found = re.findall(r' ([\w-]+)(?:="([^"]*)")?', attributes)
        assert {key for key, _ in found} <= ATTRIBUTES, tag
        for key, value in found:
            if key == "href":
                assert value.startswith(("#", "document?")), value
    assert opened == []


def passage(text, rank=1, title="A title", source="folder/file.md", heading=None):
    stages = {"bm25": StageScore(rank, 3.25), "dense": StageScore(2, 0.5)}
    return Passage(
        rank, f"d:{rank}", "d", source, title, heading, 4, 0, len(text), text, 1.0, stages
    )


def answer(text, span, cards=1):
    start, end = span
    citations = tuple(
        Citation(n, "d:1", "d", "folder/file.md", 4, None, start, end, text[start:end])
        for n in range(1, cards + 1)
    )
    trace = Trace((Stage("bm25", 1.25, 5, "a note"), Stage("quote", 0.1)), 34.0)
    words = "It is so [1]."
    return Answer("Why?", words, False, None, 0.5, citations, (passage(text),), trace, "c", 1)


# -- text in HTML


@given(texts)
def test_escaped_text_is_the_text(text):
    assert html.unescape(escape(text)) == sound(text)
    assert "<" not in escape(text) and '"' not in escape(text)


@given(texts, spans, spans)
def test_highlighting_changes_no_character(text, marks, terms):
    shown = highlight(text, marks=marks, terms=terms)
    assert text_of(shown) == sound(text)
    check_html(shown)


@given(texts, spans)
def test_what_is_marked_is_what_was_asked_for(text, marks):
    text = sound(text)
    shown = highlight(text, marks=marks)
    found = [text_of(each) for each in re.findall(r"<mark>(.*?)</mark>", shown, re.DOTALL)]
    assert found == [text[start:end] for start, end in merged(marks, len(text))]


@given(texts, spans, st.integers(0, 40))
def test_an_excerpt_is_a_part_of_the_text_with_all_its_marks(text, marks, around):
    text = sound(text)
    shown = text_of(excerpt(text, marks=marks, around=around))
    part = shown.removeprefix("… ").removesuffix(" …")
    assert part in text or shown in text
    for start, end in merged(marks, len(text)):
        assert text[start:end] in shown


def test_terms_inside_a_mark_are_marked_too():
    shown = highlight("the blue whale", marks=[(4, 14)], terms=[(0, 3), (9, 14)])
    assert shown == ('<b class="cw-term">the</b> <mark>blue <b class="cw-term">whale</b></mark>')


# -- text in places that take Markdown


@given(texts)
def test_plain_text_has_nothing_that_markdown_would_change(text):
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(plain(text))
    body = rendered.removeprefix("<p>").removesuffix("</p>\n")
    assert not re.search(r"<(?!br)", body), rendered
    shown = re.sub(f"[{JOINER}\u2068\u2069]", "", html.unescape(body))
    assert shown == re.sub("[\u2060\u2068\u2069]", "", " ".join(sound(text).split()))


@pytest.mark.parametrize(
    "text", [":material/delete:", ":smile:", ":red[x]", "https://a.b", "a -> b", "a -- b", "x@y.z"]
)
def test_plain_text_breaks_what_streamlit_replaces_behind_an_escape(text):
    assert JOINER in plain(text)


def test_a_label_is_cut_to_its_length():
    assert plain("word " * 40, 12) == "word word w…"


# -- answers


def links_of(markdown):
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown)
    return rendered, re.findall(r'href="([^"]*)"', rendered)


@given(texts)
def test_what_a_model_writes_cannot_act(text):
    rendered, links = links_of(safe_markdown(text, {1: "src-x-1"}))
    assert all(link == "#src-x-1" for link in links), rendered
    assert not re.search(
        r"<(?!/?(p|em|strong|s|ul|ol|li|blockquote|code|pre|table|t[hrd]|thead|tbody|hr|br|a)\b)",
        rendered,
    ), rendered
    assert not re.search(r"<(h\d|img|script|iframe)\b|language-mermaid", rendered), rendered


@pytest.mark.parametrize("name", PAYLOADS)
def test_each_payload_from_a_model_comes_out_without_links_or_pictures(name):
    rendered, links = links_of(safe_markdown(PAYLOADS[name], {}))
    assert links == []
    assert "<img" not in rendered and "<script" not in rendered


def test_markers_are_links_if_there_is_such_a_source():
    shown = safe_markdown("So it is [1][3], 【1】 and [1, 9].", {1: "a", 3: "b"})
    assert shown == r"So it is [1](#a)[3](#b)\, [1](#a) and [1](#a)\[9?\]\."


def test_a_marker_that_is_being_written_is_held_back():
    assert safe_markdown("So it is [1", {1: "a"}) == "So it is"


def test_emphasis_lists_code_and_tables_stay():
    rendered, _ = links_of(
        safe_markdown(
            "# Head\n\n**a** *b* `c`\n\n- one\n- two\n\n| x | y |\n|--|--|\n| 1 | 2 |", {}
        )
    )
    for part in ("<strong>Head</strong>", "<strong>a</strong>", "<em>b</em>", "<code>c</code>"):
        assert part in rendered
    assert rendered.count("<li>") == 2 and "<td>2</td>" in rendered


@given(texts.filter(str.strip), texts.filter(str.strip))
def test_a_quoted_answer_keeps_every_character(first, second):
    quotes = {1: first, 2: second}
    lines = [f"{' '.join(sound(each).split())} [{n}]" for n, each in quotes.items()]
    shown = quoted_markdown(" ".join(lines), quotes, {1: "a", 2: "b"})
    rendered, links = links_of(shown)
    assert links == ["#a", "#b"]
    seen = " ".join(html.unescape(TAG.sub("", rendered)).replace(JOINER, "").split())
    expected = " ".join(f"{' '.join(sound(each).split())} {n}" for n, each in quotes.items())
    assert seen.replace("\u2068", "").replace("\u2069", "") == " ".join(
        re.sub("[\u2060\u2068\u2069]", "", expected).split()
    )


def test_a_document_s_own_brackets_are_no_citation():
    text = "As Smith says [1]. [1]"
    assert quoted_markdown(text, {1: "As Smith says [1]."}, {1: "a"}) == (
        r"As Smith says \[1\]\. [1](#a)"
    )


# -- cards


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_card_of_a_payload_is_text(name):
    text = PAYLOADS[name]
    source = passage(text, title=text, source=f"x/{text}", heading=text)
    stages = (Stage("bm25", 1.0, 1, text), Stage(text, 2.0))
    made = answer(text, (0, len(text)))
    for markup in (
        result_card(
            1, source, marks=[(0, 3)], terms=[(2, 5)], collection=text, stages=stages, say=SAY
        ),
        passage_cards("e" * 32, text, [source], collection=text, say=SAY),
        nearest_cards(text, [source], collection=text, say=SAY),
        citation_cards("e" * 32, made, SAY),
        steps_table(stages, 5.0, SAY),
        document_text(text, view_around(len(text), 0), 0, 4, text),
    ):
        check_html(markup)
        if markup.startswith(("<article", "<section", "<details")):
            assert sound(text)[:20] in text_of(markup)


def test_a_citation_s_card_marks_exactly_its_quote():
    text = "First sentence. The second one is cited. A third."
    markup = citation_cards("e" * 32, answer(text, (16, 40)), SAY)
    assert re.findall("<mark>(.*?)</mark>", markup) == ["The second one is cited."]
    (anchor,) = citation_anchors("e" * 32, answer(text, (16, 40)).citations).values()
    assert f'id="{anchor}"' in markup and 'tabindex="-1"' in markup


def test_a_card_says_rank_score_and_time_of_each_stage():
    stages = (Stage("bm25", 1.25), Stage("dense", 20.0))
    markup = result_card(
        1, passage("some text"), marks=[], terms=[(0, 4)], collection="c", stages=stages, say=SAY
    )
    cells = re.findall("<t[hd][^>]*>(.*?)</t[hd]>", markup)[4:]
    assert cells == [
        "Keywords (bm25)", "#1", "3.250", "1.2 ms", "Meaning (dense)", "#2", "0.500", "20 ms",
    ]  # fmt: skip


def test_the_list_of_passages_is_the_same_whatever_the_answer_becomes():
    # Streamlit replaces an element that changed: what is open in it would close.
    cards = [passage_cards("e" * 32, "q", [passage("t")], collection="c", say=SAY) for _ in "ab"]
    assert cards[0] == cards[1]


def test_a_server_s_folders_are_not_shown():
    markup = nearest_cards(
        "q", [passage("t", source="/srv/secret/a/b.md")], collection="c", say=SAY
    )
    assert "a/b.md" in markup and "secret" not in markup


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 600))
def test_a_view_holds_its_place(length, start, most):
    start = min(start, length)
    view = view_around(length, start, most)
    assert 0 <= view.start <= start <= view.end <= length
    assert view.end - view.start == min(most, length)


def test_an_element_takes_nothing_unescaped():
    assert element("p", "<b>", title='"x"', hidden=True, lang=None) == (
        '<p title="&quot;x&quot;" hidden>&lt;b&gt;</p>'
    )


QUOTED = {
    "text": (("The pump <b>weighs</b> 12 kg [9].", 1),),
    "list": (("The box holds:", 1), ("- a pump", 2), ("- a ![x](http://evil.test) hose", 3)),
    "steps": (("To rename:", 1), ("1. Open it.", 2), ("2. Type:\n```\nname\n```", 3)),
    "table": (("| light | meaning |", None), ("| --- | --- |", None), ("| red | hot |", 1)),
    "code": (("Run this:", 1), ("    rag index .\n    rag ask x", 2)),
}


@pytest.mark.parametrize("kind", list(QUOTED))
def test_every_marker_of_a_quoted_block_leads_to_its_card(kind):
    lines = tuple(AnswerLine(text, number) for text, number in QUOTED[kind])
    lead = {"table": 2, "text": 0}.get(kind, 1)
    cited = [number for _, number in QUOTED[kind] if number]
    anchors = {number: f"src-abc-{number}" for number in cited}
    shown = blocks_markdown([AnswerBlock(kind, lines, lead)], anchors)
    drawn = MarkdownIt("commonmark").enable("table").render(shown)
    links = re.findall(r'<a href="([^"]+)">(\d+)</a>', drawn)
    assert links == [(f"#src-abc-{number}", str(number)) for number in cited]
    assert re.findall(r"<(?:img|b|script)\b", drawn) == []
    held = {"list": "<li>", "steps": "<ol>", "table": "<td>red</td>", "code": "<pre><code"}
    assert held.get(kind, "<p>") in drawn
    assert "#src" not in blocks_markdown([AnswerBlock(kind, lines, lead)], {})
