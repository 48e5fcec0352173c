"""Sentences as spans: where they end, and that nothing is lost between them."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.language.sentences import sentence_spans


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


ONE_SENTENCE = [
    "Dr. Smith met Mr. Jones, Mrs. Hall and Prof. Brown.",
    "Use a tool, e.g. Docker, i.e. a container.",
    "The U.S. Army left.",
    "See No. 5 and Fig. 3 on p. 12 of vol. 2.",
    "Roe v. Wade and cats vs. Dogs.",
    "J. R. R. Tolkien wrote it.",
    "It costs 1.5 million in 3.11.2 or v2.1.",
    "Open https://example.com/a.b?c=d and www.Example.Org now.",
    "He waited ... and left.",
    '"Why?" he asked.',
    "A line that a PDF\nbroke in two.",
    "It came on Jan. 5 at last.",
    "1. Install it.",
    "Yahoo! is a company.",
    "It (the U.N.) was there.",
    "She said ( in 1990 . ) , and left .",
]


@pytest.mark.parametrize("text", ONE_SENTENCE)
def test_this_is_one_sentence(text):
    assert sentences(text) == [text]


SEVERAL = [
    ["He left.", "She stayed.", "Why?", "Nobody knows!", "1990 was late."],
    ['He said "no."', "Then left."],
    ["He said “no.”", "Then left."],
    ["(It was late.)", "He left."],
    ["He left.", '"Stay," she said.'],
    ["He left.", "(She stayed.)"],
    ["He moved to the U.S.", "The next year he died."],
    ["It ended at 5 p.m.", "She left."],
    ["Cats, dogs, etc.", "Others follow."],
    ["We ate in Washington, CA.", "It was good."],
    ["He waited...", "Then he left."],
    ["Claim.[1]", "Another claim."],
    ["This is it .", "Any other `` word '' counts .", "So it is ."],
    ["Où est-il?", "Ça va.", "Était-ce vrai?"],
    ["Это он.", "Она ушла."],
    ["यह है।", "वह नहीं।"],
]


@pytest.mark.parametrize("expected", SEVERAL)
def test_these_are_several_sentences(expected):
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["今天下雨。", "明天呢？", "好！", "甲；", "乙。"],
        ["他说：「你好。」", "然后走了。"],
        ["他说：“走吧！”", "大家都走了。"],
        ["我不知道……", "他走了。"],
        ["版本是3.5。", "参见example.com。"],
        ["你好!", "我是小王。"],
        ["東京は首都です。", "人口は多い。"],
    ],
)
def test_chinese_and_japanese_need_no_space_between_sentences(expected):
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no period\n\nnext", ["no period", "next"]),
        ("no period\r\n\r\nnext", ["no period", "next"]),
        ("# Title\nText here", ["# Title", "Text here"]),
        ("Text here\n## 1. Title\nmore", ["Text here", "## 1. Title", "more"]),
        ("Intro:\n- one\n- two\n* three", ["Intro:", "- one", "- two", "* three"]),
        ("1. one\n2. two\n   goes on", ["1. one", "2. two\n   goes on"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "|---|---|", "| 1 | 2 |"]),
        ("page one\fpage two", ["page one", "page two"]),
        ("```\nx = 1\ny = 2\n```\nText", ["```", "x = 1", "y = 2", "```", "Text"]),
        ("第一章\n\n内容", ["第一章", "内容"]),
    ],
)
def test_lines_that_stand_for_themselves_end_a_sentence(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize("separator", ["; ", ", ", " ", "，", "、", "x"])
def test_a_long_sentence_is_cut_into_pieces_of_at_most_600_characters(separator):
    text = separator.join(["word"] * 1000) + "."
    pieces = sentences(text)
    assert all(len(piece) <= 600 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if separator != "x":
        mark = separator.strip()
        assert all(piece.endswith(mark or "word") for piece in pieces[:-1])


PIECES = st.sampled_from(
    [
        *(".", "!", "?", "。", "…", "...", " ", "\n", "\n\n", "\f", "\r\n", "\t", "\u3000", "\x1c"),
        *(
            '"',
            "'",
            "''",
            ")",
            "(",
            "」",
            "”",
            "- ",
            "# ",
            "| ",
            "```\n",
            "1. ",
            "Dr.",
            "A",
            "Word",
        ),
        *("word", "5", "中文"),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
@example("a" * 1300)
@example("a" + " " * 1300 + "b")
def test_spans_and_the_white_space_between_them_make_the_text(text):
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end <= position + len(text)
        assert text[position:start].strip() == ""
        assert text[start:end].strip() == text[start:end]
        position = end
    assert text[position:].strip() == ""


HOSTILE = [
    ".",
    ". ",
    ".'",
    "a. ",
    "A.",
    "…",
    "。",
    " ",
    "\n",
    "- \n",
    "```\n",
    "''",
    '." ',
    "a",
    "(",
    "|",
    "1.",
    "1",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_takes_less_than_four_times_as_long(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        spent = []
        for _ in range(3):
            start = time.process_time()
            sentence_spans(text)
            spent.append(time.process_time() - start)
        return min(spent)

    assert seconds(100_000) < 4 * seconds(50_000) + 0.02


@pytest.mark.parametrize(
    "lines",
    [
        ["1、打开阀门", "2、等待十分钟"],
        ["（1）打开阀门", "（2）等待十分钟"],
        ["（一）打开阀门", "（二）等待十分钟"],
        ["一、打开阀门", "二、等待十分钟"],
        ["●打开阀门", "● 等待十分钟"],
        ["① Open it", "② Wait"],
        ["1）打开阀门", "2）等待十分钟"],
    ],
)
def test_marks_of_lists_without_a_space_begin_items(lines):
    text = "\n".join(lines)
    assert [text[start:end] for start, end in sentence_spans(text)] == lines
