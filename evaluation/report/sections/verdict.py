"""Section 1: the outcome in one sentence per metric, and one light per check."""

from collections.abc import Mapping

from evaluation.report import baseline, numbers
from evaluation.report.layout import Block, Light, Lights, Line
from evaluation.report.self_test import Check
from evaluation.report.words import Words, joined, say
from evaluation.results.schema import Results, SystemResult

ENOUGH_JUDGED = 0.95


def verdict(
    results: Results, checks: tuple[Check, ...], thresholds: Mapping[str, float]
) -> tuple[Block, ...]:
    """Return the section's blocks."""
    metrics = baseline.shown_metrics(results)
    if not metrics:
        return (Line(say("missing.metrics"), "missing"),)
    lines = [Line(sentence(results, metrics[0]), "verdict")]
    lines += [Line(sentence(results, metric)) for metric in _further(metrics)]
    lights = [
        *_floors(results, thresholds),
        *(_against(results, system) for system in baseline.challengers(results)),
        *_checks(results, checks),
    ]
    return (*lines, Lights(tuple(lights)))


def sentence(results: Results, metric: str) -> Words:
    """Return the best system on a metric, and whether it differs from the baseline, in words."""
    best, first = baseline.best_system(results, metric), baseline.baseline(results)
    mean = best.metrics[metric]
    facts = {
        "system": best.name,
        "baseline": first.name,
        "metric": metric,
        "value": numbers.fixed(mean.value),
        "interval": numbers.interval(mean.low, mean.high),
        "n": numbers.count(mean.n),
    }
    if len(results.systems) == 1:
        return say("verdict.alone", **facts)
    if best is first:
        return say("verdict.baseline", **facts)
    comparison = baseline.against_baseline(results, best.name, metric)
    if comparison is None:
        return say("verdict.uncompared", **facts)
    key = "verdict.better" if baseline.is_significant(comparison) else "verdict.level"
    return say(
        key,
        **facts,
        difference=numbers.signed(comparison.difference),
        range=numbers.interval(comparison.low, comparison.high, sign=True),
        p=numbers.equals("p", numbers.p_value(comparison.p_holm)),
    )


def _further(metrics: list[str]) -> list[str]:
    """Return the first answer metric, if the verdict is about retrieval."""
    answers = [metric for metric in metrics[1:] if metric.startswith(("F1", "EM"))]
    return answers[:1]


def _floors(results: Results, thresholds: Mapping[str, float]) -> list[Light]:
    if not thresholds:
        return [Light("fair", say("light.thresholds"), say("light.no_thresholds"))]
    lights = []
    for rule, floor in thresholds.items():
        name, colon, metric = rule.rpartition(":")
        for system in results.systems:
            if colon and system.name != name:
                continue
            mean = system.metrics.get(metric)
            reached = mean is not None and mean.value >= floor
            said = say(
                "light.floor",
                value=numbers.fixed(mean.value) if mean else "–",
                floor=numbers.fixed(floor),
                n=numbers.count(mean.n if mean else 0),
            )
            lights.append(Light("good" if reached else "bad", f"{system.name}: {metric}", said))
    return lights


def _against(results: Results, system: SystemResult) -> Light:
    found = [baseline.against_baseline(results, system.name, m) for m in results.main_metrics]
    known = [item for item in found if item is not None]
    clear = [item for item in known if baseline.is_significant(item)]
    better = [item.metric for item in clear if item.difference > 0]
    worse = [item.metric for item in clear if item.difference < 0]
    parts: list[str | Words] = []
    if better:
        parts.append(say("light.better", metrics=joined(list(better))))
    if worse:
        parts.append(say("light.worse", metrics=joined(list(worse))))
    if not parts:
        parts.append(say("light.level", n=len(known)))
    name = say("light.against", system=system.name, baseline=baseline.baseline(results).name)
    if worse:
        return Light("bad", name, joined(parts, "; "))
    return Light("good" if better else "fair", name, joined(parts, "; "))


def _checks(results: Results, checks: tuple[Check, ...]) -> list[Light]:
    passed = sum(check.passed for check in checks)
    asked = results.dataset.questions * len(results.systems)
    failed = sum(len(system.errors) for system in results.systems)
    silent = sum(system.unanswered for system in results.systems)
    lights = [
        Light(
            "good" if passed == len(checks) else "bad",
            say("light.self_test"),
            say("light.self_test_passed", passed=passed, total=len(checks)),
        ),
        Light(
            "bad" if failed else "good",
            say("light.errors"),
            say("light.of_asked", share=numbers.share(failed, asked)),
        ),
        Light(
            "fair" if silent else "good",
            say("light.unanswered"),
            say("light.of_asked", share=numbers.share(silent, asked)),
        ),
    ]
    return lights + _judged(results)


def _judged(results: Results) -> list[Light]:
    """Return the check of judged@10: unjudged documents make the other metrics too low."""
    values = [s.metrics["judged@10"] for s in results.systems if "judged@10" in s.metrics]
    if not values or results.dataset.matching == "spans":
        return []
    lowest = min(values, key=lambda mean: mean.value)
    return [
        Light(
            "good" if lowest.value >= ENOUGH_JUDGED else "fair",
            say("light.judged"),
            say("light.judged_at", value=numbers.fixed(lowest.value), n=numbers.count(lowest.n)),
        )
    ]
