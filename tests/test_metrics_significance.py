"""Tests and intervals: by hand, against scipy and slow definitions, and by how often they err."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from evaluation.metrics import intervals
from evaluation.metrics.significance import (
    WinsTiesLosses,
    bootstrap_difference,
    bootstrap_mean,
    cluster_bootstrap,
    cluster_t_test,
    holm,
    mcnemar_exact,
    minimal_detectable_difference,
    paired_t_test,
    randomization_test,
    wilson_interval,
    wins_ties_losses,
)

A, B = [0.5, 0.6, 0.7, 0.8], [0.4, 0.6, 0.6, 0.7]
TENTHS = st.integers(0, 10).map(lambda i: i / 10)
PAIRS = st.lists(st.tuples(TENTHS, TENTHS), min_size=2, max_size=12)
P_VALUES = st.lists(st.floats(0, 1), max_size=8)


def both(pairs):
    return [a for a, _ in pairs], [b for _, b in pairs]


@pytest.mark.parametrize(
    ("test", "statistic", "p_value"),
    [
        # Differences .1 0 .1 .1: mean .075, deviation .05.
        pytest.param(paired_t_test, 0.075 / (0.05 / math.sqrt(4)), 0.05767, id="T1 t"),
        pytest.param(randomization_test, 0.075, 2 / 2**3, id="T1 sign flip"),  # +++ and ---
    ],
)
def test_paired_tests_give_the_values_worked_out_by_hand(test, statistic, p_value):
    assert test(A, B) == pytest.approx((statistic, p_value), abs=5e-6)
    assert test(B, A) == pytest.approx((-statistic, p_value), abs=5e-6)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        pytest.param(8, 10, 0.4902, 0.9433, id="T2"),
        pytest.param(0, 10, 0, 1.96**2 / (10 + 1.96**2), id="none"),
        pytest.param(10, 10, 10 / (10 + 1.96**2), 1, id="all"),
        pytest.param(30, 50, 0.5929 - 0.131, 0.5929 + 0.131, id="B1 n=50 +-.131"),
    ],
)
def test_wilson_intervals_are_those_worked_out_by_hand(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=6e-4)


def test_adjusted_p_values_are_those_worked_out_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([3 * 0.01, 2 * 0.03, 2 * 0.03])  # T3
    assert holm([]) == []


def test_adjusted_p_values_stop_at_1():
    assert holm([0.8, 0.9]) == [1, 1]  # 2 * .8


@given(PAIRS)
def test_the_t_test_is_that_of_scipy(pairs):
    a, b = both(pairs)
    assume(len({round(x - y, 9) for x, y in pairs}) > 1)  # without variance: the next test
    expected = scipy.stats.ttest_rel(a, b)
    assert paired_t_test(a, b) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)


def test_differences_without_variance_are_certain_or_none():
    assert paired_t_test([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == (0, 1)
    assert paired_t_test([0.2, 0.3, 0.4], [0.1, 0.2, 0.3]) == (math.inf, 0)
    assert paired_t_test([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]) == (-math.inf, 0)
    assert randomization_test([0.1, 0.2], [0.1, 0.2]) == (0, 1)


@given(PAIRS)
def test_the_exact_randomization_test_equals_trying_all_signs(pairs):
    a, b = both(pairs)
    differences = [round(10 * (x - y)) for x, y in pairs]  # whole numbers: no rounding
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
        for signs in itertools.product([1, -1], repeat=len(pairs))
    ]
    share = sum(total >= abs(sum(differences)) for total in sums) / len(sums)
    assert randomization_test(a, b).p_value == pytest.approx(share)


def test_the_sampled_randomization_test_is_near_the_t_test_repeatable_and_never_0():
    random = np.random.default_rng(0)
    a, b = random.uniform(size=(2, 200))
    sampled = randomization_test(a, b + 0.05, samples=20_000)
    # Standard error of a share near .1: sqrt(.1 * .9 / 20,000) = .002.
    assert sampled.p_value == pytest.approx(paired_t_test(a, b + 0.05).p_value, abs=0.01)
    assert sampled == randomization_test(a, b + 0.05, samples=20_000)
    assert sampled != randomization_test(a, b + 0.05, samples=20_000, seed=1)
    assert randomization_test(a + 1, b, samples=999).p_value == (0 + 1) / (999 + 1)


def test_questions_without_a_difference_do_not_stop_the_randomization_test_from_being_exact():
    a, b = A + [0.3] * 500, B + [0.3] * 500
    assert randomization_test(a, b, samples=1).p_value == 2 / 2**3


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_mcnemar_is_the_binomial_test_of_the_disagreements(pairs):
    a, b = both(pairs)
    only_a, only_b = pairs.count((True, False)), pairs.count((False, True))
    n = only_a + only_b
    expected = scipy.stats.binomtest(only_a, n, 0.5).pvalue if n else 1
    assert mcnemar_exact(a, b) == pytest.approx((only_a - only_b, expected))


def test_mcnemar_by_hand_and_for_thousands_of_questions():
    assert mcnemar_exact([True] * 5, [False] * 4 + [True]).p_value == 2 * 1 / 2**4
    assert (
        0
        < mcnemar_exact([True] * 900 + [False] * 1100, [False] * 900 + [True] * 1100).p_value
        < 1e-4
    )


@given(st.integers(1, 200), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_wilson_interval_is_that_of_scipy(n, data, confidence):
    successes = data.draw(st.integers(0, n))
    expected = scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    ours = wilson_interval(successes, n, confidence=confidence)
    assert ours == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(P_VALUES)
def test_holm_equals_its_slow_definition(p_values):
    n, ordered = len(p_values), sorted(p_values)
    steps = [min(1, max((n - j) * ordered[j] for j in range(i + 1))) for i in range(n)]
    assert sorted(holm(p_values)) == pytest.approx(steps)
    assert all(adjusted >= p for adjusted, p in zip(holm(p_values), p_values, strict=True))


@given(P_VALUES.filter(lambda p_values: len(set(p_values)) == len(p_values)), st.data())
def test_the_order_of_p_values_changes_nothing(p_values, data):
    order = data.draw(st.permutations(range(len(p_values))))
    adjusted = holm(p_values)
    assert holm([p_values[i] for i in order]) == [adjusted[i] for i in order]


def test_the_bootstrap_interval_of_a_mean_is_near_that_of_scipy_and_repeatable():
    values = np.random.default_rng(0).uniform(size=100)
    expected = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    # Half-width 1.96 * .29 / sqrt(100) = .057, its Monte Carlo error about .001.
    ours = bootstrap_mean(values)
    assert ours == pytest.approx((expected.low, expected.high), abs=0.004)
    assert ours == bootstrap_mean(values) != bootstrap_mean(values, seed=1)
    narrow = bootstrap_mean(values, confidence=0.5)
    assert ours.low < narrow.low < values.mean() < narrow.high < ours.high


def test_the_bootstrap_of_a_difference_draws_questions_in_pairs():
    random = np.random.default_rng(0)
    hardness = random.uniform(size=100)
    low, high = bootstrap_difference(hardness + 0.1, hardness)
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(0.1)  # the questions differ, the difference does not


def test_the_bootstrap_does_not_depend_on_how_much_is_held_at_a_time(monkeypatch):
    whole = bootstrap_mean([0.0, 0.5, 1.0, 0.2], samples=1000)
    monkeypatch.setattr(intervals, "DRAWS_AT_ONCE", 4 * 64)
    assert bootstrap_mean([0.0, 0.5, 1.0, 0.2], samples=1000) == whole


def test_a_cluster_bootstrap_of_clusters_of_one_is_the_plain_one():
    values = [0.0, 0.5, 1.0, 0.2]
    assert cluster_bootstrap(values, range(4)) == pytest.approx(bootstrap_mean(values))


def test_the_cluster_t_test_is_the_t_test_of_cluster_means():
    a, b = [0.5, 0.5, 0.9, 0.8], [0.4, 0.2, 0.5, 0.6]
    test, n = cluster_t_test(a, b, ["x", "x", "y", "z"])
    expected = scipy.stats.ttest_1samp([(0.1 + 0.3) / 2, 0.4, 0.2], 0)
    assert test == pytest.approx((expected.statistic, expected.pvalue))
    assert n == 3


def test_questions_of_one_document_give_false_alarms_unless_tested_by_document():
    random, clusters = np.random.default_rng(0), np.repeat(np.arange(20), 10)
    plain = by_document = outside = 0
    for _ in range(200):  # two equal systems; a document's ten questions differ alike
        a = np.repeat(random.normal(size=20), 10) + 0.3 * random.normal(size=200)
        zeros = np.zeros(200)
        plain += paired_t_test(a, zeros).p_value < 0.05
        by_document += cluster_t_test(a, zeros, clusters)[0].p_value < 0.05
        low, high = cluster_bootstrap(a, clusters, samples=400)
        outside += not low <= 0 <= high
    assert plain / 200 > 0.4
    # 5 % +- 2 sqrt(.05 * .95 / 200) = 2 to 8 %; the percentile bootstrap of 20 is a bit higher.
    assert 0.01 < by_document / 200 < 0.09
    assert 0.02 < outside / 200 < 0.13


@pytest.mark.parametrize(
    ("n", "difference"),
    [
        # B1: at deviation .25, 50 questions find .10 in 79 % and 200 find .05 in 80 %.
        pytest.param(50, (2.0096 + 0.8489) * 0.25 / math.sqrt(50), id="n=50"),
        pytest.param(200, (1.9720 + 0.8434) * 0.25 / math.sqrt(200), id="n=200"),
    ],
)
def test_the_minimal_detectable_difference_is_found_with_80_percent_power(n, difference):
    found = minimal_detectable_difference(0.25, n)
    assert found == pytest.approx(difference, rel=1e-3)
    # The power of a t test, by the noncentral t distribution.
    critical = scipy.stats.t.ppf(0.975, n - 1)
    power = scipy.stats.nct.sf(critical, n - 1, found / 0.25 * math.sqrt(n))
    assert power == pytest.approx(0.8, abs=0.005)


def test_wins_ties_and_losses_are_counted_and_rounding_is_a_tie():
    assert wins_ties_losses(A, B) == WinsTiesLosses(3, 1, 0)
    assert wins_ties_losses([0.1 + 0.2, 0.0], [0.3, 1.0]) == WinsTiesLosses(0, 1, 1)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_questions_changes_no_exact_test(pairs, random):
    mixed = random.sample(pairs, len(pairs))
    for test in (paired_t_test, randomization_test, wins_ties_losses):
        assert test(*both(mixed)) == pytest.approx(test(*both(pairs)), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: paired_t_test([0.1], [0.2]),
        lambda: paired_t_test([0.1, 0.2], [0.2]),
        lambda: randomization_test([0.1, math.nan], [0.2, 0.3]),
        lambda: randomization_test(A, B, samples=0),
        lambda: bootstrap_mean([]),
        lambda: bootstrap_mean([0.1, math.inf]),
        lambda: bootstrap_mean([0.1, 0.2], confidence=1),
        lambda: bootstrap_mean([0.1, 0.2], samples=0),
        lambda: cluster_bootstrap([0.1], []),
        lambda: cluster_t_test(A, B, ["x"] * 4),
        lambda: cluster_t_test(A, B, ["x"]),
        lambda: wilson_interval(3, 2),
        lambda: wilson_interval(0, 0),
        lambda: holm([1.2]),
        lambda: holm([math.nan]),
        lambda: minimal_detectable_difference(0.25, 1),
        lambda: minimal_detectable_difference(math.nan, 9),
        lambda: mcnemar_exact([True], []),
    ],
)
def test_values_out_of_range_and_different_lengths_are_errors(call):
    with pytest.raises(ValueError, match=r"need|must be|empty|at least"):
        call()
