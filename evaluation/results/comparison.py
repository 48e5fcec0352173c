"""Comparison of two systems on the same questions: differences, significance, and a gate.

The first system of a run is its baseline. Where questions share documents, documents are the unit
of interval and tests; Holm's adjustment is over all comparisons of a table.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluation.metrics.intervals import bootstrap_difference, cluster_bootstrap
from evaluation.metrics.significance import (
    Outcome,
    cluster_t_test,
    holm,
    mcnemar_exact,
    minimal_detectable_difference,
    paired_t_test,
    randomization_test,
    wins_ties_losses,
)
from evaluation.results.conventions import SIGNIFICANCE_LEVEL
from evaluation.results.schema import Results, SystemResult
from evaluation.results.summaries import Comparison
from rag.errors import DatasetError

DRAWS = 20_000_000  # random signs of a comparison, at most
MOST_SAMPLES, FEWEST_SAMPLES = 100_000, 2_000


def compare_systems(
    systems: Sequence[SystemResult], metrics: Sequence[str], *, seed: int
) -> tuple[Comparison, ...]:
    """Return the comparison of every pair of systems, the later minus the earlier.

    Args:
        systems: Systems evaluated on the same questions.
        metrics: Metrics to compare; those that apply to fewer than two questions are left out.
        seed: Random seed of bootstrap and randomisation.
    """
    pairs = [(b, a) for place, b in enumerate(systems) for a in systems[place + 1 :]]
    found = [
        each
        for metric in metrics
        for b, a in pairs
        if (each := _compare(metric, a, b, seed)) is not None
    ]
    return adjust(found)


def adjust(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return comparisons with Holm's adjustment over all of them."""
    adjusted = holm([each.p for each in comparisons])
    return tuple(replace(each, p_holm=p) for each, p in zip(comparisons, adjusted, strict=True))


def check_comparable(a: Results, b: Results) -> None:
    """Check that two runs have the same questions and judgements.

    Raises:
        DatasetError: If they differ; says in which of the two.
    """
    for name, key in (("questions", "questions_sha256"), ("judgements", "qrels_sha256")):
        one, other = getattr(a.dataset, key), getattr(b.dataset, key)
        if one != other:
            raise DatasetError(
                f"the runs have different {name}: `{a.dataset.name}` ({a.dataset.questions:,} "
                f"questions, {one[:12]}) and `{b.dataset.name}` ({b.dataset.questions:,} "
                f"questions, {other[:12]}). Evaluate both on the same set, with the same --limit "
                "and --seed."
            )


def compare_runs(a: Results, b: Results) -> tuple[Comparison, ...]:
    """Return the comparison of run A with run B: shared systems, or the first of each.

    Raises:
        DatasetError: If the runs have different questions or judgements.
    """
    check_comparable(a, b)
    pairs = paired_systems(a, b)
    metrics = shared_metrics(a, b)
    found = []
    for metric in metrics:
        for one, other in pairs:
            names = (f"{one.name} (A)", f"{other.name} (B)")
            made = _compare(metric, one, other, a.seed)
            if made is not None:
                found.append(replace(made, a=names[0], b=names[1]))
    return adjust(found)


def paired_systems(a: Results, b: Results) -> list[tuple[SystemResult, SystemResult]]:
    """Return the pairs of systems that both runs share, or the pair of their first ones."""
    ours = {system.name: system for system in a.systems}
    pairs = [(ours[other.name], other) for other in b.systems if other.name in ours]
    return pairs or [(a.systems[0], b.systems[0])]


def shared_metrics(a: Results, b: Results) -> list[str]:
    """Return the main metrics of both runs, in the order of A."""
    return [name for name in a.main_metrics if name in b.main_metrics]


def _compare(metric: str, a: SystemResult, b: SystemResult, seed: int) -> Comparison | None:
    """Return a comparison before Holm's adjustment; None with fewer than two shared questions.

    A question without a value under either system is left out: citation precision applies only to
    answered questions.
    """
    values_b = {each.question_id: each.metrics for each in b.queries}
    rows = [
        (each.metrics[metric], values_b[each.question_id][metric], each.cluster)
        for each in a.queries
        if metric in each.metrics and metric in values_b.get(each.question_id, {})
    ]
    if len(rows) < 2:
        return None
    ours, theirs = [row[0] for row in rows], [row[1] for row in rows]
    return compare_values(metric, (a.name, b.name), (ours, theirs, [row[2] for row in rows]), seed)


