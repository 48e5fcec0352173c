"""Calibration of relevance over a run: the passages that count, and what counts as right."""

import pytest

from evaluation.results.records import QueryResult, RankedItem
from evaluation.run.aggregation import relevance_calibration
from evaluation.run.relevance import Judgement, rank_items
from rag.schema import Passage


def question(*ranking, judged=True):
    metrics = {"recall@1": 0.0} if judged else {}
    return QueryResult("q", "Who?", "q", {}, (), (), True, ranking, None, metrics)


def test_the_calibration_of_relevance_is_that_worked_out_by_hand():
    right = RankedItem("d1", "p1", 3.0, 2, 0.9)
    wrong = RankedItem("d2", "p2", 2.0, 0, 0.7)
    unjudged = RankedItem("d3", "p3", 1.0, None, 0.2)
    found = relevance_calibration([question(right, wrong), question(unjudged)])
    assert found.passages == 3
    assert found.relevant == pytest.approx(1 / 3)
    assert found.mean == pytest.approx((0.9 + 0.7 + 0.2) / 3)
    assert found.ece == pytest.approx((0.1 + 0.7 + 0.2) / 3)
    assert found.brier == pytest.approx((0.1**2 + 0.7**2 + 0.2**2) / 3)
    assert found.bins == ((0.2, 0.0, 1), (0.7, 0.0, 1), (0.9, 1.0, 1))


def test_a_passage_that_finds_two_pieces_of_evidence_counts_once():
    twice = (RankedItem("a@0-5", "p1", 3.0, 1, 0.8), RankedItem("a@7-9", "p1", 3.0, 1, 0.8))
    assert relevance_calibration([question(*twice)]).passages == 1


def test_questions_that_nobody_judged_and_unknown_relevance_do_not_count():
    known = RankedItem("d1", "p1", 3.0, None, 0.9)
    unknown = RankedItem("d1", "p1", 3.0, 1)
    assert relevance_calibration([question(known, judged=False), question(unknown)]) is None


def test_a_rank_keeps_the_relevance_of_its_passage():
    passage = Passage(1, "p1", "d1", "d1", "", None, None, 0, 1, "x", 1.0, relevance=0.25)
    ranked = rank_items([passage], Judgement({"d1": 1}, {}, by_document=True))
    assert [(each.grade, each.relevance) for each in ranked] == [(1, 0.25)]
