"""Sections 11 to 14: per-question comparison, published numbers, threats, reproduction."""

import hashlib
import shlex
from dataclasses import replace

from evaluation.report import baseline, numbers
from evaluation.report.layout import Block, Bullets, Cell, Code, Facts, Figure, Line, Table, Text
from evaluation.report.rendering import charts
from evaluation.report.sections.funnel import FEW_QUESTIONS
from evaluation.report.sections.published_numbers import anchors_for
from evaluation.report.self_test import Check
from evaluation.report.words import say
from evaluation.results.schema import Results, Timings, to_json
from evaluation.run.run_files import file_name


def per_query(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 11."""
    metrics = baseline.shown_metrics(results)
    if not metrics or not baseline.challengers(results):
        return (Line(say("missing.pairs"), "missing"),)
    first, metric = baseline.baseline(results), metrics[0]
    blocks: list[Block] = []
    for place, system in enumerate(baseline.challengers(results)):
        pairs = _pairs(results, system.name, metric)
        if not pairs:
            continue
        wins = sum(a > b for b, a in pairs)
        losses = sum(a < b for b, a in pairs)
        facts: dict[str, str | int] = {"a": system.name, "b": first.name}
        facts |= {"metric": metric, "n": len(pairs)}
        svg = charts.pair_charts(f"pairs{place}", pairs, system.name, first.name, metric)
        said = say("pairs.said", **facts, wins=wins, losses=losses, ties=len(pairs) - wins - losses)
        blocks.append(Figure(f"pairs{place}", svg, say("pairs.caption", **facts), said))
    return tuple(blocks) or (Line(say("missing.pairs"), "missing"),)


def _pairs(results: Results, system: str, metric: str) -> list[tuple[float, float]]:
    """Return the (baseline, system) values of every question where both have one."""
    ours = {q.question_id: q for s in results.systems if s.name == system for q in s.queries}
    return [
        (query.metrics[metric], ours[query.question_id].metrics[metric])
        for query in baseline.baseline(results).queries
        if metric in query.metrics
        and query.question_id in ours
        and metric in ours[query.question_id].metrics
    ]


def anchors(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 12."""
    found = anchors_for(results.dataset.name)
    if not found:
        return (Line(say("missing.anchors"), "missing"),)
    rows = tuple(
        (
            Cell(anchor.system),
            Cell(anchor.metric),
            Cell(anchor.value),
            Cell(_ours(results, anchor.metric)),
            Cell(anchor.source),
            Cell(anchor.because),
        )
        for anchor in found
    )
    names = ("published", "metric", "value", "ours", "source", "because")
    columns = tuple(say(f"anchor.{name}") for name in names)
    return (Table(say("anchor.caption"), columns, rows, note=say("anchor.note")),)


def _ours(results: Results, metric: str) -> str:
    found = [
        f"{s.name} {numbers.fixed(s.metrics[metric].value)} (n = {s.metrics[metric].n})"
        for s in results.systems
        if metric in s.metrics
    ]
    return "; ".join(found) or "–"


def threats(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 13."""
    data = results.dataset
    counts = {"n": numbers.count(data.questions), "clusters": numbers.count(data.clusters)}
    items: list[Text] = [say("threat.n", **counts), _clustering(results, counts), _power(results)]
    if data.sampled_from is not None:
        whole = numbers.count(data.sampled_from)
        items.append(say("threat.sample", n=counts["n"], whole=whole, seed=results.seed))
    if results.comparisons:
        items.append(say("threat.many", count=len(results.comparisons)))
    items.append(_small_slices(results))
    items += [say("threat.tuned"), say("threat.judge")]
    if data.matching == "documents":
        items.append(say("threat.unjudged"))
    head: list[Block] = []
    if data.synthetic:
        head.append(Line(say("threat.synthetic"), "warning"))
    return (*head, Bullets(tuple(items)), *_detectable(results))


def _clustering(results: Results, counts: dict[str, str]) -> Text:
    shared = results.dataset.clusters < results.dataset.questions
    return say("threat.clustered" if shared else "threat.independent", **counts)


def _power(results: Results) -> Text:
    found = [item.detectable for item in results.comparisons if item.detectable is not None]
    if not found:
        return say("threat.no_power")
    return say("threat.power", low=numbers.fixed(min(found)), high=numbers.fixed(max(found)))


def _small_slices(results: Results) -> Text:
    parts = {(s.slice, s.value): s.n for system in results.systems for s in system.slices}
    return say(
        "threat.slices",
        small=sum(n < FEW_QUESTIONS for n in parts.values()),
        all=len(parts),
        few=FEW_QUESTIONS,
    )


def _detectable(results: Results) -> list[Block]:
    rows = tuple(
        (
            Cell(item.metric),
            Cell(f"{item.a} − {item.b}"),
            Cell(f"{numbers.count(item.n)} / {numbers.count(item.clusters)}", sort=item.n),
            Cell(
                numbers.fixed(item.detectable) if item.detectable is not None else "–",
                sort=item.detectable or 0,
            ),
            Cell(numbers.signed(item.difference), sort=item.difference),
        )
        for item in results.comparisons
    )
    names = ("metric", "pair", "units", "detectable", "difference")
    columns = tuple(say(f"compare.{name}") for name in names)
    return [Table(say("threat.table"), columns, rows, folded=True)] if rows else []


def reproduce(results: Results, checks: tuple[Check, ...]) -> tuple[Block, ...]:
    """Return the blocks of section 14."""
    command = command_line(results)
    run = (
        Code(say("again.command"), (command,))
        if command
        else Line(say("missing.command"), "missing")
    )
    systems = results.systems if results.dataset.judgements else ()
    files = (shlex.quote(f"run.{file_name(system.name)}.trec") for system in systems)
    others = tuple(f"trec_eval -c -m all_trec qrels.trec {name}" for name in files)
    return (
        run,
        Code(say("again.check"), ("sha256sum results.json", *others)),
        Facts(
            say("again.sums"),
            (
                ("sha256(results.json)", checksum(results)),
                (say("again.untimed"), checksum(replace(results, timings=Timings()))),
                ("schema_version", str(results.schema_version)),
            ),
        ),
        _self_test(checks),
    )


def command_line(results: Results) -> str:
    """Return the command line of the run; empty if it was not recorded."""
    command = results.environment.get("command")
    if isinstance(command, list | tuple):
        return shlex.join(str(word) for word in command)
    return str(command or "")


def checksum(results: Results) -> str:
    """Return the SHA-256 of `results.json`."""
    return hashlib.sha256(to_json(results).encode("utf-8", "backslashreplace")).hexdigest()


def _self_test(checks: tuple[Check, ...]) -> Table:
    passed = sum(check.passed for check in checks)
    return Table(
        say("oracle.caption", passed=passed, total=len(checks)),
        tuple(say(f"oracle.{name}") for name in ("case", "measure", "expected", "computed", "is")),
        tuple(
            (
                Cell(check.case),
                Cell(check.measure),
                Cell(f"{check.expected:.6f}", sort=check.expected),
                Cell(f"{check.computed:.6f}", sort=check.computed),
                Cell(
                    say("oracle.passed" if check.passed else "oracle.failed"),
                    state="good" if check.passed else "bad",
                ),
            )
            for check in checks
        ),
        note=say("oracle.note"),
        folded=passed == len(checks),
    )
