"""Questions that are longer than one: pasted mails, stack traces, abstracts."""

import numpy as np
import pytest

from rag.config import Config
from rag.engine import RAG
from rag.errors import QuestionError
from rag.language.bm25_query import build_bm25_query, is_long, is_long_query, width
from rag.language.long_queries import (
    LONGEST_GIST,
    gist,
    narrowed,
    occurrences,
    telling_terms,
)
from rag.language.typos import read_query
from rag.retrieval.query import build_query
from rag.schema import SearchOptions, Turn, to_json

ASKED = "Why did the heating cable not protect the summer pipe in 2014?"
CHAT = (
    "Dear all, I hope that everybody had a good week. We met on Monday over coffee and talked of "
    "the plans for the next months, of the guests who come in spring, and of who brings the cake. "
)
MAIL = f"{CHAT}{ASKED} I was asked by a visitor. {CHAT}Yours, Jo"
TRACE = "java.lang.IllegalStateException: pool closed\n" + "\tat org.pool.Worker.run\n" * 900


def counted(**counts):
    return lambda terms: [counts.get(each, 0) for each in terms]


def test_the_rarest_terms_are_the_most_telling_and_repetition_counts_eight_times():
    terms = ["common"] * 3 + ["rare"] + ["line"] * 1000 + ["nowhere"] * 5
    counts = occurrences(terms, "")
    found = telling_terms(counts, counted(common=90, rare=1, line=50), 100)
    # idf: rare ln(1 + 99.5 / 1.5) = 4.21, line ln 2 = .69 eight times, common 3 ln(1 + 10.5 / 90.5)
    assert {term: round(weight, 2) for term, weight in found.items()} == {
        "line": 5.55, "rare": 4.21, "common": 0.33,
    }  # fmt: skip
    assert list(found) == ["line", "rare", "common"]
    assert list(telling_terms(counts, counted(common=90, rare=1), 100, 1)) == ["rare"]


def test_what_is_asked_counts_four_times():
    asked = occurrences(build_bm25_query(MAIL).terms, MAIL)
    assert (asked["cabl"], asked["coffe"], asked["visitor"]) == (4, 2, 1)
    assert occurrences(["pump", "loud"], "The pump is loud. Why?") == {"pump": 1, "loud": 1}


def test_a_long_query_keeps_the_neighbours_of_its_terms_and_says_how_it_was_read():
    words = " ".join(f"filler{n}" for n in range(500))
    query = build_bm25_query(f'{words} "heat pump" noise in 2024-03-15')
    assert (query.forms, query.phrases, query.strict) == ((), (), False)
    read, note = narrowed(query, "", counted(heat=1, pump=2, nois=1), 1000)
    assert read.terms == ("heat", "nois", "pump")
    assert read.pairs == (("heat", "pump"), ("pump", "nois"))
    assert note == "by the 3 most telling of 507 terms: heat, nois, pump ..."


def test_what_is_no_long_query_is_read_as_before():
    assert not is_long_query(ASKED)
    assert read_query("the boilr room", counted(boiler=1, room=1), pytest.fail)[1] is not None


@pytest.mark.parametrize("text", ["pump " * 40_000, TRACE * 5, "漢字" * 20_000])
def test_repetition_makes_a_query_long_and_its_terms_few(text):
    assert is_long_query(text)
    read, _ = read_query(text, lambda terms: [1] * len(terms), lambda: 10)
    assert 0 < len(read.terms) <= 512


def test_the_gist_is_the_sentence_that_asks_and_the_most_telling_others():
    found = gist(MAIL, {"heat": 5.0, "cabl": 5.0, "guest": 3.0, "cake": 2.0})
    assert ASKED in found
    assert width(found) <= LONGEST_GIST
    assert "guests" not in found
    unclear = MAIL.replace(ASKED, "Why is it cold? The cable is new.")
    found = gist(unclear, {"cold": 4.0, "cabl": 5.0, "guest": 3.0})
    assert found == "Why is it cold? The cable is new."
    assert "guests" in gist(CHAT * 3, {"guest": 3.0})