def compare_values(
    metric: str,
    names: tuple[str, str],
    values: tuple[list[float], list[float], list[str]],
    seed: int,
) -> Comparison:
    """Return the comparison of system A with system B, before Holm's adjustment.

    Args:
        metric: Name of the metric.
        names: Names of A and of B.
        values: Values of A per question, those of B, and the cluster of each question.
        seed: Random seed of bootstrap and randomisation.
    """
    ours, theirs, clusters = values
    n, units = len(ours), len(set(clusters))
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    shares = 1 < units < n
    if shares:
        differences_by_unit, sums = _by_unit(differences, clusters)
        test = cluster_t_test(ours, theirs, clusters)[0]
        low, high = cluster_bootstrap(differences, clusters, seed=seed)
    else:
        differences_by_unit = sums = differences
        test = paired_t_test(ours, theirs)
        low, high = bootstrap_difference(ours, theirs, seed=seed)
    chance = _randomization(sums, seed)
    deviation = statistics.stdev(differences_by_unit)
    is_binary = set(ours) | set(theirs) <= {0.0, 1.0}
    right = [[value == 1.0 for value in each] for each in (ours, theirs)]
    outcome = wins_ties_losses(ours, theirs)
    return Comparison(
        metric=metric,
        a=names[0],
        b=names[1],
        difference=math.fsum(differences) / n,
        low=low,
        high=high,
        interval="cluster bootstrap" if shares else "bootstrap",
        n=n,
        clusters=len(differences_by_unit),
        t_p=test.p_value,
        randomization_p=chance.p_value,
        mcnemar_p=mcnemar_exact(*right).p_value if is_binary else None,
        p=test.p_value,
        p_holm=test.p_value,
        wins=outcome.wins,
        ties=outcome.ties,
        losses=outcome.losses,
        detectable=minimal_detectable_difference(deviation, len(differences_by_unit))
        if deviation > 0
        else None,
    )


def _by_unit(
    differences: Sequence[float], clusters: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Return each document's mean difference (for the t test) and its sum (for sign flips)."""
    units: dict[str, list[float]] = {}
    for value, cluster in zip(differences, clusters, strict=True):
        units.setdefault(cluster, []).append(value)
    sums = [math.fsum(values) for values in units.values()]
    return [total / len(units[name]) for name, total in zip(units, sums, strict=True)], sums


def _randomization(differences: Sequence[float], seed: int) -> Outcome:
    changed = max(1, sum(value != 0 for value in differences))
    samples = min(MOST_SAMPLES, max(FEWEST_SAMPLES, DRAWS // changed))
    zeros = [0.0] * len(differences)
    return randomization_test(differences, zeros, samples=samples, seed=seed)


def gate(
    run: Results,
    baseline: Results | None,
    floors: Mapping[str, float],
    *,
    level: float = SIGNIFICANCE_LEVEL,
) -> list[str]:
    """Return the violated rules of a gate, one line each; empty if the run passes.

    Rules: a metric of `floors` is at least its value, in every system of the run; no main metric
    is significantly lower than in the baseline run (the difference's interval lies below 0, and
    p after Holm is below `level`); no more questions ended in an error.

    Args:
        run: The run to judge.
        baseline: The run it is compared against, or None.
        floors: Metric, or `SYSTEM:metric` -> lowest value.
        level: Significance level.

    Raises:
        DatasetError: If a metric is unknown, or the runs are not comparable.
    """
    broken = _below_floors(run, floors)
    if baseline is None:
        return broken
    for each in compare_runs(run, baseline):
        if each.high < 0 and each.p_holm < level:
            broken.append(
                f"{each.a}: {each.metric} fell by {-each.difference:.4f} (95 % interval "
                f"{each.low:+.4f} to {each.high:+.4f}, p {each.p_holm:.2g} after Holm, n {each.n})"
            )
    before = {system.name: len(system.errors) for system in baseline.systems}
    for system in run.systems:
        if len(system.errors) > before.get(system.name, len(system.errors)):
            broken.append(
                f"{system.name}: {len(system.errors)} questions ended in an error; "
                f"{before[system.name]} in the baseline"
            )
    return broken


def _below_floors(run: Results, floors: Mapping[str, float]) -> list[str]:
    broken = []
    for rule, least in floors.items():
        name, colon, metric = rule.rpartition(":")
        systems = [system for system in run.systems if not colon or system.name == name]
        if not systems:
            have = ", ".join(system.name for system in run.systems)
            raise DatasetError(f"--fail-under: there is no system `{name}` in the run ({have}).")
        for system in systems:
            if metric not in system.metrics:
                have = ", ".join(system.metrics)
                raise DatasetError(f"--fail-under: there is no metric `{metric}` ({have}).")
            mean = system.metrics[metric]
            if mean.value < least:
                broken.append(
                    f"{system.name}: {metric} is {mean.value:.4f}, below {least:g} (n {mean.n})"
                )
    return broken
