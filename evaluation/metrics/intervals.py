"""Confidence intervals of means, differences and proportions, and helpers of the tests.

Bootstrap intervals are percentile intervals, seeded with `seed`: same input, same result.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS_AT_ONCE = 2_000_000  # random numbers in memory at a time, 16 MB


class Interval(NamedTuple):
    """Lower and upper end of an interval."""

    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float], *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Interval:
    """Return the percentile bootstrap interval of a mean over questions.

    Args:
        values: One value per question, independent and finite; at least 1.
        confidence: Nominal coverage of the true mean, above 0 and below 1. Below 30 questions the
            actual coverage is lower.
        samples: Number of resamples, at least 1.
        seed: Random seed.

    Returns:
        The interval, within the smallest and largest value; one point if all values are equal.

    Raises:
        ValueError: If `values` is empty or not finite, or an option is out of its range.

    Example:
        >>> low, high = bootstrap_mean([0.0, 1.0] * 50)
        >>> round(low, 1), round(high, 1)
        (0.4, 0.6)

    Reference:
        Efron and Tibshirani (1993), An Introduction to the Bootstrap, 13.3.
    """
    observed = finite(values)
    if len(observed) == 0:
        raise ValueError("`values` is empty: there is no question to take a mean over.")
    return _percentiles(
        len(observed), lambda drawn: observed[drawn].mean(axis=1), confidence, samples, seed
    )


def bootstrap_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the paired percentile bootstrap interval of the mean of a - b.

    Args:
        a: One value per question, finite; at least 2.
        b: Values of the other system, same length and order.
        confidence: As for `bootstrap_mean`.
        samples: As for `bootstrap_mean`.
        seed: As for `bootstrap_mean`.

    Returns:
        The interval; a difference is significant if 0 lies outside.

    Raises:
        ValueError: If the lengths differ or are below 2, or as for `bootstrap_mean`.

    Example:
        >>> bootstrap_difference([0.75, 1.0, 0.5], [0.5, 0.75, 0.25])
        Interval(low=0.25, high=0.25)

    Reference:
        Sakai (2006), SIGIR.
    """
    values = paired_differences(a, b).tolist()
    return bootstrap_mean(values, confidence=confidence, samples=samples, seed=seed)


def cluster_bootstrap(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of a mean over questions, resampling whole clusters.

    Args:
        values: One value per question (for two systems, their difference), finite; at least 1.
        clusters: Cluster of each question, such as its document.
        confidence: As for `bootstrap_mean`, with the number of clusters in place of questions.
        samples: As for `bootstrap_mean`.
        seed: As for `bootstrap_mean`.

    Returns:
        The interval of the mean over questions, so that large clusters weigh more.

    Raises:
        ValueError: If the lengths differ, or as for `bootstrap_mean`.

    Example:
        Two documents, all right and all wrong: only the documents are resampled.

        >>> cluster_bootstrap([1.0, 1.0, 0.0, 0.0], ["x", "x", "y", "y"])
        Interval(low=0.0, high=1.0)

    Reference:
        Davison and Hinkley (1997), Bootstrap Methods, 3.8 (strategy 1).
    """
    sums, sizes = sums_by_cluster(finite(values), clusters)
    return _percentiles(
        len(sums),
        lambda drawn: sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1),
        confidence,
        samples,
        seed,
    )


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    r"""Return Wilson's score interval of a proportion, valid near 0 and 1 and for few questions.

    $$\frac{\hat p + z^2 / 2n \pm z \sqrt{\hat p (1 - \hat p) / n + z^2 / 4 n^2}}{1 + z^2 / n}$$

    Args:
        successes: Number of right questions, from 0 to `n`.
        n: Number of independent questions, at least 1.
        confidence: Above 0 and below 1.

    Returns:
        The interval, within 0 and 1.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> low, high = wilson_interval(8, 10)
        >>> round(low, 4), round(high, 4)
        (0.4902, 0.9433)

    Reference:
        Wilson (1927), JASA 22(158); `scipy.stats.binomtest(...).proportion_ci("wilson")`.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"0 <= successes <= n and n >= 1 is needed, got {successes} and {n}.")
    _check_confidence(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    centre, shrink = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return Interval(max(0.0, (centre - half) / shrink), min(1.0, (centre + half) / shrink))


def paired_differences(a: Sequence[float], b: Sequence[float]) -> Floats:
    """Return the differences a - b of two systems on the same questions.

    Args:
        a: One value per question, finite; at least 2.
        b: Values of the other system, same length and order.

    Returns:
        float64 array of shape (n_questions,).

    Raises:
        ValueError: If the lengths differ or are below 2, or a value is not finite.

    Example:
        >>> paired_differences([1.0, 0.5], [0.5, 0.5]).tolist()
        [0.5, 0.0]
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(
            f"two systems need values for the same questions, at least 2; got {len(a)}, {len(b)}."
        )
    return finite(a) - finite(b)


def sums_by_cluster(values: Floats, clusters: Sequence[Hashable]) -> tuple[Floats, Floats]:
    """Return the sum and the number of values of each cluster, in order of first appearance.

    Args:
        values: float64 array of shape (n_questions,), at least one.
        clusters: Cluster of each question; same length.

    Returns:
        Two float64 arrays of shape (n_clusters,).

    Raises:
        ValueError: If the lengths differ or are 0.

    Example:
        >>> sums, sizes = sums_by_cluster(np.array([1.0, 2.0, 4.0]), ["x", "y", "x"])
        >>> sums.tolist(), sizes.tolist()
        ([5.0, 2.0], [2.0, 1.0])
    """
    if len(values) != len(clusters) or len(values) == 0:
        raise ValueError(
            f"every question needs one cluster, got {len(values)} questions, {len(clusters)} names."
        )
    number = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    places = [number[name] for name in clusters]
    sums = np.bincount(places, weights=values).astype(np.float64)
    return sums, np.bincount(places).astype(np.float64)


def finite(values: Sequence[float]) -> Floats:
    """Return the values as a float64 array.

    Raises:
        ValueError: If a value is not finite.

    Example:
        >>> finite([1, 0.5]).tolist()
        [1.0, 0.5]
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("values must be finite; a question without a value counts as 0.")
    return array


def _percentiles(
    n: int,
    statistic: Callable[[NDArray[np.intp]], Floats],
    confidence: float,
    samples: int,
    seed: int,
) -> Interval:
    _check_confidence(confidence)
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1, got {samples}.")
    random, step = np.random.default_rng(seed), max(1, DRAWS_AT_ONCE // n)
    sizes = [min(step, samples - done) for done in range(0, samples, step)]
    means = np.concatenate([statistic(random.integers(0, n, size=(size, n))) for size in sizes])
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be above 0 and below 1, got {confidence}.")
