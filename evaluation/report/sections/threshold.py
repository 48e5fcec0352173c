"""Part of section 6: the no-answer threshold chosen on half of the documents."""

from evaluation.report import numbers
from evaluation.report.layout import Block, Cell, Line, Table
from evaluation.report.sections.scores import mean_cell
from evaluation.report.words import Words, joined, say
from evaluation.results.schema import AtThreshold, ChosenThreshold, Half, Results
from rag.config.abstention import precision_at

METRICS = ("EM", "F1", "HasAns EM", "HasAns F1", "NoAns")


def chosen_thresholds(results: Results) -> list[Block]:
    """Return the table of all systems, or why there is none; nothing without unanswerable ones."""
    found = {s.name: s.chosen_threshold for s in results.systems if s.chosen_threshold}
    reasons: dict[Words, list[str]] = {}
    rows: list[tuple[Cell, ...]] = []
    for name, chosen in found.items():
        if chosen.not_measured:
            reasons.setdefault(_reason(chosen), []).append(name)
        else:
            rows += _rows(name, chosen)
    lines: list[Block] = [
        Line(say("held.missing", systems=joined(tuple(names)), why=why), "missing")
        for why, names in reasons.items()
    ]
    return [*([_table(found, rows, results.seed)] if rows else []), *lines]


def _table(found: dict[str, ChosenThreshold], rows: list[tuple[Cell, ...]], seed: int) -> Table:
    first = next(chosen for chosen in found.values() if not chosen.not_measured)
    return Table(
        say("held.caption", dev=_size(first.dev), test=_size(first.test)),
        (
            say("held.half"),
            say("abstain.threshold"),
            *METRICS,
            say("held.precision"),
            say("held.recall"),
        ),
        tuple(rows),
        note=say("held.note", seed=seed),
    )


def _rows(name: str, chosen: ChosenThreshold) -> list[tuple[Cell, ...]]:
    kinds = (
        ("chosen", chosen.chosen),
        ("configured", chosen.configured),
        ("dev", chosen.chosen_on_dev),
    )
    rows = [
        _row(say(f"held.{kind}"), at, muted=kind == "dev") for kind, at in kinds if at is not None
    ]
    return [(Cell(name),), *rows]


def _row(label: Words, at: AtThreshold, *, muted: bool) -> tuple[Cell, ...]:
    means = [at.metrics[name] for name in METRICS]
    return (
        Cell(label, state="muted" if muted else ""),
        Cell(numbers.fixed(at.threshold), under=(_setting(at.threshold),), sort=at.threshold),
        *(mean_cell(mean, delta=f"n = {numbers.count(mean.n)}") for mean in means),
        rate_cell(at.abstention_precision, at.abstained),
        rate_cell(at.abstention_recall, at.unanswerable),
    )


def _setting(threshold: float) -> str:
    """Return what to write into the configuration for a threshold."""
    return f"abstention.precision: {precision_at(min(threshold, 1.0)):.3f}"


def rate_cell(value: float, n: int) -> Cell:
    """Return a cell with a share of `n`; it has no value if `n` is 0."""
    written = numbers.fixed(value) if n else "–"
    return Cell(written, under=(f"n = {numbers.count(n)}",), sort=value if n else -1)


def _reason(chosen: ChosenThreshold) -> Words:
    key = "few" if chosen.not_measured == "few questions" else "kind"
    return say(f"held.{key}", dev=_size(chosen.dev), test=_size(chosen.test))


def _size(half: Half) -> Words:
    return say(
        "held.size",
        n=numbers.count(half.questions),
        answerable=numbers.count(half.answerable),
        unanswerable=numbers.count(half.unanswerable),
        documents=numbers.count(half.documents),
    )
