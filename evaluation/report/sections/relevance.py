"""Part of section 3: how well the relevance of passages fits the judgements."""

from evaluation.report import numbers
from evaluation.report.layout import Block, Cell, Figure, Line, Table
from evaluation.report.rendering import charts
from evaluation.report.words import say
from evaluation.results.schema import RelevanceCalibration, Results


def relevance(results: Results) -> list[Block]:
    """Return the reliability diagram with its numbers, or why there is none."""
    found = {system.name: system.relevance for system in results.systems if system.relevance}
    if not found:
        return [Line(say("missing.relevance"), "missing")]
    most = numbers.count(max(fit.passages for fit in found.values()))
    return [
        Figure(
            "relevance",
            charts.reliability_diagram(found),
            say("relevance.caption", n=most),
            say("relevance.said"),
        ),
        _table(found),
        _bins(found),
    ]


def _table(found: dict[str, RelevanceCalibration]) -> Table:
    names = ("system", "passages", "mean", "relevant", "ece", "brier")
    rows = tuple(
        (
            Cell(name),
            Cell(numbers.count(fit.passages), sort=fit.passages),
            *(
                Cell(numbers.fixed(value), sort=value)
                for value in (fit.mean, fit.relevant, fit.ece, fit.brier)
            ),
        )
        for name, fit in found.items()
    )
    columns = tuple(say(f"relevance.{name}") for name in names)
    return Table(say("relevance.table"), columns, rows, note=say("relevance.note"))


def _bins(found: dict[str, RelevanceCalibration]) -> Table:
    """Return the collapsed table of the diagram's points."""
    rows = tuple(
        (
            Cell(name),
            Cell(numbers.fixed(mean), sort=mean),
            Cell(numbers.fixed(share), sort=share),
            Cell(numbers.count(count), sort=count),
        )
        for name, fit in found.items()
        for mean, share, count in fit.bins
    )
    columns = tuple(say(f"relevance.{name}") for name in ("system", "mean", "relevant", "passages"))
    return Table(say("relevance.bins"), columns, rows, folded=True)
