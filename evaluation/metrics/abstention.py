r"""Metrics of selective answering: abstention, risk and coverage, and calibration.

Coverage is the share of questions that are answered, risk the share of wrong answers among them.
`confidence` is the system's own, higher is surer; `right` says whether the answer it would give is
right (never for a question without an answer). Nothing here chooses a threshold on test data.
Values are from 0 to 1, never percentages; the order of equal confidences never matters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AbstentionScores:
    """Precision, recall and F1 of abstaining on unanswerable questions.

    Attributes:
        precision: Share of the abstentions that are on unanswerable questions; 0 if there is none.
        recall: Share of the unanswerable questions that were declined; 0 if there is none.
        f1: Harmonic mean of the two; 0 if both are 0.
        abstained: Number of abstentions, the denominator of precision.
        unanswerable: Number of questions without an answer, the denominator of recall.
        n: Number of questions.
    """

    precision: float
    recall: float
    f1: float
    abstained: int
    unanswerable: int
    n: int


@dataclass(frozen=True)
class RiskPoint:
    """Coverage and risk of answering the questions whose confidence is at least `threshold`."""

    threshold: float
    coverage: float
    risk: float


@dataclass(frozen=True)
class CalibrationBin:
    """The questions of one bin of confidence: mean confidence, share that is right, and number."""

    confidence: float
    right: float
    n: int


def abstention_scores(abstained: Sequence[bool], answerable: Sequence[bool]) -> AbstentionScores:
    """Return precision, recall and F1 of abstaining; unanswerable questions are the positive class.

    Args:
        abstained: For each question, whether the system declined.
        answerable: For each question, whether it has an answer; same length.

    Returns:
        Scores from 0 to 1 with their denominators.

    Raises:
        ValueError: If the lengths differ or are 0.

    Example:
        Two declined, one of them rightly; one of one unanswerable found.

        >>> scores = abstention_scores([True, True, False], [False, True, True])
        >>> scores.precision, scores.recall, round(scores.f1, 4)
        (0.5, 1.0, 0.6667)

    Reference:
        SQuAD 2.0, Rajpurkar et al. (2018), ACL; RGB's negative rejection is `recall`.
    """
    _check_lengths(abstained, answerable)
    declined, unanswerable = sum(abstained), sum(not flag for flag in answerable)
    both = sum(a and not b for a, b in zip(abstained, answerable, strict=True))
    return AbstentionScores(
        precision=both / declined if declined else 0.0,
        recall=both / unanswerable if unanswerable else 0.0,
        f1=2 * both / (declined + unanswerable) if both else 0.0,
        abstained=declined,
        unanswerable=unanswerable,
        n=len(answerable),
    )


def risk_coverage_curve(confidence: Sequence[float], right: Sequence[bool]) -> list[RiskPoint]:
    r"""Return coverage and risk at every distinct confidence threshold.

    Args:
        confidence: For each question, finite; any scale, higher is surer.
        right: For each question, whether its answer is right; same length.

    Returns:
        One point per distinct confidence, by increasing coverage; the last has coverage 1 and
        the risk of always answering. The point of coverage 0, where risk is undefined, is absent.

    Raises:
        ValueError: If the lengths differ or are 0, or a confidence is not finite.

    Example:
        >>> for point in risk_coverage_curve([0.9, 0.8, 0.8, 0.1], [True, True, False, False]):
        ...     print(f"{point.threshold} {point.coverage} {point.risk:.4f}")
        0.9 0.25 0.0000
        0.8 0.75 0.3333
        0.1 1.0 0.5000

    Reference:
        El-Yaniv and Wiener (2010), JMLR 11; Geifman and El-Yaniv (2017), NeurIPS.
    """
    levels, sizes, errors = _groups(confidence, right)
    answered, wrong = np.cumsum(sizes), np.cumsum(errors)
    return [
        RiskPoint(float(level), float(count / len(right)), float(errors_so_far / count))
        for level, count, errors_so_far in zip(levels, answered, wrong, strict=True)
    ]


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    r"""Return the area under the risk-coverage curve: the mean risk of the surest 1, 2, ... n.

    $$\mathrm{AURC} = \frac{1}{n} \sum_{i=1}^{n} \mathrm{risk}(i / n)$$

    Equal confidences contribute their expectation over all orders.

    Arguments and errors are those of `risk_coverage_curve`.

    Returns:
        A number from 0 to 1, lower is better. 0 if nothing is wrong; the error rate for a
        constant confidence.

    Example:
        Risks 0/1, 0/2 and 1/3.

        >>> round(aurc([0.9, 0.8, 0.1], [True, True, False]), 4)
        0.1111

    Reference:
        Geifman, Uziel and El-Yaniv (2019), ICLR.
    """
    _, sizes, errors = _groups(confidence, right)
    expected = np.cumsum(np.repeat(errors / sizes, sizes))
    return float(np.mean(expected / np.arange(1, len(expected) + 1)))


def expected_calibration_error(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10
) -> float:
    r"""Return the mean gap of confidence and accuracy over bins of equal width, weighted by size.

    $$\mathrm{ECE} = \sum_{b} \frac{n_b}{n} \left| \mathrm{acc}(b) - \mathrm{conf}(b) \right|$$

    Args:
        confidence: For each question, the probability of being right, from 0 to 1.
        right: For each question, whether its answer is right; same length.
        bins: Number of bins, at least 1. Bin b holds the confidences above (b - 1)/bins up to and
            with b/bins; the first holds 0 as well.

    Returns:
        A number from 0 to 1, lower is better. It depends on `bins`, which a report must state.

    Raises:
        ValueError: If the lengths differ or are 0, a confidence is outside 0 to 1, or `bins` < 1.

    Example:
        One full bin, three of four right at .95: |.75 - .95|.

        >>> round(expected_calibration_error([0.95] * 4, [True, True, True, False]), 4)
        0.2

    Reference:
        Guo et al. (2017), ICML, equation 3.
    """
    if bins < 1:
        raise ValueError(f"`bins` must be at least 1, got {bins}.")
    found = calibration_bins(confidence, right, bins=bins)
    return math.fsum(each.n * abs(each.right - each.confidence) for each in found) / len(right)


def calibration_bins(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10
) -> list[CalibrationBin]:
    """Return the bins of a reliability diagram, of rising confidence, without the empty ones.

    Arguments and errors are those of `expected_calibration_error`.

    Example:
        >>> bins = calibration_bins([0.75, 0.75, 0.25], [True, False, False], bins=2)
        >>> [(each.confidence, each.right, each.n) for each in bins]
        [(0.25, 0.0, 1), (0.75, 0.5, 2)]
    """
    if bins < 1:
        raise ValueError(f"`bins` must be at least 1, got {bins}.")
    values, correct = _probabilities(confidence, right), np.asarray(right, dtype=float)
    index = np.searchsorted(np.arange(1, bins) / bins, values, side="left")
    return [
        CalibrationBin(float(values[those].mean()), float(correct[those].mean()), int(those.sum()))
        for those in (index == place for place in np.unique(index))
    ]


def brier_score(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Return the mean squared distance of the confidence from 1 where right and from 0 where wrong.

    Arguments and errors are those of `expected_calibration_error`, without bins.

    Returns:
        A number from 0 to 1, lower is better; .25 for a confidence of .5 everywhere.

    Example:
        (.1^2 + .6^2) / 2.

        >>> round(brier_score([0.9, 0.6], [True, False]), 4)
        0.185

    Reference:
        Brier (1950), Monthly Weather Review 78(1), in the form for two classes.
    """
    probabilities = _probabilities(confidence, right)
    return float(np.mean((probabilities - np.asarray(right, dtype=float)) ** 2))


def _groups(
    confidence: Sequence[float], right: Sequence[bool]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Return the distinct confidences, highest first, with question and error counts."""
    values = _finite(confidence, right)
    levels, place, sizes = np.unique(-values, return_inverse=True, return_counts=True)
    errors = np.bincount(place, weights=1.0 - np.asarray(right, dtype=float))
    return -levels, sizes, errors.astype(np.float64)


def _probabilities(confidence: Sequence[float], right: Sequence[bool]) -> NDArray[np.float64]:
    values = _finite(confidence, right)
    if values.min() < 0 or values.max() > 1:
        raise ValueError("`confidence` must be from 0 to 1; a score is no probability.")
    return values


def _finite(confidence: Sequence[float], right: Sequence[bool]) -> NDArray[np.float64]:
    _check_lengths(confidence, right)
    values = np.asarray(confidence, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("`confidence` must be finite; give a question without one the lowest.")
    return values


def _check_lengths(one: Sequence[object], other: Sequence[object]) -> None:
    if len(one) != len(other) or len(one) == 0:
        raise ValueError(
            f"one value a question is needed on both sides, got {len(one)} and {len(other)}."
        )
