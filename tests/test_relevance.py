import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from haystack import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.config import Config
from rag.engine import RAG
from rag.errors import QuestionError, UnavailableError
from rag.retrieval import relevance
from rag.retrieval.query import build_query
from rag.retrieval.relevance import (
    WEIGHTS_FILE,
    RelevanceEstimator,
    Signs,
    probability_of,
    similarity_of,
)
from rag.retrieval.word_weights import held_share, word_weights
from rag.schema import SearchOptions, passages_from_json, to_json

QUESTION = "Why did the pipe freeze in February 2014?"
ELSEWHERE = "Which enzyme cleaves the mitochondrial precursor protein?"
ALL = SearchOptions(top_k=20, rank=False, min_relevance=0)
SETS = {"similarity", "words", "similarity+words"}

QUICK = settings(max_examples=60, deadline=None)
shares = st.floats(0, 1)


class Counts:
    """A store of a hundred passages, each word in ten of them."""

    def document_frequencies(self, words):
        return [10] * len(words), 100


def test_there_are_weights_for_every_language_and_set_of_signs():
    content = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    assert set(content) == {"en", ""}
    for language in content.values():
        assert set(language) >= SETS
        numbers = [each["bias"] for each in language.values()]
        numbers += [weight for each in language.values() for weight in each["weights"]]
        assert all(map(math.isfinite, numbers))


@QUICK
@given(shares, shares, shares, shares, st.integers(1, 40), st.sampled_from(["en", "zh", "ru"]))
def test_a_passage_that_is_nearer_and_holds_more_is_likelier_to_bear_on_it(  # noqa: PLR0917
    one, other, held, more, terms, language
):
    low = Signs(min(one, other), min(held, more), terms)
    high = Signs(max(one, other), max(held, more), terms)
    assert probability_of(low, language) <= probability_of(high, language)


@pytest.mark.parametrize("language", ["en", "zh", "ru"])
def test_half_of_the_words_at_a_middling_distance_are_no_certainty(language):
    assert 0.1 < probability_of(Signs(similarity=0.45, coverage=0.5, terms=8), language) < 0.5


def test_nothing_known_is_no_relevance():
    assert probability_of(Signs(), "en") is None


def test_similarities_are_counted_from_the_embedders_floor():
    assert (similarity_of(0.4, 0.4), similarity_of(1.0, 0.4)) == (0, 1)
    assert similarity_of(0.7, 0.4) == pytest.approx(0.5)


def test_the_share_held_counts_rare_words_more_and_reads_titles():
    store = SimpleNamespace(document_frequencies=lambda words: ([9, 0], 10))
    weights, note = word_weights(store, ["rare", "common"])  # ln(1 + 1.5/9.5), ln(1 + 10.5/.5)
    assert note is None
    assert weights == {
        "common": pytest.approx(0.1466, abs=1e-4),
        "rare": pytest.approx(3.0910, 1e-4),
    }
    passage = Document(content="Nothing is common here.", meta={"title": "A rare title"})
    assert held_share(weights, passage) == 1
    assert held_share(weights, replace(passage, meta={})) == pytest.approx(0.1466 / 3.2377, 1e-3)


def test_relevance_does_not_depend_on_what_else_was_found(sample_rag):
    deep = {p.passage_id: p.relevance for p in sample_rag.search(QUESTION, ALL).results}
    few = sample_rag.search(QUESTION, replace(ALL, top_k=3)).results
    assert [each.relevance for each in few] == [deep[each.passage_id] for each in few]
    assert all(0 <= each <= 1 for each in deep.values())


@pytest.mark.parametrize("method", ["bm25", "dense", "hybrid"])
def test_relevance_tells_questions_apart_that_a_score_does_not(sample_rag, method):
    options = replace(ALL, method=method)
    here, elsewhere = (
        sample_rag.search(question, options).results for question in (QUESTION, ELSEWHERE)
    )
    assert here[0].relevance > 2 * max((each.relevance for each in elsewhere), default=0)


