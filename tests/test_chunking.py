"""Passages: exact offsets, never too long, whole sentences, sections and pages."""

from itertools import pairwise

import pytest
from haystack import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexing.chunking import (
    CHARACTERS_A_TOKEN,
    CONTEXT_TOKENS,
    cut,
    embedded_text,
)
from indexing.converters import ConvertedDocument, Heading
from indexing.places import DocumentPlaces
from indexing.views import make_view
from rag.config import ChunkingConfig
from rag.language.sentences import sentence_spans
from rag.models.model_files import find_model
from rag.reading.evidence import locate
from rag.stores.fields import STRUCTURE
from rag.view import EDITS, view_of

FILES = find_model("all-MiniLM-L6-v2", setting="x")
TOKENIZER, LIMIT = FILES.tokenizer, FILES.max_tokens


def document(text, *, title="", sections=(), pages=(), meta=None):
    return ConvertedDocument("", title, text, tuple(sections), tuple(pages), meta or {})


def passages_of(converted, *, limit=LIMIT, **config):
    return cut(
        converted,
        "d",
        "d.txt",
        tokenizer=TOKENIZER,
        limit=limit,
        config=ChunkingConfig(**config),
    )


def size(text):
    return len(TOKENIZER.encode(text, add_special_tokens=False).ids)


def sentences(count, *, words=8):
    """Sentences of `words` + 1 tokens each: the words, and the period."""
    ends = ["red", "blue", "green", "white", "black", "brown", "pink"]
    return [f"Row {'stone ' * (words - 2)}{ends[n % len(ends)]}." for n in range(count)]


def assert_sound(passages, converted, length):
    text = converted.text
    covered = [False] * len(text)
    for edit in make_view(converted).edits:  # what the view leaves out needs no passage
        covered[edit.start : edit.end] = [True] * (edit.end - edit.start)
    for passage in passages:
        start, end = passage.meta["start"], passage.meta["end"]
        assert passage.content == text[start:end]
        assert passage.content.strip() == passage.content != ""
        read = view_of(passage.content, passage.meta).text
        assert size(read) <= length
        assert len("".join(read.split())) <= length * CHARACTERS_A_TOKEN
        covered[start:end] = [True] * (end - start)
    left_out = "".join(char for char, there in zip(text, covered, strict=True) if not there)
    assert not left_out.strip()


# -- any text at all

WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "def f(x):\n    return {x: [1, 2]}\n",
            "```\ncode, no end",
            "电池组的使用寿命约为十二年。",
            "寿命" * 60,
            "👩‍👩‍👧‍👦🏳️‍🌈" * 9,
            "a" * 3000,
            "x1y2" * 200,
            "é" * 150 + "ﬃ ",
            "\u0000\u200b\u202e",
            "Ａ１\u3000",
            "เขาไปโรงเรียนทุกวัน",
            "A short one. ",
            "| a | b |\n|---|---|\n",
            "\n\n# Heading\n\n",
            "\f",
        ]
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    parts=st.lists(WORDS, max_size=30),
    length=st.integers(16, 80),
    data=st.data(),
)
def test_any_text_is_covered_by_passages_that_are_never_too_long(parts, length, data):
    text = "".join(parts)
    starts = data.draw(st.lists(st.integers(0, len(text)), max_size=5).map(sorted))
    sections = [Heading(start, 1 + place % 3, "H") for place, start in enumerate(starts)]
    overlap = data.draw(st.integers(0, length - 1))
    converted = document(text, sections=sections)
    assert_sound(passages_of(converted, length=length, overlap=overlap), converted, length)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(title=st.text(max_size=400), heading=st.text(max_size=400), parts=st.lists(WORDS))
def test_title_headings_and_passage_fit_into_what_the_model_reads(title, heading, parts):
    text = "".join(parts)
    made = passages_of(document(text, title=title, sections=[Heading(0, 1, heading)]))
    for passage in made:
        assert size(embedded_text(passage, TOKENIZER, context=True)) <= LIMIT


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t \f\n"],
    ids=["empty", "a space", "blank lines"],
)
def test_a_text_without_characters_gives_no_passages(text):
    assert passages_of(document(text)) == []


def test_cutting_twice_gives_the_same_passages():
    text = " ".join(sentences(60))
    first = passages_of(document(text, title="T", meta={"year": 2020}))
    assert first == passages_of(document(text, title="T", meta={"year": 2020}))
    assert [passage.id for passage in first] == [f"d:{n}" for n in range(len(first))]


