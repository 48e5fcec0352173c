"""Aggregation over questions: means with intervals, slices, funnel, confidence, timings."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.metrics.abstention import (
    abstention_scores,
    aurc,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    risk_coverage_curve,
)
from evaluation.metrics.intervals import bootstrap_mean, cluster_bootstrap, wilson_interval
from evaluation.metrics.retrieval import recall_at_k, success_at_k
from evaluation.results.records import QueryResult
from evaluation.results.summaries import (
    Confidence,
    FunnelStage,
    MetricMean,
    RelevanceCalibration,
    SliceMeans,
    StageTiming,
)
from evaluation.run.question_run import FinishedQuestion, SystemUnderTest
from evaluation.run.scoring import CURVE

SAMPLES = 10_000  # bootstrap resamples of a mean in the main table
SLICE_SAMPLES = 1_000  # and of the mean of a slice
MOST_TYPES = 8  # values of a slice; the rarer ones are joined
CURVE_POINTS = 100  # of a risk-coverage curve


def mean_of(
    values: Sequence[float], clusters: Sequence[str], *, seed: int, samples: int = SAMPLES
) -> MetricMean:
    """Return a mean with its 95 % interval.

    Args:
        values: One value per question, at least one.
        clusters: Cluster of each question.
        seed: Random seed of the resamples.
        samples: Number of resamples.

    Returns:
        The mean, with Wilson's interval if questions share nothing and all values are 0 or 1;
        else a percentile bootstrap over questions, or over clusters where questions share them.

    Example:
        >>> mean_of([1.0, 0.0], ["a", "b"], seed=0).interval
        'wilson'
    """
    n = len(values)
    value = math.fsum(values) / n
    if 1 < len(set(clusters)) < n:
        low, high = cluster_bootstrap(values, clusters, samples=samples, seed=seed)
        kind = "cluster bootstrap"
    elif set(values) <= {0.0, 1.0}:
        low, high = wilson_interval(round(math.fsum(values)), n)
        kind = "wilson"
    else:
        low, high = bootstrap_mean(values, samples=samples, seed=seed)
        kind = "bootstrap"
    return MetricMean(value, n, low, high, kind)


def metric_means(
    results: Sequence[QueryResult],
    *,
    seed: int,
    only: Sequence[str] | None = None,
    samples: int = SAMPLES,
) -> dict[str, MetricMean]:
    """Return metric -> mean over the applicable questions, in order of first appearance."""
    names = dict.fromkeys(name for result in results for name in result.metrics)
    found = {}
    for name in names if only is None else [name for name in only if name in names]:
        those = [result for result in results if name in result.metrics]
        found[name] = mean_of(
            [each.metrics[name] for each in those],
            [each.cluster for each in those],
            seed=seed,
            samples=samples,
        )
    return found


def slice_means(
    results: Sequence[QueryResult], *, seed: int, only: Sequence[str]
) -> tuple[SliceMeans, ...]:
    """Return the means of every proper slice; rare values are joined as `other`."""
    return tuple(
        SliceMeans(
            name,
            value,
            len(those),
            metric_means(those, seed=seed, only=only, samples=SLICE_SAMPLES),
        )
        for name, value, those in slice_parts(results)
    )


def slice_parts(results: Sequence[QueryResult]) -> list[tuple[str, str, list[QueryResult]]]:
    """Return (slice, value, questions) of every proper slice."""
    found = []
    for name in dict.fromkeys(name for result in results for name in result.slices):
        values = Counter(result.slices[name] for result in results if name in result.slices)
        kept = [value for value, _ in values.most_common(MOST_TYPES) if value != "other"]
        parts: dict[str, list[QueryResult]] = {value: [] for value in kept}
        for result in results:
            if name in result.slices:
                value = result.slices[name]
                parts.setdefault(value if value in kept else "other", []).append(result)
        if len(parts) > 1:
            found += [(name, value, those) for value, those in sorted(parts.items())]
    return found


def curves(
    asked: Sequence[FinishedQuestion], grades: Sequence[Mapping[str, int]]
) -> tuple[list[float], ...]:
    """Return mean recall@k and mean success@k, k = 1 to 10; empty if no question is judged."""
    judged = [
        ([item.item for item in each.ranking], grade)
        for each, grade in zip(asked, grades, strict=True)
        if grade
    ]
    if not judged:
        return [], []
    return tuple(
        [math.fsum(metric(items, grade, k) for items, grade in judged) / len(judged) for k in CURVE]
        for metric in (recall_at_k, success_at_k)
    )


def funnel(results: Sequence[QueryResult], under_test: SystemUnderTest) -> tuple[FunnelStage, ...]:
    """Return the number of answerable, judged questions that passed each stage and all before.

    Returns:
        Every stage, in order; nothing if no question is answerable and judged.
    """
    those = [each for each in results if each.answerable and _is_judged(each)]
    if not those:
        return ()
    order = {name: place for place, name in enumerate(under_test.stages, start=1)}
    reached = [order.get(each.reached, 0) for each in those]
    return tuple(
        FunnelStage(name, sum(place >= number for place in reached), len(those))
        for name, number in order.items()
    )


def confidence_of(results: Sequence[QueryResult], under_test: SystemUnderTest) -> Confidence | None:
    """Return calibration and abstention of a system; None in a run without answers."""
    those = [each for each in results if each.confidence is not None and each.right is not None]
    if not those or not under_test.answers:
        return None
    values = [each.confidence or 0.0 for each in those]
    right = [bool(each.right) for each in those]
    points = risk_coverage_curve(values, right)
    step = max(1, math.ceil(len(points) / CURVE_POINTS))
    kept = [*points[::-1][::step]][::-1]  # the last one, full coverage, is always among them
    declined = abstention_scores(
        [bool(each.abstained) for each in those], [each.answerable for each in those]
    )
    return Confidence(
        ece=expected_calibration_error(values, right),
        brier=brier_score(values, right),
        aurc=aurc(values, right),
        error_rate=1 - sum(right) / len(right),
        curve=tuple((point.threshold, point.coverage, point.risk) for point in kept),
        threshold=under_test.system.config.abstention.threshold,
        abstention_precision=declined.precision,
        abstention_recall=declined.recall,
        abstained=declined.abstained,
        unanswerable=declined.unanswerable,
        n=declined.n,
    )


def relevance_calibration(results: Sequence[QueryResult]) -> RelevanceCalibration | None:
    """Return how well relevance fits the judgements of the first ranks; None if nothing is judged.

    A passage counts once for a question, also if it finds several pieces of evidence.
    """
    found = [
        each
        for result in results
        if _is_judged(result)
        for each in {item.passage_id: item for item in reversed(result.ranking)}.values()
        if each.relevance is not None
    ]
    if not found:
        return None
    values = [each.relevance or 0.0 for each in found]
    right = [(each.grade or 0) > 0 for each in found]
    return RelevanceCalibration(
        bins=tuple(
            (each.confidence, each.right, each.n) for each in calibration_bins(values, right)
        ),
        ece=expected_calibration_error(values, right),
        brier=brier_score(values, right),
        mean=math.fsum(values) / len(values),
        relevant=sum(right) / len(right),
        passages=len(found),
    )


def stage_timings(asked: Sequence[FinishedQuestion]) -> dict[str, StageTiming]:
    """Return stage -> milliseconds over the questions that passed through it."""
    found = {}
    for stage in dict.fromkeys(name for each in asked for name in each.ms):
        values = [each.ms[stage] for each in asked if stage in each.ms]
        p50, p95 = np.percentile(values, [50, 95]).tolist()
        mean = math.fsum(values) / len(values)
        found[stage] = StageTiming(round(p50, 3), round(p95, 3), round(mean, 3), len(values))
    return found


def _is_judged(result: QueryResult) -> bool:
    return "recall@1" in result.metrics