def test_passages_below_the_threshold_are_left_out_and_counted(sample_rag):
    everything = sample_rag.search(QUESTION, ALL).results
    least = sorted(each.relevance for each in everything)[12]
    kept = [each for each in everything if each.relevance >= least]
    found = sample_rag.search(QUESTION, replace(ALL, min_relevance=least))
    assert [each.passage_id for each in found.results] == [each.passage_id for each in kept]
    assert [each.rank for each in found.results] == list(range(1, len(kept) + 1))
    stage = found.trace.stages[-1]
    assert (stage.name, stage.count) == ("relevance", len(kept))
    assert stage.note == f"{20 - len(kept)} more below the threshold"


def test_with_nothing_above_the_threshold_there_is_no_answer(sample_rag):
    answer = sample_rag.ask(ELSEWHERE, SearchOptions(min_relevance=1))
    assert answer.abstained
    assert "`retrieval.min_relevance`" in answer.reason
    assert answer.passages  # the nearest are shown


@pytest.mark.parametrize("least", [-0.1, 1.5, math.nan, math.inf])
def test_a_threshold_that_is_no_probability_is_refused(sample_rag, least):
    with pytest.raises(QuestionError, match="min_relevance: expected 0 to 1"):
        sample_rag.search(QUESTION, SearchOptions(min_relevance=least))


def test_the_configured_threshold_holds_unless_a_question_names_one(sample_rag):
    config = Config(retrieval={"min_relevance": 1.0}, ranker=None)
    rag = RAG(config, sample_rag.store, embedder=sample_rag.embedder)
    assert rag.search(QUESTION).results == ()
    assert len(rag.search(QUESTION, SearchOptions(min_relevance=0)).results) == 5


def found_by(*, similarity=True, logits=False, store=None, ranked=(), question=QUESTION):
    passage = Document(id="a", content="The pipe froze in a cold February.", score=0.5)
    rankings = {"dense": [replace(passage, score=0.5)], "ranked": list(ranked)}
    return RelevanceEstimator(store or Counts(), lambda: 0.0).run(
        build_query(question), [passage], rankings, similarity=similarity, logits=logits
    )


def test_a_language_that_the_embedder_does_not_serve_is_judged_by_words():
    # Of pipe, freeze, February and 2014, which are equally rare, the passage holds two.
    assert found_by(similarity=False)[0]["a"] == probability_of(Signs(None, 0.5, 4), "en")


def test_the_rankers_logit_counts_only_where_its_scale_is_known_and_it_was_fitted(monkeypatch):
    ranked = [Document(id="a", content="The pipe froze in a cold February.", score=9.0)]
    plain = found_by()[0]["a"]
    assert found_by(ranked=ranked)[0]["a"] == plain
    weights = {"similarity+words": {"weights": [1, 1, 0], "bias": 0}}
    monkeypatch.setattr(relevance, "_weights", lambda: {"": weights})
    assert found_by(ranked=ranked, logits=True)[0] == found_by()[0]
    weights["similarity+words+logit"] = {"weights": [1, 1, 0, -0.5], "bias": 3.5}
    assert found_by(ranked=ranked, logits=True)[0]["a"] == 0.5  # .5 + .5 - 4.5 + 3.5 = 0
    assert found_by(ranked=ranked)[0]["a"] == 0.7311  # .5 + .5 = 1


def test_a_question_of_common_words_is_judged_by_its_meaning():
    found, _ = found_by(question="What is it?")
    assert found["a"] == probability_of(Signs(similarity=0.5), "en")


def test_without_word_counts_every_word_counts_the_same_and_that_is_said():
    class Silent:
        def document_frequencies(self, words):
            raise UnavailableError("no shard answers")

    found, stage = found_by(store=Silent())
    assert found == found_by()[0]  # all are equally rare there
    assert stage.note == "every word counts the same: no shard answers"


def test_an_answer_of_an_older_version_has_no_relevance(sample_rag):
    content = [to_json(each) for each in sample_rag.search(QUESTION, ALL).results[:1]]
    assert passages_from_json(content)[0].relevance == content[0].pop("relevance")
    assert passages_from_json(content)[0].relevance is None
