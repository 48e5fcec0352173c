"""Detection of questions: a ranker that learned from questions alone ranks for nothing else."""

import pytest
from tiny_models import save_cross_encoder

from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.engine import RAG
from rag.language.question_detection import is_question
from rag.models.selection import open_roles
from rag.retrieval.query import build_query
from rag.retrieval.ranking_depth import NO_QUESTION, ranking_depth


@pytest.mark.parametrize(
    "text",
    [
        "how high is the tower",
        "In the course of which year was it built",
        "Please tell me about the tower",
        "is it high",
        "and why did it fall",
        "the tower was built in what year",
        "it was named after whom",
        "the tower was built by",  # left open, as people type
        "The tower is high, isn't it?",
        "塔有多高",
        "塔是哪一年建成的",
        "請問塔在什麼地方",
        "塔的高度是",
        "塔高四十米？",
        "介绍一下这座塔",
        "Кто построил башню",  # another language: it may be one
    ],
)
def test_it_asks(text):
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "The tower is 40 m high.",
        "tower height 2014",
        "papers on the tall towers which lean",
        "0-dimensional biomaterials show inductive properties.",
        "heating cable",
        "塔高四十米。",
        "暖气 电缆",
        "報銷流程",
    ],
)
def test_it_only_says_or_names(text):
    assert not is_question(text)


def depth_of(text, config, wanted=None, **options):
    return ranking_depth(build_query(text, **options), config, open_roles(config), wanted)


def test_a_ranker_of_our_own_ranks_for_questions_and_when_it_is_told_to():
    config = Config()
    assert depth_of("how high is the tower", config) == (5, None)
    assert depth_of("tower height", config) == (0, NO_QUESTION)
    assert depth_of("tower height", config, True) == (5, None)
    assert depth_of("tower height", config, asks=True) == (5, None)
    assert depth_of("how high is the tower", config, False) == (0, None)


def test_a_cross_encoder_ranks_for_keywords_as_well(tmp_path):
    config = Config(ranker=RankerConfig(model=str(save_cross_encoder(tmp_path / "stock"))))
    assert depth_of("tower height", config) == (5, None)


def test_what_is_asked_is_ranked_however_it_is_put(sample_store, embedder):
    config = Config(ranker=RankerConfig(candidates=2))
    rag = RAG(config, sample_store, embedder=embedder, roles=open_roles(config))
    stages = {"ask": rag.ask("heating cable").trace.stages,
              "search": rag.search("heating cable").trace.stages}  # fmt: skip
    ranked = {name: each for name, found in stages.items() for each in found
              if each.name == "ranked"}  # fmt: skip
    assert (ranked["ask"].count, ranked["ask"].note) == (2, None)
    assert (ranked["search"].count, ranked["search"].note) == (None, NO_QUESTION)
