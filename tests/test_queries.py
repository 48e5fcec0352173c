import pytest

from rag.retrieval.follow_ups import leans, standalone
from rag.retrieval.query import MOST_TURNS, build_query
from rag.schema import Turn

HISTORY = [Turn("What is the capacity of the battery bank?", "86 kWh.")]


@pytest.mark.parametrize(
    "question",
    [
        "and how long does it last?",
        "How long does it last?",
        "What about the winter?",
        "Who looks after them?",
        "Is that dangerous?",
        "Why?",
        "它能用多久？",
        "那么谁负责呢？",
        "为什么？",
        "这个多少钱？",
    ],
)
def test_a_question_that_needs_the_one_before_it_leans(question):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "How long does the battery last?",
        "Is there a dog?",
        "What is RAG?",
        "What time is the cable car?",
        "Who founded Halden Ridge Station?",
        "观测站是哪一年建立的？",
        "谁负责温室？",
    ],
)
def test_a_question_that_stands_alone_does_not_lean(question):
    assert not leans(question)


def test_a_follow_up_carries_its_subject_over():
    query, note = standalone("and how long does it last?", HISTORY)
    assert query == "and how long does it last? capacity battery bank"
    assert note == "carried over: capacity battery bank"


def test_a_chain_of_follow_ups_reaches_the_question_that_named_the_subject():
    history = [*HISTORY, Turn("and how long does it last?", "36 hours.")]
    query, _ = standalone("why?", history)
    assert "battery bank" in query


def test_a_question_that_stands_alone_is_left_as_it_is():
    assert standalone("Who founded the station?", HISTORY) == ("Who founded the station?", None)


def test_without_history_nothing_is_carried_over():
    assert standalone("and how long does it last?", []) == ("and how long does it last?", None)


def test_chinese_carries_over_too():
    query, note = standalone("它能用多久？", [Turn("电池组的容量是多少？", "")])
    assert query == "它能用多久？ 电池组 容量"
    assert note is not None


def test_at_most_six_words_are_carried_over():
    long = Turn("Does alpha beta gamma delta epsilon zeta eta theta iota work?", "")
    query, _ = standalone("and it?", [long])
    assert query == "and it? alpha beta gamma delta epsilon zeta"


def test_of_a_conversation_the_newest_exchanges_are_read_and_a_stage_says_if_older_were_left_out():
    full = HISTORY * MOST_TURNS
    (rewrite,) = build_query("And how long does it last?", full).stages
    assert rewrite.name == "rewrite"
    history, rewrite = build_query("And how long does it last?", full + HISTORY).stages
    assert (history.name, history.count) == ("history", MOST_TURNS)
    assert str(MOST_TURNS) in history.note
    assert build_query("What is it?").stages == ()
