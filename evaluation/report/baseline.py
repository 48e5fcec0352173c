"""Lookups in the results that several sections share: baseline, comparisons, letters."""

from string import ascii_lowercase

from evaluation.results.conventions import SIGNIFICANCE_LEVEL
from evaluation.results.schema import Comparison, Results, SystemResult


def baseline(results: Results) -> SystemResult:
    """Return the baseline: the first system."""
    return results.systems[0]


def challengers(results: Results) -> tuple[SystemResult, ...]:
    """Return all systems but the baseline."""
    return results.systems[1:]


def against_baseline(results: Results, system: str, metric: str) -> Comparison | None:
    """Return the comparison of a system with the baseline on a metric; None if there is none."""
    first = baseline(results).name
    for item in results.comparisons:
        if (item.metric, item.a, item.b) == (metric, system, first):
            return item
    return None


def is_significant(comparison: Comparison) -> bool:
    """Return whether the adjusted p-value is below the level."""
    return comparison.p_holm < SIGNIFICANCE_LEVEL


def letter(results: Results, system: str) -> str:
    """Return the letter of a system in the main table: a is the baseline, then b, c, ..."""
    place = [item.name for item in results.systems].index(system)
    return ascii_lowercase[place] if place < len(ascii_lowercase) else str(place + 1)


def letters(results: Results, system: str, metric: str) -> str:
    """Return the letters of the systems that are significantly worse than this one on a metric."""
    worse = []
    for item in results.comparisons:
        if item.metric == metric and is_significant(item) and item.difference:
            better, other = (item.a, item.b) if item.difference > 0 else (item.b, item.a)
            if better == system:
                worse.append(letter(results, other))
    return "".join(sorted(worse))


def shown_metrics(results: Results) -> list[str]:
    """Return the main metrics that at least one system has."""
    return [m for m in results.main_metrics if any(m in s.metrics for s in results.systems)]


def other_metrics(results: Results) -> list[str]:
    """Return the metrics that are not main ones, in the order of the systems."""
    names = (name for system in results.systems for name in system.metrics)
    return [name for name in dict.fromkeys(names) if name not in results.main_metrics]


def best_system(results: Results, metric: str) -> SystemResult:
    """Return the system with the highest mean of a metric; the earlier one of two equal ones."""
    having = [system for system in results.systems if metric in system.metrics]
    return max(having, key=lambda system: system.metrics[metric].value)
