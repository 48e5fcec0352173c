"""The comparison of two runs as a page: verdict, what was compared, tables, losses and gains."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from evaluation.report import baseline, numbers
from evaluation.report.comparison.changes import gains, losses
from evaluation.report.comparison.slices import slices
from evaluation.report.layout import (
    Block,
    Cell,
    Facts,
    Light,
    Lights,
    Line,
    Page,
    ReportSection,
    Table,
    Text,
)
from evaluation.report.sections.limits import checksum, command_line
from evaluation.report.sections.scores import comparison_table, mean_cell
from evaluation.report.words import Words, joined, say
from evaluation.results.comparison import paired_systems, shared_metrics
from evaluation.results.schema import Comparison, Results, SystemResult, Timings

Pairs = Sequence[tuple[SystemResult, SystemResult]]


def build_difference(
    a: Results, b: Results, comparisons: Sequence[Comparison], names: tuple[str, str]
) -> Page:
    """Return the page of the comparison.

    Args:
        a: The run to compare.
        b: The run it is compared against, on the same questions.
        comparisons: Return value of `compare_runs`.
        names: Folders of both runs.
    """
    pairs, metrics = paired_systems(a, b), shared_metrics(a, b)
    parts: tuple[tuple[Words, tuple[Block, ...]], ...] = (
        (say("title.verdict"), _verdict(a, b, comparisons)),
        (say("difference.what"), _what(a, b, names, pairs)),
        (say("difference.all"), _all(comparisons, pairs, metrics)),
        (say("difference.slices"), slices(pairs, metrics, a.seed)),
        (say("difference.losses"), losses(pairs, metrics)),
        (say("difference.gains"), gains(pairs, metrics)),
    )
    about = say(
        "difference.about",
        n=numbers.count(a.dataset.questions),
        documents=numbers.count(a.dataset.documents),
        a=names[0],
        b=names[1],
    )
    sections = tuple(
        ReportSection(number, title, blocks)
        for number, (title, blocks) in enumerate(parts, start=1)
    )
    return Page(say("difference.title"), a.dataset.name, about, sections)


def _verdict(a: Results, b: Results, comparisons: Sequence[Comparison]) -> tuple[Block, ...]:
    by_pair: dict[tuple[str, str], list[Comparison]] = {}
    for item in comparisons:
        by_pair.setdefault((item.a, item.b), []).append(item)
    if not by_pair:
        return (Line(say("difference.nothing"), "missing"),)
    pairs = {(f"{x.name} (A)", f"{y.name} (B)"): (x, y) for x, y in paired_systems(a, b)}
    lines = [line for pair, found in by_pair.items() for line in _lines(found, *pairs[pair])]
    lights = [_light(found) for found in by_pair.values()]
    failed = [sum(len(system.errors) for system in run.systems) for run in (a, b)]
    counts = {"a": numbers.count(failed[0]), "b": numbers.count(failed[1])}
    lights += [
        Light(
            "bad" if failed[0] > failed[1] else "fair" if failed[0] else "good",
            say("light.errors"),
            say("difference.errors", **counts),
        ),
        Light("good", say("difference.same"), say("difference.same_sha")),
    ]
    return (*lines, Lights(tuple(lights)))


def _lines(found: Sequence[Comparison], one: SystemResult, other: SystemResult) -> list[Line]:
    """Return a sentence for the first metric and for each other one that differs significantly."""
    further = [item for item in found[1:] if baseline.is_significant(item)]
    return [
        Line(_sentence(found[0], one, other), "verdict"),
        *(Line(_sentence(item, one, other)) for item in further),
    ]


def _sentence(item: Comparison, one: SystemResult, other: SystemResult) -> Words:
    way = "better" if item.difference > 0 else "worse"
    return say(
        f"difference.{way if baseline.is_significant(item) else 'level'}",
        a=item.a,
        b=item.b,
        metric=item.metric,
        value=numbers.fixed(one.metrics[item.metric].value),
        before=numbers.fixed(other.metrics[item.metric].value),
        difference=numbers.signed(item.difference),
        range=numbers.interval(item.low, item.high, sign=True),
        n=numbers.count(item.n),
        p=numbers.equals("p", numbers.p_value(item.p_holm)),
    )


def _light(found: Sequence[Comparison]) -> Light:
    clear = [item for item in found if baseline.is_significant(item)]
    better = [item.metric for item in clear if item.difference > 0]
    worse = [item.metric for item in clear if item.difference < 0]
    parts: list[str | Words] = []
    if better:
        parts.append(say("light.better", metrics=joined(tuple(better))))
    if worse:
        parts.append(say("light.worse", metrics=joined(tuple(worse))))
    if not parts:
        parts.append(say("light.level", n=len(found)))
    name = say("light.against", system=found[0].a, baseline=found[0].b)
    return Light("bad" if worse else "good" if better else "fair", name, joined(parts, "; "))


def _what(a: Results, b: Results, names: tuple[str, str], pairs: Pairs) -> tuple[Block, ...]:
    return (
        _run("difference.run_a", a, names[0]),
        _run("difference.run_b", b, names[1]),
        *(_settings(one, other) for one, other in pairs),
    )


def _run(title: str, run: Results, folder: str) -> Facts:
    unknown = say("run.unknown")
    known: tuple[tuple[Text, Text], ...] = (
        (say("difference.folder"), folder),
        (say("difference.systems"), ", ".join(system.name for system in run.systems)),
        (say("run.command"), command_line(run) or unknown),
        (say("run.git_sha"), str(run.environment.get("git_sha") or "") or unknown),
        (say("run.questions_sha"), run.dataset.questions_sha256),
        (say("run.qrels_sha"), run.dataset.qrels_sha256),
        (say("difference.results_sha"), checksum(replace(run, timings=Timings()))),
        (say("run.seed"), str(run.seed)),
        (say("run.limit"), say("run.none") if run.limit is None else str(run.limit)),
        (say("run.finished"), run.timings.finished or unknown),
    )
    return Facts(say(title), known)


def _settings(one: SystemResult, other: SystemResult) -> Block:
    """Return the differing configuration values of two systems, by dotted key."""
    names = {"a": f"{one.name} (A)", "b": f"{other.name} (B)"}
    ours, theirs = dict(_flat(one.config)), dict(_flat(other.config))
    changed = [key for key in dict.fromkeys((*ours, *theirs)) if ours.get(key) != theirs.get(key)]
    if not changed:
        return Line(say("difference.no_settings", **names), "note")
    rows = tuple(
        (Cell(key), *(Cell(str(side.get(key, "–"))) for side in (ours, theirs))) for key in changed
    )
    columns = (say("difference.setting"), names["a"], names["b"])
    return Table(say("difference.settings", **names), columns, rows)


def _flat(config: Any, prefix: str = "") -> list[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if not isinstance(config, dict) or not config:
        return [(prefix, config)] if prefix else []
    return [
        pair
        for key, value in config.items()
        for pair in _flat(value, f"{prefix}.{key}" if prefix else str(key))
    ]


def _all(
    comparisons: Sequence[Comparison], pairs: Pairs, metrics: Sequence[str]
) -> tuple[Block, ...]:
    if not comparisons:
        return (Line(say("difference.nothing"), "missing"),)
    tables = []
    for a, b in dict.fromkeys((item.a, item.b) for item in comparisons):
        those = [replace(x, a="A", b="B") for x in comparisons if (x.a, x.b) == (a, b)]
        counts = {"count": len(those), "all": len(comparisons)}
        tables.append(comparison_table(those, say("difference.caption", a=a, b=b, **counts)))
    return (_means(pairs, metrics), *tables)


def _means(pairs: Pairs, metrics: Sequence[str]) -> Table:
    systems = [
        (f"{system.name} ({side})", system)
        for pair in pairs
        for system, side in zip(pair, "AB", strict=True)
    ]
    rows = []
    for metric in metrics:
        means = [system.metrics.get(metric) for _, system in systems]
        cells = [mean_cell(m, delta=f"n = {numbers.count(m.n)}" if m else "") for m in means]
        rows.append((Cell(metric), *cells))
    columns: tuple[Text, ...] = (say("compare.metric"), *(name for name, _ in systems))
    return Table(say("difference.means"), columns, tuple(rows))
