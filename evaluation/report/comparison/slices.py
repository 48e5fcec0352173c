"""Paired differences of two runs on each slice of the questions, with n and interval."""

import math
from collections.abc import Sequence

from evaluation.metrics.intervals import bootstrap_mean, cluster_bootstrap
from evaluation.report import numbers
from evaluation.report.layout import Block, Cell, Line, State, Table
from evaluation.report.sections.funnel import FEW_QUESTIONS, slice_name
from evaluation.report.words import say
from evaluation.results.records import QueryResult
from evaluation.results.schema import SystemResult
from evaluation.run.aggregation import SLICE_SAMPLES, slice_parts

Row = tuple[float, float, str]  # value in A, value in B, cluster


def slices(
    pairs: Sequence[tuple[SystemResult, SystemResult]], metrics: Sequence[str], seed: int
) -> tuple[Block, ...]:
    """Return a table for each pair and metric, all but the first folded."""
    tables = [
        table
        for one, other in pairs
        for metric in metrics
        if (table := _table(one, other, metric, seed, folded=metric != metrics[0])) is not None
    ]
    return tuple(tables) or (Line(say("difference.no_slices"), "missing"),)


def _table(
    one: SystemResult, other: SystemResult, metric: str, seed: int, *, folded: bool
) -> Table | None:
    theirs = {each.question_id: each for each in other.queries}
    rows: list[tuple[Cell, ...]] = []
    last = None
    for name, value, those in slice_parts(one.queries):
        values = _paired(those, theirs, metric)
        if not values:
            continue
        if name != last:
            rows.append((Cell(slice_name(name)),))
            last = name
        rows.append(_row(value, values, seed))
    if not rows:
        return None
    names = (f"{one.name} (A)", f"{other.name} (B)")
    return Table(
        say("difference.slice", metric=metric, a=names[0], b=names[1]),
        (say("slice.part"), "n", *names, say("compare.difference"), say("compare.wtl")),
        tuple(rows),
        note=say("difference.slice_note", few=FEW_QUESTIONS),
        folded=folded,
    )


def _paired(those: Sequence[QueryResult], theirs: dict[str, QueryResult], metric: str) -> list[Row]:
    return [
        (each.metrics[metric], theirs[each.question_id].metrics[metric], each.cluster)
        for each in those
        if metric in each.metrics and metric in theirs[each.question_id].metrics
    ]


def _row(value: str, values: Sequence[Row], seed: int) -> tuple[Cell, ...]:
    n = len(values)
    differences = [a - b for a, b, _ in values]
    clusters = [cluster for *_, cluster in values]
    if 1 < len(set(clusters)) < n:
        low, high = cluster_bootstrap(differences, clusters, samples=SLICE_SAMPLES, seed=seed)
    else:
        low, high = bootstrap_mean(differences, samples=SLICE_SAMPLES, seed=seed)
    mean = math.fsum(differences) / n
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    state: State = "muted" if n < FEW_QUESTIONS else ""
    sides = [math.fsum(side) / n for side in ([a for a, *_ in values], [b for _, b, _ in values])]
    return (
        Cell(value, state=state),
        Cell(numbers.count(n), sort=n, state=state),
        *(Cell(numbers.fixed(side), sort=side, state=state) for side in sides),
        Cell(
            numbers.signed(mean),
            under=(numbers.interval(low, high, sign=True),),
            sort=mean,
            state=state,
        ),
        Cell(f"{wins} / {n - wins - losses} / {losses}", sort=wins - losses, state=state),
    )
