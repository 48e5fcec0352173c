"""Copies of one text take one place in results, with how many there are."""

import json
from dataclasses import replace

import pytest
from haystack import Document
from store_engines import CLUSTER, make_engine

from rag.config import Config
from rag.engine import RAG
from rag.retrieval.copies import identity_of, retrieve_distinct, without_copies
from rag.schema import SearchOptions, passages_from_json, to_json
from rag.stores.contract import RetrievedPassages
from ui.commands import questions
from ui.mcp_tools import FoundPassage
from ui.render.cards import nearest_cards
from ui.words import words_in

COPIED = "The boiler needs two inspections a year, in May and October."
OTHERS = [
    "The boiler was replaced in 2011.",
    "A boiler burns wood pellets.",
    "The dog sleeps beside the boiler.",
    "Nobody inspects the greenhouse.",
]
QUESTION = "How many inspections does the boiler need?"


@pytest.fixture(scope="module", params=["embedded", *CLUSTER])
def rag(request, tmp_path_factory, embedder):
    """Eight copies under different titles, and four other texts."""
    texts = [*[COPIED] * 4, *OTHERS, *[f"{COPIED} "] * 4]
    vectors = embedder.encode_passages(texts)
    passages = [
        Document(
            id=f"{n}",
            content=text,
            meta={"title": f"Copy boiler {n}" if n % 3 else "", "source": f"{n}.txt", "n": n},
            embedding=vector.tolist(),
        )
        for n, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    made = make_engine(request.param, request)
    store = made.filled(tmp_path_factory.mktemp("copies") / "c", passages=passages)
    yield RAG(Config(), store, embedder=embedder)
    made.end()


@pytest.mark.parametrize("method", ["bm25", "dense", "hybrid"])
@pytest.mark.parametrize("top_k", [1, 3, 5])
def test_copies_take_one_place_and_the_others_are_filled(rag, method, top_k):
    found = rag.search(QUESTION, SearchOptions(method=method, top_k=top_k)).results
    texts = [each.text.strip() for each in found]
    assert len(texts) == len(set(texts)) == top_k
    copied = next(each for each in found if each.text.strip() == COPIED)
    assert copied.copies == 7
    assert all(each.copies == 0 for each in found if each is not copied)
    assert [each.rank for each in found] == list(range(1, len(found) + 1))
    assert set(copied.stages) >= ({"bm25", "dense", "fused"} if method == "hybrid" else {method})


def test_only_copies_that_the_filter_lets_through_count(rag):
    some = {"field": "meta.n", "operator": "<", "value": 3}
    (found,) = rag.search(QUESTION, SearchOptions(method="bm25", filters=some)).results
    assert found.copies == 2


def test_an_answer_reads_each_text_once(rag):
    answer = rag.ask(QUESTION, SearchOptions(top_k=3))
    assert len({each.text.strip() for each in answer.passages}) == 3
    assert answer.passages[0].copies == 7


def test_more_is_retrieved_only_while_copies_take_places():
    passages = [Document(id=f"{n}", content="same" if n < 50 else f"text {n}") for n in range(99)]
    asked = []

    def retrieve(limit):
        asked.append(limit)
        return RetrievedPassages(passages[:limit], "a note")

    found = retrieve_distinct(retrieve, 3)
    assert ([each.id for each in found], found.note) == (["0", "50", "51"], "a note")
    assert asked == [3, 12, 48, 192]
    asked.clear()
    passages = passages[50:]
    assert len(retrieve_distinct(retrieve, 3)) == 3
    assert asked == [3]


def test_passages_without_text_are_copies_of_nothing():
    assert len(without_copies([Document(id="a", content=""), Document(id="b")])) == 2
    assert identity_of(Document(id="a", content="x  y")) == identity_of(
        Document(id="b", content="x y\n")
    )


@pytest.fixture
def passage(sample_rag):
    return sample_rag.search("boiler", SearchOptions(method="bm25", top_k=1)).results[0]


@pytest.mark.parametrize(("number", "words"), [(0, ""), (1, "and 1 copy"), (7, "and 7 copies")])
def test_people_and_programs_are_told_of_copies(sample_rag, passage, capsys, number, words):
    found = sample_rag.search("boiler", SearchOptions(method="bm25", top_k=1))
    copied = replace(passage, copies=number)
    questions._show_results(replace(found, results=(copied,)))
    page = str(nearest_cards("boiler", [copied], collection="c", say=words_in("en")))
    for shown in (capsys.readouterr().out, page):
        assert words in shown
        assert ("cop" in shown.lower()) == bool(number)
    assert FoundPassage.of(copied).copies == number
    kept = json.loads(json.dumps(to_json(copied)))
    assert kept["copies"] == number
    assert passages_from_json([kept])[0].copies == number
    del kept["copies"]  # as an older version wrote it
    assert passages_from_json([kept])[0].copies == 0