# -- length and overlap


def test_passages_are_filled_with_whole_sentences():
    text = " ".join(sentences(20))  # 20 sentences of 8 + 1 = 9 tokens; 48 // 9 = 5 a passage
    made = passages_of(document(text), length=48, overlap=0)
    assert [len(sentence_spans(passage.content)) for passage in made] == [5, 5, 5, 5]


def test_the_overlap_is_whole_sentences_and_no_more_than_asked_for():
    text = " ".join(sentences(20))  # 9 tokens each; an overlap of 20 has room for 20 // 9 = 2
    made = passages_of(document(text), length=48, overlap=20)
    for before, after in pairwise(made):
        shared = text[after.meta["start"] : before.meta["end"]]
        assert len(sentence_spans(shared)) == 2
        assert size(shared) == 18
        assert shared in before.content and after.content.startswith(shared)


@pytest.mark.parametrize("overlap", [0, 8])
def test_an_overlap_shorter_than_a_sentence_shares_nothing(overlap):
    made = passages_of(document(" ".join(sentences(20))), length=48, overlap=overlap)
    starts = [passage.meta["start"] for passage in made]
    ends = [passage.meta["end"] for passage in made]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def test_every_passage_gets_further_than_the_one_before():
    text = " ".join(sentences(40))
    made = passages_of(document(text), length=30, overlap=29)
    starts = [passage.meta["start"] for passage in made]
    ends = [passage.meta["end"] for passage in made]
    assert starts == sorted(set(starts)) and ends == sorted(set(ends))


def test_a_model_that_reads_little_makes_passages_shorter():
    text = " ".join(sentences(20))
    # 100 tokens are read, 40 of them are kept for title and headings: 60 are left
    with_context = passages_of(document(text), limit=100, length=192, overlap=0)
    assert max(size(passage.content) for passage in with_context) == 54  # 6 sentences of 9
    without = passages_of(document(text), limit=100, length=192, overlap=0, context=False)
    assert max(size(passage.content) for passage in without) == 99  # 11 sentences of 9


def test_an_endless_word_is_cut_though_the_tokenizer_takes_it_for_one_token():
    text = "é" * 50_000
    assert size(text) == 1
    made = passages_of(document(text), length=192, overlap=0)
    # 12 characters a token at most: 192 * 12 = 2304 a passage, and 50000 / 2304 = 21.7
    assert len(made) >= 22
    assert_sound(made, document(text), 192)


def test_a_long_sentence_is_cut_between_words():
    text = "stone " * 400
    made = passages_of(document(text), length=50, overlap=0)
    assert {word for passage in made for word in passage.content.split()} == {"stone"}


# -- sections


BRING = "These things must be on board of each boat:"


def a_list(*, mark="- ", count=24):
    items = "\n".join(f"{mark}{line}" for line in sentences(count))
    return document(f"The crew packs on Monday. {BRING}\n\n{items}\n\nNobody sails alone.")


def test_a_passage_that_begins_with_an_item_shows_what_introduces_the_list():
    converted = a_list()
    passages = passages_of(converted, length=64, overlap=16)
    assert len(passages) > 3
    assert_sound(passages, converted, 64)
    for passage in passages[1:]:
        view = view_of(passage.content, passage.meta)
        assert view.text == f"{BRING}\n{passage.content}"
        assert size(view.text) <= 64
        assert locate(view, 0, len(BRING)) is None  # it is not there to be cited
        first = view.text.index("\n", len(BRING) + 1)
        assert locate(view, len(BRING) + 1, first) == (0, first - len(BRING) - 1)
    assert BRING not in str(passages[0].meta[EDITS])


def test_what_introduces_a_list_is_left_out_where_an_item_has_no_room_beside_it():
    converted = a_list(count=3)
    passages = passages_of(converted, length=16, overlap=0)
    assert_sound(passages, converted, 16)
    assert not any(each.meta[EDITS] for each in passages)


def two_sections(first, second):
    one, two = " ".join(sentences(first)), " ".join(sentences(second))
    text = f"{one}\n\n{two}"
    return document(text, sections=[Heading(0, 1, "One"), Heading(len(one) + 2, 1, "Two")]), len(
        one
    ) + 2


