"""Bm25 in every store: phrases, identifiers, dates, typing errors, both scripts of Chinese."""

import pytest
from haystack import Document
from store_builders import RANK_BM25, TANTIVY, ids, ranked
from store_engines import CLUSTER, make_engine

from rag.stores.copies import copy_key

TEXTS = {
    "pump": "The heat pump was quiet, and the noise of the fan was low.",
    "heat": "The pump ran all day in summer heat, quiet without noise.",
    "code": "Order the part ABC-1234 before winter.",
    "joined": "The part ABC9876 is obsolete.",
    "card": "An RTX 4080 was installed, and an RTX 3060 Ti removed.",
    "other": "An RTX was installed in the year 4080 of the calendar.",
    "iso": "Signed 2024-03-15 in Bergen.",
    "long": "Signed on March 15, 2024 in Oslo.",
    "han": "合同于2024年3月16日签署。",
    "ambiguous": "Signed 03/04/2024 in Turku.",
    "boiler": "The boiler stands in the cellar beside the boiler pump.",
    "boil": "Potatoes boil for twenty minutes.",
    "painting": "《晚钟》由米勒在1857年到1859年创作。",
    "traditional": "數據庫每天凌晨兩點備份。",
    "simplified": "默认端口可以修改。",
    "title": "Nothing but words.",
}
PASSAGES = [
    Document(id=name, content=text, meta={"title": "Zeppelin hangar"} if name == "title" else {})
    for name, text in TEXTS.items()
]
KINDS = ["tantivy", "rank-bm25", *CLUSTER[:1]]


@pytest.fixture(scope="module", params=KINDS)
def words(request, tmp_path_factory):
    """The texts in every engine of bm25; only for reading."""
    kind = "elasticsearch" if request.param == "elasticsearch" else "embedded"
    settings = {"tantivy": TANTIVY, "rank-bm25": RANK_BM25}.get(request.param)
    made = make_engine(kind, request)
    yield made.filled(tmp_path_factory.mktemp("words") / "c", settings, PASSAGES)
    made.end()


def found(store, query, top_k=20):
    return ids(store.bm25_retrieval(query, top_k=top_k))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"heat pump"', {"pump"}),
        ('"heat pump" noise', {"pump"}),
        ("“heat pump”", {"pump"}),
        ("«heat pump»", {"pump"}),
        ('"pump heat"', set()),
        ('"zeppelin hangar"', {"title"}),
        ('"obsolete"', {"joined"}),
        ("「晚钟」", {"painting"}),
    ],
)
def test_a_phrase_in_quotes_must_stand_there_in_this_order(words, query, expected):
    assert set(found(words, query)) == expected


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Who painted the “晚钟”?", "painting"),
        ("“晚钟”是由谁在什么时候创作的？", "painting"),
        ('Was the "pump heat" quiet?', "heat"),
    ],
)
def test_quotes_in_a_question_exclude_nothing(words, query, first):
    assert first in found(words, query)


def test_words_that_stand_together_count_more(words):
    scores = dict(ranked(words.bm25_retrieval("heat pump noise", top_k=20)))
    assert scores["pump"] > scores["heat"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ABC1234", {"code"}),
        ("abc1234", {"code"}),
        ("ABC-9876", {"joined"}),
        ("ABC 9876", {"joined"}),
        ("RTX4080", {"card"}),
        ("RTX3060Ti", {"card"}),
        ("XYZ1234", set()),
    ],
)
def test_an_identifier_is_found_however_it_is_written(words, query, expected):
    first = found(words, query)[:1]
    assert set(first) == expected


@pytest.mark.parametrize(
    "query",
    ["2024-03-15", "15 March 2024", "March 15, 2024", "15.03.2024", "2024年3月15日", "2024/3/15",
     "15th of March 2024", "Mar 15 2024", "15/03/2024", "3/15/2024"],
)  # fmt: skip
def test_a_date_is_found_in_its_usual_forms(words, query):
    assert set(found(words, query)[:2]) == {"iso", "long"}


def test_a_date_in_chinese_is_found_in_english(words):
    assert found(words, "16 March 2024")[0] == "han"


def test_an_ambiguous_date_is_found_only_as_written(words):
    scores = dict(ranked(words.bm25_retrieval("03/04/2024", top_k=20)))
    assert max(scores, key=scores.get) == "ambiguous"
    for query in ("3 April 2024", "4 March 2024"):
        assert "ambiguous" not in found(words, f'"{query}"')


@pytest.mark.parametrize("query", ["boilr", "the boilre", "boilerr", "Boiker", "boler", "zeppelun"])
def test_a_typing_error_in_a_word_that_no_passage_has_is_read_as_the_word(words, query):
    hits = words.bm25_retrieval(query, top_k=20)
    word = query.split()[-1]
    right = "zeppelin" if word == "zeppelun" else "boiler"
    assert ids(hits)[0] == ("title" if right == "zeppelin" else "boiler")
    assert hits.read_as == f"{word} read as {right}"


@pytest.mark.parametrize("query", ["boil", "fann", "pamp", '"boilr"', "xboilrx", "ABC123"])
def test_a_word_that_is_there_short_quoted_or_far_off_is_not_corrected(words, query):
    assert words.bm25_retrieval(query, top_k=20).note is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("数据库备份", "traditional"),
        ("數據庫備份", "traditional"),
        ("預設連接埠 默認端口", "simplified"),
    ],
)
def test_traditional_and_simplified_chinese_find_each_other(words, query, expected):
    assert found(words, query)[0] == expected


def test_copies_are_counted_by_readable_text_among_what_the_filter_lets_through(tmp_path, engine):
    same = [
        Document(id=f"{n}", content="Same  words." if n % 2 else "Same words.", meta={"odd": n % 2})
        for n in range(8)
    ]
    alone, empty = Document(id="alone", content="Others."), Document(id="empty", content="")
    store = engine.filled(tmp_path / "c", passages=[*same, alone, empty, Document(id="second")])
    assert store.count_copies([same[0], alone, empty]) == [7, 0, 0]
    odd = {"field": "meta.odd", "operator": "==", "value": 1}
    assert store.count_copies([same[1]], filters=odd) == [3]
    store.delete_documents(["1", "3"])
    assert store.count_copies([same[0]]) == [5]
    assert copy_key("Same \n words.") == copy_key("Same words.") != copy_key("same words.")


def test_a_long_text_is_searched_by_its_most_telling_terms(words):
    filler = " ".join(f"unheard{n}" for n in range(300)) + " the part stands in the year " * 40
    retrieved = words.bm25_retrieval(f"{filler} a boiler cellar {filler}", top_k=3)
    assert ids(retrieved)[0] == "boiler"
    assert "most telling of" in retrieved.read_as
