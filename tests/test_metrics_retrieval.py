"""Retrieval metrics: by hand, against slow definitions, against trec_eval, and by invariance."""

import math
from functools import partial

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Judged, P, R, Rprec, Success, nDCG

from evaluation.metrics.retrieval import (
    average_precision,
    judged_at_k,
    mean_over_queries,
    ndcg,
    precision_at_k,
    r_precision,
    rank_by_score,
    recall_at_k,
    reciprocal_rank,
    success_at_k,
)

LOG3, LOG4 = math.log2(3), 2.0

O1 = (["d1", "d2", "d3", "d4"], {"d1": 1, "d3": 1, "d5": 1, "d2": 0})
O2 = (["a", "b", "c", "d", "e"], {"c": 1})
O3 = (["b", "a", "d", "c"], {"a": 3, "b": 2, "c": 1, "d": 0})
O8 = (["a", "b", "c", "d", "e", "f"], {"f": 1})
O9 = (["d1", "x", "d2"], {"d1": 1, "d2": 1, "d3": 1, "d4": 1, "d5": 1})
O11 = (["d1", "d1", "d3"], {"d1": 1, "d3": 1})
IDEAL_O1 = 1 + 1 / LOG3 + 1 / LOG4
IDEAL_O3 = 3 + 2 / LOG3 + 1 / LOG4

ORACLE = [
    *[
        pytest.param(precision_at_k, O1, {"k": k}, hits / k, id=f"O1 P@{k}")
        for k, hits in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (10, 2)]
    ],
    *[
        pytest.param(recall_at_k, O1, {"k": k}, hits / 3, id=f"O1 R@{k}")
        for k, hits in [(1, 1), (2, 1), (3, 2), (10, 2)]
    ],
    pytest.param(average_precision, O1, {}, (1 / 1 + 2 / 3) / 3, id="O1 AP .5556"),
    pytest.param(average_precision, O1, {"k": 2}, (1 / 1) / 3, id="O1 AP@2 .3333"),
    pytest.param(reciprocal_rank, O1, {}, 1.0, id="O1 RR"),
    pytest.param(r_precision, O1, {}, 2 / 3, id="O1 Rprec"),
    pytest.param(ndcg, O1, {"k": 10}, (1 + 1 / LOG4) / IDEAL_O1, id="O1 nDCG@10"),
    pytest.param(ndcg, O1, {"k": 10}, 0.703918, id="O1 nDCG@10 .703918"),
    pytest.param(judged_at_k, O1, {"k": 4}, 3 / 4, id="O1 Judged@4 .75"),
    pytest.param(judged_at_k, O1, {"k": 10}, 3 / 10, id="B1 Judged@10 divides by k"),
    pytest.param(average_precision, O2, {}, 1 / 3, id="O2 AP"),
    pytest.param(reciprocal_rank, O2, {}, 1 / 3, id="O2 RR"),
    pytest.param(ndcg, O2, {}, 1 / LOG4, id="O2 nDCG .5"),
    pytest.param(precision_at_k, O2, {"k": 3}, 1 / 3, id="O2 P@3"),
    pytest.param(recall_at_k, O2, {"k": 2}, 0.0, id="O2 R@2"),
    pytest.param(recall_at_k, O2, {"k": 3}, 1.0, id="O2 R@3"),
    pytest.param(success_at_k, O2, {"k": 2}, 0.0, id="O2 success@2"),
    pytest.param(success_at_k, O2, {"k": 3}, 1.0, id="O2 success@3"),
    pytest.param(ndcg, O3, {}, (2 + 3 / LOG3 + 1 / math.log2(5)) / IDEAL_O3, id="O3 nDCG"),
    pytest.param(ndcg, O3, {}, 0.907936, id="O3 nDCG linear .907936"),
    pytest.param(ndcg, O3, {"k": 2}, (2 + 3 / LOG3) / (3 + 2 / LOG3), id="O3 nDCG@2"),
    pytest.param(ndcg, O3, {"k": 2}, 0.913402, id="O3 nDCG@2 .913402"),
    pytest.param(
        partial(ndcg, gain="exponential"),
        O3,
        {},
        (3 + 7 / LOG3 + 1 / math.log2(5)) / (7 + 3 / LOG3 + 1 / LOG4),
        id="O3 nDCG exponential",
    ),
    pytest.param(partial(ndcg, gain="exponential"), O3, {}, 0.835448, id="O3 nDCG exp .835448"),
    pytest.param(average_precision, O3, {}, (1 + 1 + 3 / 4) / 3, id="O3 AP grade>=1 .916667"),
    pytest.param(average_precision, O3, {"min_grade": 2}, (1 + 1) / 2, id="O3 AP grade>=2"),
    pytest.param(reciprocal_rank, O8, {}, 1 / 6, id="O8 RR"),
    pytest.param(reciprocal_rank, O8, {"k": 5}, 0.0, id="O8 RR@5"),
    pytest.param(reciprocal_rank, O8, {"k": 6}, 1 / 6, id="O8 RR@6"),
    *[
        pytest.param(
            partial(average_precision, denominator=name),
            O9,
            {"k": 3},
            (1 + 2 / 3) / divisor,
            id=f"O9 AP@3 by {name}",
        )
        for name, divisor in [("relevant", 5), ("min(relevant,k)", 3), ("found", 2)]
    ],
    pytest.param(average_precision, O11, {}, (1 / 1 + 2 / 2) / 2, id="O11 AP after dedupe"),
    pytest.param(ndcg, O11, {}, 1.0, id="O11 nDCG after dedupe"),
]