@pytest.mark.parametrize("text", [TRACE, "x" * 5000, "热泵的噪音很大。" * 200, " . " * 400])
def test_every_long_text_has_a_gist_that_is_not_long(text):
    found = gist(text, {"illegalstateexcept": 3.0})
    assert found
    assert not is_long(found)


def test_a_long_question_stands_alone():
    history = [Turn("How long is the cable?", "Two metres.")]
    assert build_query(MAIL + " How is it?", history).text == MAIL + " How is it?"


# -- vectors


def test_a_question_longer_than_the_embedder_reads_is_cut_into_equal_parts(embedder):
    numbered = " ".join(f"word{n}" for n in range(500))
    parts = embedder.query_parts(numbered)
    assert "".join(parts).replace(" ", "") == numbered.replace(" ", "")
    sizes = [len(embedder.files.tokenizer.encode(part, add_special_tokens=False)) for part in parts]
    assert max(sizes) <= embedder.files.max_tokens
    assert max(sizes) - min(sizes) <= 3
    assert embedder.query_parts(ASKED) == [ASKED]


def test_of_very_many_parts_some_are_taken_evenly(embedder):
    parts = embedder.query_parts(" ".join(f"word{n}" for n in range(20_000)))
    assert len(parts) == 8
    assert parts[0].startswith("word0 ")
    assert parts[-1].endswith(" word19999")


def test_the_vector_of_a_long_question_is_the_mean_of_its_parts(embedder):
    parts = embedder.query_parts(MAIL * 3)
    assert len(parts) > 1
    mean = np.mean([embedder.encode_query(part) for part in parts], axis=0)
    found = embedder.encode_query(MAIL * 3)
    assert found @ mean / np.linalg.norm(mean) == pytest.approx(1, abs=1e-3)


# -- the engine


def test_a_pasted_mail_finds_what_it_asks_for_and_says_what_was_searched(sample_rag):
    result = sample_rag.search(MAIL * 3, SearchOptions(rank=False))
    assert any(each.source.endswith("water-supply.md") for each in result.results[:3])
    notes = {stage.name: stage.note for stage in result.trace.stages}
    assert notes["gist"] == f"ranked and read by: {result.gist}"
    assert ASKED in result.gist
    assert notes["bm25"].startswith("by the ")
    assert notes["embed"] == "the mean of 2 parts and of the gist, which asks"
    assert "gist" not in to_json(sample_rag.search(ASKED))


def test_a_pasted_mail_is_answered(sample_rag):
    answer = sample_rag.ask(MAIL)
    assert not answer.abstained
    assert any(each.source.endswith("water-supply.md") for each in answer.citations)
    assert answer.question == MAIL


class Remembers:
    """A generator that keeps its prompt."""

    def warm_up(self):
        pass

    def run(self, messages, streaming_callback=None, stop=None, deadline=None):
        self.prompt = messages[-1].text
        return {"text": "", "finish_reason": "stop"}


@pytest.mark.parametrize(("text", "whole"), [(MAIL, True), (MAIL * 6, False)])
def test_a_generator_gets_the_whole_question_or_its_gist(sample_store, embedder, text, whole):
    generator = Remembers()
    RAG(Config(), sample_store, embedder=embedder, generator=generator).ask(text)
    assert ASKED in generator.prompt
    assert (text in generator.prompt) is whole


def test_megabytes_are_refused_in_one_line(sample_rag):
    with pytest.raises(QuestionError) as caught:
        sample_rag.ask("Is it cold? " * 200_000)
    assert str(caught.value) == (
        "the question has 2,400,000 characters; at most 200,000 are read "
        "(`retrieval.max_question`). Ask a shorter question, or index the text as a document."
    )
