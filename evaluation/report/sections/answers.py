"""Sections 6 to 8: answers and abstaining, citations, and robustness."""

from evaluation.report import numbers
from evaluation.report.layout import Block, Bullets, Cell, Figure, Line, Table, Text
from evaluation.report.rendering import charts
from evaluation.report.sections.scores import mean_cell
from evaluation.report.sections.threshold import chosen_thresholds, rate_cell
from evaluation.report.words import say
from evaluation.results.schema import Confidence, QueryResult, Results, SystemResult

ANSWER_METRICS = ("EM", "F1", "F1 mlqa", "gold in answer", "abstained right")
CITATION_METRICS = (
    "citation precision",
    "citation recall",
    "citation characters precision",
    "citation characters recall",
)
SUPPORT_METRICS = ("supported sentences",)


def answers(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 6."""
    if not any(query.answer is not None for s in results.systems for query in s.queries):
        return (Line(say("missing.answers"), "missing"),)
    blocks: list[Block] = []
    if not results.dataset.has_answers:
        blocks.append(Line(say("missing.golds"), "missing"))
    blocks += _means(results, ANSWER_METRICS, "qa.caption")
    blocks += _by_answerable(results)
    sure = [system for system in results.systems if system.confidence]
    if not sure:
        return (*blocks, Line(say("missing.confidence"), "missing"))
    return (*blocks, _abstention(sure), *_risk(sure), *chosen_thresholds(results))


def _means(results: Results, names: tuple[str, ...], caption: str) -> list[Block]:
    shown = [name for name in names if any(name in s.metrics for s in results.systems)]
    if not shown:
        return []
    columns: tuple[Text, ...] = (say("main.system"), *shown)
    rows = []
    for system in results.systems:
        means = [system.metrics.get(name) for name in shown]
        cells = [mean_cell(m, delta=f"n = {numbers.count(m.n)}" if m else "") for m in means]
        rows.append((Cell(system.name), *cells))
    return [Table(say(caption), columns, tuple(rows))]


def _by_answerable(results: Results) -> list[Block]:
    """Return EM and F1 of the questions with and without an answer, as in SQuAD 2.0."""
    rows = []
    for system in results.systems:
        for name, wanted in (("HasAns", True), ("NoAns", False)):
            chosen = [query for query in system.queries if query.answerable is wanted]
            scored = [query for query in chosen if "F1" in query.metrics]
            if scored:
                rows.append(
                    (
                        Cell(f"{system.name}, {name}"),
                        Cell(numbers.count(len(scored)), sort=len(scored)),
                        *(_mean_of(scored, metric) for metric in ("EM", "F1")),
                    )
                )
    if not any(not query.answerable for s in results.systems for query in s.queries):
        return [Line(say("missing.unanswerable"), "missing")]
    if not rows:
        return []
    return [Table(say("qa.answerable"), (say("main.system"), "n", "EM", "F1"), tuple(rows))]


def _mean_of(queries: list[QueryResult], metric: str) -> Cell:
    values = [query.metrics[metric] for query in queries if metric in query.metrics]
    if not values:
        return Cell("–", state="muted", sort=-1)
    mean = sum(values) / len(values)
    return Cell(numbers.fixed(mean), sort=mean)


def _abstention(systems: list[SystemResult]) -> Table:
    rows = []
    for system in systems:
        fit = system.confidence
        if fit is None:
            continue
        wrong = round(fit.error_rate * fit.n)
        rows.append(
            (
                Cell(system.name),
                Cell(numbers.fixed(fit.threshold), sort=fit.threshold),
                rate_cell(fit.abstention_precision, fit.abstained),
                rate_cell(fit.abstention_recall, fit.unanswerable),
                Cell(numbers.fixed(fit.aurc), sort=fit.aurc),
                Cell(numbers.share(wrong, fit.n), sort=fit.error_rate),
                Cell(numbers.fixed(fit.ece), sort=fit.ece),
                Cell(numbers.fixed(fit.brier), sort=fit.brier),
            )
        )
    columns = ("system", "threshold", "precision", "recall", "aurc", "error_rate", "ece", "brier")
    return Table(
        say("abstain.caption"),
        tuple(say(f"abstain.{name}") for name in columns),
        tuple(rows),
        note=say("abstain.note"),
    )


def _risk(systems: list[SystemResult]) -> list[Block]:
    curves: dict[str, Confidence] = {s.name: s.confidence for s in systems if s.confidence}
    n = numbers.count(max(fit.n for fit in curves.values()))
    return [
        Figure("risk", charts.risk_curves(curves), say("risk.caption", n=n), say("risk.said")),
        Line(say("abstain.dev"), "note"),
    ]


def grounding(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 7."""
    counted = [_citations(system) for system in results.systems]
    rows = tuple(row for row in counted if row)
    if not rows:
        return (Line(say("missing.citations"), "missing"), Line(say("missing.judge"), "missing"))
    columns = ("system", "answers", "uncited", "citations", "right", "wrong", "unknown")
    table = Table(
        say("cite.counts"),
        tuple(say(f"cite.{name}") for name in columns),
        rows,
        note=say("cite.note"),
    )
    means = _means(results, CITATION_METRICS, "cite.caption")
    support = _means(results, SUPPORT_METRICS, "cite.support")
    return (*means, *support, table, Line(say("missing.judge"), "missing"))


def _citations(system: SystemResult) -> tuple[Cell, ...] | None:
    given = [query for query in system.queries if query.answer]
    if not given:
        return None
    made = [citation.right for query in given for citation in query.citations]
    uncited = sum(not query.citations for query in given)
    return (
        Cell(system.name),
        Cell(numbers.share(len(given), len(system.queries)), sort=len(given)),
        Cell(numbers.share(uncited, len(given)), sort=uncited),
        Cell(numbers.count(len(made)), sort=len(made)),
        *(
            Cell(numbers.share(made.count(kind), len(made)), sort=made.count(kind))
            for kind in (True, False, None)
        ),
    )


def robustness(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 8: the robustness measurements, and those not made."""
    rows = []
    for system in results.systems:
        asked = [q for q in system.queries if not q.answerable and q.abstained is not None]
        if asked:
            declined = sum(bool(query.abstained) for query in asked)
            share = numbers.share(declined, len(asked))
            rows.append((Cell(system.name), Cell(share, sort=declined)))
    names = ("noise", "counterfactual", "injection")
    columns = (say("main.system"), say("reliable.abstained"))
    measured: Block = Line(say("robust.no_rejection"), "missing")
    if rows:
        measured = Table(say("robust.rejection"), columns, tuple(rows))
    return (
        measured,
        Line(say("missing.robustness"), "missing"),
        Bullets(tuple(say(f"robust.{name}") for name in names)),
    )