@pytest.mark.parametrize(("metric", "case", "options", "expected"), ORACLE)
def test_the_value_is_the_one_worked_out_by_hand(metric, case, options, expected):
    assert metric(*case, **options) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("relevant", "expected"),
    [
        pytest.param("b", 1 / 1, id="O4 b relevant"),
        pytest.param("a", 1 / 2, id="O4 a relevant"),
    ],
)
def test_equal_scores_are_ordered_by_id_from_the_end_as_in_trec_eval(relevant, expected):
    run, qrels = {"q": {"a": 1.0, "b": 1.0}}, {"q": {relevant: 1}}
    assert mean_over_queries(run, qrels, reciprocal_rank).value == expected
    assert trec(run, qrels, "recip_rank")["q"]["recip_rank"] == expected


@pytest.mark.parametrize(
    ("run", "qrels", "value", "counts"),
    [
        pytest.param(
            {"q1": ["a"]}, {"q1": {"a": 1}, "q2": {"b": 1}}, (1 + 0) / 2, (2, 1, 0), id="O5 missing"
        ),
        pytest.param(
            {"q1": ["a"], "q2": []},
            {"q1": {"a": 1}, "q2": {"b": 1}},
            (1 + 0) / 2,
            (2, 1, 0),
            id="O5 answered with nothing",
        ),
        pytest.param(
            {"q1": ["a"], "q9": ["z"]}, {"q1": {"a": 1}}, 1 / 1, (1, 0, 0), id="O6 extra query"
        ),
        pytest.param(
            {"q1": ["a"], "q2": ["b"]},
            {"q1": {"a": 1}, "q2": {"b": 0}},
            (1 + 0) / 2,
            (2, 0, 1),
            id="O7 none relevant",
        ),
    ],
)
def test_every_judged_query_counts_and_the_doubtful_ones_are_counted(run, qrels, value, counts):
    mean = mean_over_queries(run, qrels, average_precision)
    assert mean.value == value
    assert (mean.n, mean.unanswered, mean.without_relevant) == counts
    assert list(mean.per_query) == list(qrels)


def test_o5_pytrec_alone_averages_over_the_answered_queries_and_ir_measures_does_not():
    run, qrels = {"q1": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"b": 1}}
    assert trec(run, qrels, "recip_rank") == {"q1": {"recip_rank": 1.0}}
    ours = mean_over_queries(run, qrels, reciprocal_rank).value
    assert ours == ir_measures.calc_aggregate([RR], qrels, run)[RR] == (1 + 0) / 2


def test_o10_scores_are_compared_in_double_precision_and_rank_scores_make_trec_agree():
    run, qrels = {"q": {"a": 1.00000001, "b": 1.0}}, {"q": {"a": 1}}
    assert rank_by_score(run["q"]) == ["a", "b"]
    assert mean_over_queries(run, qrels, reciprocal_rank).value == 1 / 1
    assert trec(run, qrels, "recip_rank")["q"]["recip_rank"] == 1 / 2  # a tie in single precision
    assert trec(from_ranks(run), qrels, "recip_rank")["q"]["recip_rank"] == 1 / 1


def test_o11_a_run_that_repeats_a_document_scores_as_its_first_occurrences():
    mean = mean_over_queries({"q": O11[0]}, {"q": O11[1]}, lambda ranking, _: len(ranking))
    assert mean.value == 2  # d1 and d3


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_an_error(score):
    with pytest.raises(ValueError, match="finite"):
        mean_over_queries({"q": {"a": score, "b": 1.0}}, {"q": {"a": 1}}, reciprocal_rank)


def test_no_queries_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        mean_over_queries({"q": ["a"]}, {}, reciprocal_rank)


