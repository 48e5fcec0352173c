"""Abstention and calibration: by hand, against slow definitions, and by invariance."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.abstention import (
    abstention_scores,
    aurc,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    risk_coverage_curve,
)

ANSWERS = st.lists(st.tuples(st.integers(0, 8).map(lambda i: i / 8), st.booleans()), min_size=1)


@pytest.mark.parametrize(
    ("abstained", "answerable", "precision", "recall", "f1"),
    [
        ([1, 1, 0, 0], [0, 1, 0, 1], 1 / 2, 1 / 2, 2 * 1 / (2 + 2)),
        ([1, 1, 0], [0, 1, 1], 1 / 2, 1 / 1, 2 * 1 / (2 + 1)),
        ([0, 0], [0, 1], 0, 0 / 1, 0),  # never abstains
        ([1, 0], [1, 1], 0 / 1, 0, 0),  # nothing to decline
        ([0], [1], 0, 0, 0),
    ],
)
def test_abstention_scores_are_those_worked_out_by_hand(
    abstained, answerable, precision, recall, f1
):
    scores = abstention_scores([bool(a) for a in abstained], [bool(a) for a in answerable])
    assert (scores.precision, scores.recall) == (precision, recall)
    assert scores.f1 == pytest.approx(f1)
    assert (scores.abstained, scores.unanswerable) == (sum(abstained), answerable.count(0))
    assert scores.n == len(answerable)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_abstention_f1_is_the_harmonic_mean(rows):
    scores = abstention_scores([a for a, _ in rows], [b for _, b in rows])
    p, r = scores.precision, scores.recall
    assert scores.f1 == pytest.approx(2 * p * r / (p + r) if p + r else 0)


def test_the_curve_has_one_point_for_each_confidence():
    points = risk_coverage_curve([0.8, 0.9, 0.1, 0.8], [True, True, False, False])
    assert [(p.threshold, p.coverage, p.risk) for p in points] == [
        (0.9, 1 / 4, 0 / 1),
        (0.8, 3 / 4, 1 / 3),
        (0.1, 4 / 4, 2 / 4),
    ]


@given(ANSWERS)
def test_the_curve_equals_answering_at_each_threshold(answers):
    confidence, right = [c for c, _ in answers], [r for _, r in answers]
    points = risk_coverage_curve(confidence, right)
    assert [p.threshold for p in points] == sorted(set(confidence), reverse=True)
    for point in points:
        given_answers = [r for c, r in answers if c >= point.threshold]
        assert point.coverage == len(given_answers) / len(answers)
        assert point.risk == pytest.approx(given_answers.count(False) / len(given_answers))
    assert points[-1].risk == pytest.approx(right.count(False) / len(right))


@given(ANSWERS.filter(lambda answers: len(answers) <= 6))
def test_aurc_is_the_mean_over_all_orders_of_equal_confidences(answers):
    values = []
    for order in itertools.permutations(answers):
        if [c for c, _ in order] != sorted((c for c, _ in answers), reverse=True):
            continue
        wrong = [not r for _, r in order]
        values.append(sum(sum(wrong[:i]) / i for i in range(1, len(wrong) + 1)) / len(wrong))
    ours = aurc([c for c, _ in answers], [r for _, r in answers])
    assert ours == pytest.approx(sum(values) / len(values))


def test_aurc_of_an_ideal_a_useless_and_a_reversed_confidence():
    right = [True, True, False]
    assert aurc([0.9, 0.8, 0.1], right) == pytest.approx((0 + 0 + 1 / 3) / 3)
    assert aurc([0.5, 0.5, 0.5], right) == pytest.approx(1 / 3)
    assert aurc([0.1, 0.2, 0.9], right) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


@pytest.mark.parametrize(
    ("confidence", "right", "bins", "expected"),
    [
        ([0.95] * 4, [1, 1, 1, 0], 10, abs(3 / 4 - 0.95)),
        ([0.1, 0.9], [0, 1], 1, abs(1 / 2 - 0.5)),
        ([0.1, 0.9], [0, 1], 2, 0.5 * 0.1 + 0.5 * 0.1),
        ([0.0, 1.0], [0, 1], 10, 0),
        ([0.5, 0.6], [1, 0], 2, 0.5 * abs(1 - 0.5) + 0.5 * abs(0 - 0.6)),  # .5 is in the first bin
        (
            [0.3, 0.31],
            [1, 0],
            10,
            0.5 * abs(1 - 0.3) + 0.5 * abs(0 - 0.31),
        ),  # so is .3 in the third
    ],
)
def test_calibration_errors_are_those_worked_out_by_hand(confidence, right, bins, expected):
    ours = expected_calibration_error(confidence, [bool(r) for r in right], bins=bins)
    assert ours == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1),
    st.integers(1, 20),
)
def test_calibration_error_and_brier_score_equal_their_slow_definitions(answers, bins):
    error = 0.0
    for b in range(1, bins + 1):
        inside = [
            (c, r) for c, r in answers if (b - 1) / bins < c <= b / bins or (b == 1 and c == 0)
        ]
        if inside:
            accuracy = sum(r for _, r in inside) / len(inside)
            mean = sum(c for c, _ in inside) / len(inside)
            error += len(inside) / len(answers) * abs(accuracy - mean)
    confidence, right = [c for c, _ in answers], [r for _, r in answers]
    ours = expected_calibration_error(confidence, right, bins=bins)
    assert ours == pytest.approx(error, abs=1e-9)
    brier = sum((c - r) ** 2 for c, r in answers) / len(answers)
    assert brier_score(confidence, right) == pytest.approx(brier)


def test_brier_scores_of_coins_and_oracles():
    assert brier_score([0.5, 0.5], [True, False]) == 0.5**2
    assert brier_score([1.0, 0.0], [True, False]) == 0
    assert brier_score([0.9, 0.6], [True, False]) == pytest.approx((0.1**2 + 0.6**2) / 2)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_questions_changes_nothing(answers, random):
    mixed = random.sample(answers, len(answers))
    for score in (aurc, brier_score, expected_calibration_error):
        one = score([c for c, _ in answers], [r for _, r in answers])
        assert score([c for c, _ in mixed], [r for _, r in mixed]) == pytest.approx(one)


@pytest.mark.parametrize(
    "call",
    [
        lambda: abstention_scores([], []),
        lambda: abstention_scores([True], []),
        lambda: aurc([0.5], [True, False]),
        lambda: risk_coverage_curve([], []),
        lambda: risk_coverage_curve([math.nan], [True]),
        lambda: aurc([math.inf], [True]),
        lambda: brier_score([1.01], [True]),
        lambda: expected_calibration_error([-0.1], [True]),
        lambda: expected_calibration_error([0.5], [True], bins=0),
    ],
)
def test_values_out_of_range_and_different_lengths_are_errors(call):
    with pytest.raises(ValueError, match=r"must be|is needed"):
        call()


def test_the_bins_of_a_reliability_diagram_are_those_worked_out_by_hand():
    confidence, right = [0.0, 0.1, 0.1001, 1.0, 0.95], [False, True, True, True, False]
    bins = calibration_bins(confidence, right)
    assert [(each.n, each.right) for each in bins] == [(2, 1 / 2), (1, 1 / 1), (2, 1 / 2)]
    assert [each.confidence for each in bins] == pytest.approx([0.1 / 2, 0.1001, 1.95 / 2])
    with pytest.raises(ValueError, match="at least 1"):
        calibration_bins(confidence, right, bins=0)


@given(ANSWERS, st.integers(1, 12))
def test_the_calibration_error_is_the_mean_gap_of_the_bins(answers, bins):
    confidence, right = [c for c, _ in answers], [r for _, r in answers]
    found = calibration_bins(confidence, right, bins=bins)
    assert sum(each.n for each in found) == len(answers)
    assert math.fsum(each.n * each.confidence for each in found) == pytest.approx(sum(confidence))
    gaps = (each.n * abs(each.right - each.confidence) for each in found)
    error = expected_calibration_error(confidence, right, bins=bins)
    assert error == pytest.approx(math.fsum(gaps) / len(answers))
