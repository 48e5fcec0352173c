"""Confidence intervals of means, differences and proportions, and what the tests share with them.

Bootstrap intervals are percentile intervals. They are drawn from `seed`: same input, same result.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHUNK = 2_000_000  # random numbers held at a time, 16 MB


class Interval(NamedTuple):
    """An interval's ends."""

    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float], *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of a mean over questions.

    Args:
        values: One value a question, independent of each other and finite; at least 1.
        confidence: Share of such intervals that hold the true mean, above 0 and below 1. Below
            30 questions the actual share is lower.
        samples: Number of resamples, at least 1.
        seed: Start of the random numbers.

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
    """Percentile bootstrap interval of the mean of a - b, the questions drawn in pairs.

    Args:
        a: One value a question, finite; at least 2.
        b: The other system's, same length and order.
        confidence: As for `bootstrap_mean`.
        samples: As for `bootstrap_mean`.
        seed: As for `bootstrap_mean`.

    Returns:
        The interval; a difference is significant if 0 lies outside.

    Raises:
        ValueError: If the lengths differ or are below 2, or as `bootstrap_mean`.

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
    """Percentile bootstrap interval of a mean over questions, whole clusters being drawn.

    Args:
        values: One value a question (for two systems, their difference), finite; at least 1.
        clusters: For each question, what it shares with others, such as its document.
        confidence: As for `bootstrap_mean`; what has to exceed 30 is the number of clusters.
        samples: As for `bootstrap_mean`.
        seed: As for `bootstrap_mean`.

    Returns:
        The interval of the mean over questions, so that large clusters weigh more.

    Raises:
        ValueError: If the lengths differ, or as `bootstrap_mean`.

    Example:
        Two documents, all right and all wrong: only the documents are drawn.

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
    r"""Score interval of a proportion, right near 0 and 1 and for few questions as well.

    $$\frac{\hat p + z^2 / 2n \pm z \sqrt{\hat p (1 - \hat p) / n + z^2 / 4 n^2}}{1 + z^2 / n}$$

    Args:
        successes: Number of questions that came out right, from 0 to `n`.
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
    """The differences a - b, after a check that two systems were measured on the same questions.

    Args:
        a: One value a question, finite; at least 2.
        b: The other system's, same length and order.

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
    """Each cluster's sum of values and number of values, in the order of first appearance.

    Args:
        values: float64 array of shape (n_questions,), at least one.
        clusters: For each question, its cluster; same length.

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
    """The values as a float64 array; ValueError if one is not finite.

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
    random, step = np.random.default_rng(seed), max(1, CHUNK // n)
    sizes = [min(step, samples - done) for done in range(0, samples, step)]
    means = np.concatenate([statistic(random.integers(0, n, size=(size, n))) for size in sizes])
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be above 0 and below 1, got {confidence}.")