@pytest.mark.parametrize(
    "call",
    [
        lambda: precision_at_k(["a"], {}, 0),
        lambda: recall_at_k(["a"], {}, -1),
        lambda: success_at_k(["a"], {}, 0),
        lambda: judged_at_k(["a"], {}, 0),
        lambda: ndcg(["a"], {}, 0),
        lambda: average_precision(["a"], {}, 0),
        lambda: reciprocal_rank(["a"], {}, 0),
        lambda: r_precision(["a"], {}, min_grade=0),
        lambda: precision_at_k(["a"], {}, 1, min_grade=0),
        lambda: average_precision(["a"], {}, denominator="k"),
        lambda: ndcg(["a"], {}, gain="log"),
    ],
)
def test_an_option_out_of_range_is_an_error(call):
    with pytest.raises(ValueError, match=r"must be"):
        call()


# Against slow definitions, trec_eval, and invariance -----------------------------------------

METRICS = {
    "P_5": partial(precision_at_k, k=5),
    "recall_5": partial(recall_at_k, k=5),
    "success_5": partial(success_at_k, k=5),
    "map": average_precision,
    "map_cut_5": partial(average_precision, k=5),
    "recip_rank": reciprocal_rank,
    "Rprec": r_precision,
    "ndcg": ndcg,
    "ndcg_cut_5": partial(ndcg, k=5),
}
IR_MEASURES = {
    "P_5": P @ 5,
    "recall_5": R @ 5,
    "success_5": Success @ 5,
    "map": AP,
    "map_cut_5": AP @ 5,
    "recip_rank": RR,
    "Rprec": Rprec,
    "ndcg": nDCG,
    "ndcg_cut_5": nDCG @ 5,
}


def trec(run, qrels, *measures):
    return pytrec_eval.RelevanceEvaluator(qrels, set(measures)).evaluate(run)


def from_ranks(run):
    """Strictly falling scores in the order of ours, so that no tool sees a tie."""
    return {
        query: {name: float(-rank) for rank, name in enumerate(rank_by_score(scores))}
        for query, scores in run.items()
    }


def random_set(n, seed):
    """Runs and judgements of `n` queries, with few different scores, so with many ties."""
    random, names = np.random.default_rng(seed), [f"d{i}" for i in range(15)]
    run, qrels = {}, {}
    for query in map(str, range(n)):
        found = random.choice(names, size=random.integers(1, 13), replace=False)
        judged = random.choice(names, size=random.integers(1, 13), replace=False)
        run[query] = {str(name): float(random.integers(0, 6)) / 4 for name in found}
        qrels[query] = {str(name): int(random.integers(0, 4)) for name in judged}
    return run, qrels


def test_a_thousand_random_runs_with_ties_score_as_in_pytrec_eval():
    run, qrels = random_set(1000, seed=1)
    expected = trec(run, qrels, "map_cut.5", "P.5", "recall.5", "success.5", "ndcg_cut.5", *METRICS)
    for name, metric in METRICS.items():
        ours = mean_over_queries(run, qrels, metric).per_query
        theirs = {query: values[name] for query, values in expected.items()}
        assert ours == pytest.approx(theirs, abs=1e-9), name


def test_a_thousand_random_runs_have_the_mean_of_ir_measures():
    run, qrels = random_set(1000, seed=2)
    for query in list(run)[::10]:
        del run[query]  # unanswered
    expected = ir_measures.calc_aggregate(list(IR_MEASURES.values()), qrels, from_ranks(run))
    for name, measure in IR_MEASURES.items():
        mean = mean_over_queries(run, qrels, METRICS[name])
        assert mean.value == pytest.approx(expected[measure], abs=1e-9), name
        assert mean.unanswered == 1000 / 10


def test_judged_at_k_is_that_of_ir_measures_for_rankings_of_at_least_k():
    run, qrels = random_set(300, seed=3)
    run = {query: scores for query, scores in run.items() if len(scores) >= 5}
    qrels = {query: qrels[query] for query in run}
    expected = ir_measures.calc_aggregate([Judged @ 5], qrels, from_ranks(run))[Judged @ 5]
    ours = mean_over_queries(run, qrels, partial(judged_at_k, k=5)).value
    assert ours == pytest.approx(expected, abs=1e-9)


NAMES = st.sampled_from([f"d{i}" for i in range(12)])
RANKINGS = st.lists(NAMES, unique=True)
GRADES = st.dictionaries(NAMES, st.integers(0, 3))


def slow_precisions(ranking, relevant):
    """Rank of each relevant document found -> precision there, by counting prefixes."""
    return {
        i: len([d for d in ranking[:i] if d in relevant]) / i
        for i in range(1, len(ranking) + 1)
        if ranking[i - 1] in relevant
    }