def test_a_section_starts_a_passage():
    # 6 sentences of 9 tokens are 54, more than a quarter of 192 (48)
    converted, second = two_sections(6, 6)
    made = passages_of(converted, overlap=32)
    assert [passage.meta["start"] for passage in made] == [0, second]
    assert [passage.meta["heading"] for passage in made] == ["One", "Two"]


def test_a_very_short_section_goes_on_into_the_next():
    # 5 sentences of 9 tokens are 45, less than a quarter of 192 (48)
    converted, _ = two_sections(5, 5)
    made = passages_of(converted)
    assert [(p.meta["start"], p.meta["end"]) for p in made] == [(0, len(converted.text))]


def test_no_sentence_is_repeated_across_a_section():
    converted, second = two_sections(30, 30)
    made = passages_of(converted, overlap=32)
    first_of_two = next(p for p in made if p.meta["start"] >= second)
    assert first_of_two.meta["start"] == second
    assert not any(p.meta["start"] < second < p.meta["end"] for p in made)


SECTIONS = [
    Heading(0, 1, "Station"),
    Heading(10, 2, "Power"),
    Heading(20, 3, "Batteries"),
    Heading(30, 2, "Water"),
    Heading(40, 4, "Pumps"),  # a jump from 2 to 4
    Heading(50, 3, "Pipes"),
    Heading(60, 1, "Index"),
]


@pytest.mark.parametrize(
    ("offset", "title", "expected"),
    [
        (0, "Handbook", "Station"),
        (0, "Station", None),
        (15, "Station", "Power"),
        (25, "Handbook", "Station > Power > Batteries"),
        (30, "Station", "Water"),
        (45, "Station", "Water > Pumps"),
        (55, "Station", "Water > Pipes"),
        (65, "Station", "Index"),
    ],
)
def test_the_heading_path_follows_the_levels_and_leaves_the_title_out(offset, title, expected):
    assert (
        DocumentPlaces(document("x" * 70, title=title, sections=SECTIONS)).at(offset)[0] == expected
    )


def test_text_before_the_first_heading_has_no_heading():
    assert DocumentPlaces(document("x" * 9, sections=[Heading(5, 1, "A")])).at(4) == (None, None)


# -- pages and meta


def test_a_passage_has_the_page_it_starts_on():
    parts = [" ".join(sentences(12)) for _ in range(3)]  # 12 * 9 = 108 tokens a page
    text = "\f".join(parts)
    pages = (0, len(parts[0]) + 1, len(parts[0]) + len(parts[1]) + 2)
    made = passages_of(document(text, pages=pages), length=72, overlap=0)
    for passage in made:
        assert passage.meta["page"] == 1 + text[: passage.meta["start"]].count("\f")
    assert {passage.meta["page"] for passage in made} == {1, 2, 3}


def test_a_format_without_pages_has_none():
    assert passages_of(document("One sentence."))[0].meta["page"] is None


def test_the_fields_of_a_record_are_kept_but_never_overwrite_the_structure():
    planted = dict.fromkeys(sorted({*STRUCTURE, "fields"} - {"title"}), "planted")
    meta = {**planted, "title": "T", "year": 2019}
    (passage,) = passages_of(document("One sentence.", title="T", meta=meta))
    assert passage.meta == {
        "document_id": "d",
        "number": 0,
        "source": "d.txt",
        "title": "T",
        "heading": None,
        "page": None,
        "start": 0,
        "end": 13,
        "view_edits": [],
        "view_places": [],
        "year": 2019,
        "fields": planted,
    }


# -- what is embedded


def passage(title, heading):
    return Document(id="d:0", content="Text.", meta={"title": title, "heading": heading})


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("T", "A > B", "T > A > B\nText."),
        ("T", None, "T\nText."),
        ("", "A", "A\nText."),
        ("", None, "Text."),
    ],
)
def test_title_and_headings_stand_before_the_text_that_is_embedded(title, heading, expected):
    assert embedded_text(passage(title, heading), TOKENIZER, context=True) == expected


def test_without_context_the_text_alone_is_embedded():
    assert embedded_text(passage("T", "A"), TOKENIZER, context=False) == "Text."


def test_a_long_title_is_cut_at_its_share_of_the_tokens():
    embedded = embedded_text(passage("stone " * 200, None), TOKENIZER, context=True)
    prefix = embedded.removesuffix("\nText.")
    assert prefix == " ".join(["stone"] * CONTEXT_TOKENS)
    assert size(prefix) == CONTEXT_TOKENS == 40
