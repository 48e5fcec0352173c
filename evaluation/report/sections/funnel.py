"""Sections 4 and 5: the stages at which questions are lost, and slices of the questions."""

from evaluation.report import baseline, numbers
from evaluation.report.layout import Block, Cell, Figure, Line, State, Table, Text
from evaluation.report.rendering import charts
from evaluation.report.words import known, say
from evaluation.results.schema import Results, SliceMeans, SystemResult

FEW_QUESTIONS = 30


def funnel(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 4."""
    systems = [system for system in results.systems if system.funnel]
    if not systems:
        return (Line(say("missing.funnel"), "missing"),)
    stages = tuple(dict.fromkeys(stage.name for system in systems for stage in system.funnel))
    n = max(stage.n for system in systems for stage in system.funnel)
    table = Table(
        say("funnel.caption", n=numbers.count(n)),
        (say("main.system"), *stages),
        tuple(_funnel_row(system, stages) for system in systems),
        note=say("funnel.note"),
    )
    figure = Figure(
        "funnel",
        charts.funnel_bars(systems, stages),
        say("funnel.figure", n=numbers.count(n)),
        say("funnel.said"),
    )
    return (figure, table, *causes(results))


def _funnel_row(system: SystemResult, stages: tuple[str, ...]) -> tuple[Cell, ...]:
    reached = {stage.name: stage for stage in system.funnel}
    cells, before = [Cell(system.name)], None
    for name in stages:
        stage = reached.get(name)
        if stage is None:
            cells.append(Cell("–", state="muted", sort=-1))
            continue
        lost = "" if before is None else _lost(before - stage.count)
        under = (
            (numbers.share(stage.count, stage.n), lost)
            if lost
            else (numbers.share(stage.count, stage.n),)
        )
        cells.append(Cell(numbers.count(stage.count), under=under, sort=stage.count))
        before = stage.count
    return tuple(cells)


def _lost(n: int) -> str:
    return f"−{numbers.count(n)}" if n else "0"


def causes(results: Results) -> list[Block]:
    """Return the count of each cause of failure, in pipeline order; nothing if there is none."""
    counted = {
        system.name: [query.cause for query in system.queries if query.cause]
        for system in results.systems
    }
    named = dict.fromkeys(cause for found in counted.values() for cause in found)
    if not named:
        return []
    rows = []
    for cause in sorted(named, key=_order):
        cells = [Cell(cause_name(cause))]
        for system in results.systems:
            n = counted[system.name].count(cause)
            cells.append(Cell(numbers.share(n, len(system.queries)), sort=n))
        rows.append(tuple(cells))
    columns: tuple[Text, ...] = (say("case.cause"), *(s.name for s in results.systems))
    return [Table(say("funnel.causes"), columns, tuple(rows))]


_CAUSES = (
    "error",
    "not in collection",
    "not retrieved",
    "ranked low",
    "declined",
    "wrong answer",
    "wrong citation",
    "answered unanswerable",
)


def _order(cause: str) -> int:
    return _CAUSES.index(cause) if cause in _CAUSES else len(_CAUSES)


def cause_name(cause: str) -> Text:
    """Return a cause in both languages, or unchanged if it is unknown."""
    key = "cause." + cause.replace(" ", "_")
    return say(key) if known(key) else cause


def slices(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 5."""
    if not any(system.slices for system in results.systems):
        return (Line(say("missing.slices"), "missing"),)
    metrics = [
        metric
        for metric in baseline.shown_metrics(results)
        if any(metric in part.metrics for system in results.systems for part in system.slices)
    ]
    return tuple(_slices(results, metric, folded=place > 0) for place, metric in enumerate(metrics))


def _slices(results: Results, metric: str, *, folded: bool) -> Table:
    parts = dict.fromkeys(
        (part.slice, part.value) for system in results.systems for part in system.slices
    )
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys(name for name, _ in parts):
        rows.append((Cell(slice_name(name)),))
        rows += [
            _slice_row(results, name, value, metric) for other, value in parts if other == name
        ]
    return Table(
        say("slice.caption", metric=metric),
        (say("slice.part"), "n", *(system.name for system in results.systems)),
        tuple(rows),
        note=say("slice.note", few=FEW_QUESTIONS),
        folded=folded,
    )


def _slice_row(results: Results, name: str, value: str, metric: str) -> tuple[Cell, ...]:
    found = [_slice_of(system, name, value) for system in results.systems]
    n = max(
        (part.metrics[metric].n for part in found if part and metric in part.metrics), default=0
    )
    state: State = "muted" if n < FEW_QUESTIONS else ""
    cells = [Cell(value, state=state), Cell(numbers.count(n), sort=n, state=state)]
    for part in found:
        mean = part.metrics.get(metric) if part else None
        if mean is None:
            cells.append(Cell("–", state="muted", sort=-1))
        else:
            under = (numbers.interval(mean.low, mean.high),)
            cells.append(Cell(numbers.fixed(mean.value), under, "", mean.value, state))
    return tuple(cells)


def _slice_of(system: SystemResult, name: str, value: str) -> SliceMeans | None:
    for part in system.slices:
        if (part.slice, part.value) == (name, value):
            return part
    return None


def slice_name(name: str) -> Text:
    """Return a slice in both languages, or unchanged if it is unknown."""
    key = "slice." + name.replace(" ", "_")
    return say(key) if known(key) else name