def slow_dcg(grades, gain):
    gains = [2**g - 1 if gain == "exponential" else g for g in grades]
    return sum(gains[i] / math.log2(i + 2) for i in range(len(gains)))


@given(RANKINGS, GRADES, st.integers(1, 15))
def test_every_metric_equals_its_slow_definition(ranking, grades, k):
    relevant = {name for name, grade in grades.items() if grade > 0}
    found = relevant & set(ranking[:k])
    precisions = slow_precisions(ranking[:k], relevant)
    total = sum(precisions.values())
    divisors = {"relevant": len(relevant), "min(relevant,k)": min(len(relevant), k)}
    assert precision_at_k(ranking, grades, k) == len(found) / k
    assert success_at_k(ranking, grades, k) == (len(found) > 0)
    assert recall_at_k(ranking, grades, k) == (len(found) / len(relevant) if relevant else 0)
    for name, divisor in (divisors | {"found": len(found)}).items():
        value = average_precision(ranking, grades, k, denominator=name)
        assert value == pytest.approx(total / divisor if divisor else 0)
    assert reciprocal_rank(ranking, grades, k) == max((1 / i for i in precisions), default=0)
    at_r = len(set(ranking[: len(relevant)]) & relevant)
    assert r_precision(ranking, grades) == (at_r / len(relevant) if relevant else 0)
    assert judged_at_k(ranking, grades, k) == len(set(ranking[:k]) & set(grades)) / k


@given(RANKINGS, GRADES, st.integers(1, 15), st.sampled_from(["linear", "exponential"]))
def test_ndcg_equals_its_slow_definition_and_stays_within_0_and_1(ranking, grades, k, gain):
    best = slow_dcg(sorted(grades.values(), reverse=True)[:k], gain)
    reached = slow_dcg([grades.get(name, 0) for name in ranking[:k]], gain)
    value = ndcg(ranking, grades, k, gain=gain)
    assert value == pytest.approx(reached / best if best else 0)
    assert 0 <= value <= 1 + 1e-12


@given(GRADES, st.integers(1, 15))
def test_the_ideal_ranking_has_ndcg_and_average_precision_1(grades, k):
    ideal = sorted(grades, key=grades.__getitem__, reverse=True)
    expected = float(any(grades.values()))
    assert ndcg(ideal, grades, k) == ndcg(ideal, grades, gain="exponential") == expected
    assert average_precision(ideal, grades) == pytest.approx(expected)
    assert average_precision(ideal, grades, k, denominator="min(relevant,k)") == (
        pytest.approx(expected)
    )


@given(RANKINGS, GRADES)
def test_recall_never_falls_with_k_and_precision_times_k_is_a_whole_number(ranking, grades):
    recalls = [recall_at_k(ranking, grades, k) for k in range(1, 15)]
    assert recalls == sorted(recalls)
    for k in range(1, 15):
        hits = precision_at_k(ranking, grades, k) * k
        assert hits == pytest.approx(round(hits))
    assert 0 <= average_precision(ranking, grades) <= 1


@given(RANKINGS, GRADES, st.integers(1, 15))
def test_a_tail_that_is_not_relevant_changes_no_recall_and_no_average_precision(ranking, grades, k):
    longer = [*ranking, "x1", "x2"]
    assert recall_at_k(longer, grades, k) == recall_at_k(ranking, grades, k)
    assert average_precision(longer, grades) == average_precision(ranking, grades)
    assert ndcg(longer, grades) == ndcg(ranking, grades)


@given(st.randoms(use_true_random=False))
def test_the_order_of_queries_and_of_documents_in_the_input_changes_nothing(random):
    run, qrels = random_set(20, seed=4)

    def shuffled(mapping):
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    mixed_run = shuffled({query: shuffled(scores) for query, scores in run.items()})
    mixed_qrels = shuffled({query: shuffled(grades) for query, grades in qrels.items()})
    for metric in METRICS.values():
        assert (
            mean_over_queries(mixed_run, mixed_qrels, metric).value
            == mean_over_queries(run, qrels, metric).value
        )


@given(RANKINGS, GRADES, st.data())
def test_repeating_a_document_later_changes_nothing(ranking, grades, data):
    repeated = list(ranking)
    for name in ranking:
        where = data.draw(st.integers(repeated.index(name) + 1, len(repeated)))
        repeated.insert(where, name)
    for metric in METRICS.values():
        assert metric(repeated, grades) == metric(ranking, grades)


@given(RANKINGS, GRADES)
def test_a_grade_below_0_counts_as_0(ranking, grades):
    lowered = {name: grade or -2 for name, grade in grades.items()}
    for metric in METRICS.values():
        assert metric(ranking, lowered) == metric(ranking, grades)
