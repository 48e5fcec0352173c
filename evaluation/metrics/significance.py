"""Paired significance tests of the difference between two systems.

Two systems are compared on the same questions, so tests are paired and two-sided, and `a` and `b`
hold one value per question in the same order. Questions about one document are not independent: ten
per document, tested as if they were, give 49 % false alarms at a nominal 5 %. Test such sets with
`cluster_t_test` and `cluster_bootstrap`. Random draws are seeded with `seed`: same input, same
result. The names of `intervals` and `corrections` are re-exported here.
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.metrics.corrections import holm
from evaluation.metrics.intervals import (
    DRAWS_AT_ONCE,
    Floats,
    Interval,
    bootstrap_difference,
    bootstrap_mean,
    cluster_bootstrap,
    paired_differences,
    sums_by_cluster,
    wilson_interval,
)

__all__ = [
    "Interval",
    "Outcome",
    "WinsTiesLosses",
    "bootstrap_difference",
    "bootstrap_mean",
    "cluster_bootstrap",
    "cluster_t_test",
    "holm",
    "mcnemar_exact",
    "minimal_detectable_difference",
    "paired_t_test",
    "randomization_test",
    "wilson_interval",
    "wins_ties_losses",
]

_MAX_EXACT = 16  # 2^16 = 65,536 sign patterns
_ROUNDING = 1e-9  # values that differ by less count as equal


class Outcome(NamedTuple):
    """A test statistic and its two-sided p-value."""

    statistic: float
    p_value: float


class WinsTiesLosses(NamedTuple):
    """Numbers of questions on which the first system is better, equal and worse."""

    wins: int
    ties: int
    losses: int


def paired_t_test(a: Sequence[float], b: Sequence[float]) -> Outcome:
    r"""Apply Student's paired t test: $t = \bar d / (s_d / \sqrt n)$, n - 1 degrees of freedom.

    Args:
        a: One value per question, finite; at least 2.
        b: Values of the other system, same length and order.

    Returns:
        t, positive if `a` is higher, and p. 0 and 1 if all differences are 0; infinity and 0 if
        all are the same other value.

    Raises:
        ValueError: If the lengths differ or are below 2, or a value is not finite.

    Example:
        Differences .1 0 .1 .1: mean .075, deviation .05, t = .075 / (.05 / 2).

        >>> test = paired_t_test([0.5, 0.6, 0.7, 0.8], [0.4, 0.6, 0.6, 0.7])
        >>> round(test.statistic, 4), round(test.p_value, 4)
        (3.0, 0.0577)

    Reference:
        Smucker, Allan and Carterette (2007), CIKM; `scipy.stats.ttest_rel`.
    """
    from scipy.special import stdtr  # type: ignore[import-untyped]  # scipy ships no types

    differences = paired_differences(a, b)
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if deviation <= _ROUNDING * float(np.abs(differences).max()):
        same = bool(np.all(differences == 0))
        return Outcome(0.0, 1.0) if same else Outcome(math.copysign(math.inf, mean), 0.0)
    t = mean / (deviation / math.sqrt(len(differences)))
    return Outcome(t, float(2 * stdtr(len(differences) - 1, -abs(t))))


def randomization_test(
    a: Sequence[float], b: Sequence[float], *, samples: int = 100_000, seed: int = 0
) -> Outcome:
    """Apply a sign-flip test: p is the share of sign patterns with at least as large a mean.

    All sign patterns are tried if at most 16 differences are not 0 (zeros have no effect);
    else `samples` random ones, and p = (1 + as large) / (1 + samples), which is never 0.

    Args:
        a: One value per question, finite; at least 2.
        b: Values of the other system, same length and order.
        samples: Number of random sign patterns, at least 1.
        seed: Random seed.

    Returns:
        The mean difference and p.

    Raises:
        ValueError: As for `paired_t_test`, or if `samples` is below 1.

    Example:
        Three differences of .1: of the 8 patterns, +++ and --- reach .3, so p = 2/8.

        >>> test = randomization_test([0.5, 0.6, 0.7, 0.8], [0.4, 0.6, 0.6, 0.7])
        >>> round(test.statistic, 4), test.p_value
        (0.075, 0.25)

    Reference:
        Fisher (1935); Smucker et al. (2007), CIKM; Phipson and Smyth (2010) for the +1.
    """
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1, got {samples}.")
    differences = paired_differences(a, b)
    sizes = np.abs(differences[differences != 0])
    bound = abs(float(differences.sum())) - _ROUNDING * float(sizes.sum())
    if len(sizes) <= _MAX_EXACT:
        patterns = np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes)) & 1
        p_value = float(np.mean(np.abs((1 - 2 * patterns) @ sizes) >= bound))
    else:
        p_value = (1 + _count_random(sizes, bound, samples, seed)) / (1 + samples)
    return Outcome(float(differences.mean()), p_value)


def mcnemar_exact(a_right: Sequence[bool], b_right: Sequence[bool]) -> Outcome:
    r"""Apply the exact McNemar test: $p = 2 P(X \le \min(n_{10}, n_{01}))$, X ~ Bin(n, 1/2).

    Args:
        a_right: For each question, whether the first system is right; may be empty.
        b_right: For each question, whether the second is; same length and order.

    Returns:
        The number of questions that only the first has right minus that of only the second, and
        p, which is 1 if they never disagree.

    Raises:
        ValueError: If the lengths differ.

    Example:
        Four disagreements, all for the first: 2 * 1/16.

        >>> mcnemar_exact([True] * 5, [False] * 4 + [True])
        Outcome(statistic=4, p_value=0.125)

    Reference:
        McNemar (1947), Psychometrika 12(2), with exact binomial probabilities.
    """
    if len(a_right) != len(b_right):
        raise ValueError(f"systems need the same questions, got {len(a_right)}, {len(b_right)}.")
    only_a = sum(one and not other for one, other in zip(a_right, b_right, strict=True))
    only_b = sum(other and not one for one, other in zip(a_right, b_right, strict=True))
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return Outcome(only_a - only_b, min(1.0, 2 * tail / 2**n))


def cluster_t_test(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[Outcome, int]:
    """Apply a paired t test to the clusters' mean differences; return it and the cluster count.

    Args:
        a: One value per question, finite.
        b: Values of the other system, same length and order.
        clusters: Cluster of each question, such as its document; at least two different ones.
            Every cluster weighs the same, however many questions it has.

    Returns:
        The test and its n, the number of clusters; report it with the number of questions.

    Raises:
        ValueError: If lengths differ, there are fewer than two clusters, or a value is not finite.

    Example:
        >>> test, n = cluster_t_test([0.5, 0.5, 0.9], [0.4, 0.2, 0.5], ["x", "x", "y"])
        >>> round(test.statistic, 4), n  # means .2 and .4: .3 / (.1414 / 1.4142)
        (3.0, 2)

    Reference:
        Student's t test on cluster summaries, Donner and Klar (2000), chapter 7.
    """
    sums, sizes = sums_by_cluster(paired_differences(a, b), clusters)
    means = (sums / sizes).tolist()
    return paired_t_test(means, [0.0] * len(means)), len(means)


def minimal_detectable_difference(
    deviation: float, n: int, *, level: float = 0.05, power: float = 0.8
) -> float:
    r"""Return the smallest true mean difference that a paired t test of `n` questions can detect.

    $$\delta = (t_{1 - \alpha/2,\, n-1} + t_{\mathrm{power},\, n-1})\, s_d / \sqrt n$$

    Args:
        deviation: Standard deviation of the differences between two systems, at least 0.
        n: Number of independent questions (or clusters), at least 2.
        level: Significance level, above 0 and below 1, two-sided.
        power: Probability of detecting it, from .5 to below 1.

    Returns:
        A difference in the unit of `deviation`; the set cannot tell smaller ones from 0.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> round(minimal_detectable_difference(0.25, 200), 3)
        0.05

    Reference:
        Cohen (1988), chapter 2; Sakai (2016), SIGIR, for information retrieval.
    """
    from scipy.special import stdtrit  # scipy is heavy

    if n < 2 or not (0 <= deviation < math.inf and 0 < level < 1 and 0.5 <= power < 1):
        raise ValueError(
            "n >= 2, 0 <= deviation, 0 < level < 1 and .5 <= power < 1 are needed, "
            f"got {n}, {deviation}, {level} and {power}."
        )
    quantiles = stdtrit(n - 1, 1 - level / 2) + stdtrit(n - 1, power)
    return float(quantiles * deviation / math.sqrt(n))


def wins_ties_losses(a: Sequence[float], b: Sequence[float]) -> WinsTiesLosses:
    """Return the numbers of questions on which `a` is above, equal to and below `b`.

    Args:
        a: One value per question, finite; at least 2.
        b: Values of the other system, same length and order. Values within 1e-9 are equal.

    Returns:
        Three numbers whose sum is the number of questions.

    Raises:
        ValueError: As for `paired_t_test`.

    Example:
        >>> wins_ties_losses([1.0, 0.5, 0.2], [0.5, 0.5, 0.1])
        WinsTiesLosses(wins=2, ties=1, losses=0)

    Reference:
        The W/T/L columns of TREC and ranx reports.
    """
    differences = paired_differences(a, b)
    wins, losses = int((differences > _ROUNDING).sum()), int((differences < -_ROUNDING).sum())
    return WinsTiesLosses(wins, len(differences) - wins - losses, losses)


def _count_random(sizes: Floats, bound: float, samples: int, seed: int) -> int:
    """Return how many of `samples` random sign patterns have an absolute sum >= `bound`."""
    random, step, count = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // len(sizes)), 0
    for done in range(0, samples, step):
        shape = (min(step, samples - done), len(sizes))
        flipped = random.integers(0, 2, size=shape, dtype=np.int8).astype(np.float64)
        count += int((np.abs(sizes.sum() - 2 * flipped @ sizes) >= bound).sum())
    return count
