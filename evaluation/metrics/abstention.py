r"""Whether a system knows when not to answer: abstention, risk against coverage, and calibration.

Coverage is the share of questions that is answered, risk the share of wrong ones among these.
`confidence` is the system's own, higher is surer; `right` says whether the answer it would give is
right (for a question without an answer: never). Nothing here chooses a threshold on test data.
Values are from 0 to 1, never percentages; orders of equal confidences never matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AbstentionScores:
    """How well abstaining fits the questions that have no answer.

    Attributes:
        precision: Share of the abstentions that were called for; 0 if there is none.
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
    """Answering all questions of at least `threshold` confidence gives this coverage and risk."""

    threshold: float
    coverage: float
    risk: float


def abstention_scores(abstained: Sequence[bool], answerable: Sequence[bool]) -> AbstentionScores:
    """Precision, recall and F1 of abstaining, unanswerable questions being the ones to find.

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
    r"""Coverage and risk at every confidence threshold that makes a difference.

    Args:
        confidence: For each question, finite; any scale, higher is surer.
        right: For each question, whether its answer is right; same length.

    Returns:
        One point for each distinct confidence, by rising coverage; the last has coverage 1 and
        the risk of always answering. The point of coverage 0, where risk has no value, is absent.

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
    r"""Area under the risk-coverage curve: the mean risk of answering the surest 1, 2, ... n.

    $$\mathrm{AURC} = \frac{1}{n} \sum_{i=1}^{n} \mathrm{risk}(i / n)$$

    Among equal confidences the expectation over all their orders is taken.

    Arguments and errors are those of `risk_coverage_curve`.

    Returns:
        A number from 0 to 1, lower is better. 0 if nothing is wrong; the error rate for a
        confidence that is the same everywhere.

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


def coverage_at_risk(confidence: Sequence[float], right: Sequence[bool], risk: float) -> float:
    """The largest coverage that a threshold reaches with at most the given risk.

    Args:
        confidence: As for `risk_coverage_curve`.
        right: As for `risk_coverage_curve`.
        risk: Highest acceptable share of wrong answers among those given, from 0 to 1.

    Returns:
        A number from 0 to 1; 0 if every threshold is riskier.

    Raises:
        ValueError: As `risk_coverage_curve`, or if `risk` is outside 0 to 1.

    Example:
        The surest three of four have one error, 1/3; all four have two.

        >>> coverage_at_risk([0.9, 0.8, 0.7, 0.1], [True, True, False, False], 0.4)
        0.75

    Reference:
        Geifman and El-Yaniv (2017), NeurIPS; C@Acc in Kamath et al. (2020), ACL.
    """
    if not 0 <= risk <= 1:
        raise ValueError(f"`risk` must be from 0 to 1, got {risk}.")
    points = risk_coverage_curve(confidence, right)
    return max((point.coverage for point in points if point.risk <= risk), default=0.0)


def expected_calibration_error(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10
) -> float:
    r"""Mean distance of confidence and accuracy over bins of equal width, weighted by their size.

    $$\mathrm{ECE} = \sum_{b} \frac{n_b}{n} \left| \mathrm{acc}(b) - \mathrm{conf}(b) \right|$$

    Args:
        confidence: For each question, the probability of being right, from 0 to 1.
        right: For each question, whether its answer is right; same length.
        bins: Number of bins, at least 1. Bin b holds the confidences above (b - 1)/bins up to and
            with b/bins; the first holds 0 as well.

    Returns:
        A number from 0 to 1, lower is better. It depends on `bins`, so a report has to name it.

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
    probabilities = _probabilities(confidence, right)
    index = np.searchsorted(np.arange(1, bins) / bins, probabilities, side="left")
    gaps = np.bincount(index, weights=np.asarray(right, dtype=float) - probabilities)
    return float(np.abs(gaps).sum() / len(probabilities))


def brier_score(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Mean squared distance of the confidence from 1 where right and from 0 where wrong.

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
    """Distinct confidences, highest first, with their numbers of questions and of errors."""
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
