"""Section 3: every system on every metric, significant differences, recall curves, relevance."""

from collections.abc import Sequence

from evaluation.report import baseline, numbers
from evaluation.report.layout import Block, Cell, Facts, Figure, Line, State, Table, Text
from evaluation.report.rendering import charts
from evaluation.report.sections.relevance import relevance
from evaluation.report.words import Words, known, say
from evaluation.results.conventions import SIGNIFICANCE_LEVEL
from evaluation.results.schema import Comparison, MetricMean, Results, SystemResult

MANY = 30  # rows from which the comparisons start collapsed
WIDE = 6  # metrics that fit on a page side by side
RETRIEVAL = ("recall@", "success@", "precision@", "RR", "AP", "nDCG", "Rprec", "judged@")


def scores(results: Results) -> tuple[Block, ...]:
    """Return the section's blocks."""
    blocks: list[Block] = list(main_tables(results))
    blocks.append(comparisons(results))
    blocks.append(conventions(results))
    blocks += _curves(results)
    blocks += relevance(results)
    blocks.append(costs(results))
    if baseline.other_metrics(results):
        blocks.append(other_table(results))
    return tuple(blocks)


def mean_cell(mean: MetricMean | None, *, letters: str = "", delta: Text = "") -> Cell:
    """Return a mean with its interval, and the difference to the baseline."""
    if mean is None:
        return Cell("–", state="muted", sort=-1)
    under: tuple[Text, ...] = (numbers.interval(mean.low, mean.high),)
    return Cell(
        numbers.fixed(mean.value),
        under=(*under, delta) if delta else under,
        letters=letters,
        sort=mean.value,
    )


def main_tables(results: Results) -> list[Table]:
    """Return the main table, split into retrieval and answers if there are many metrics."""
    metrics = baseline.shown_metrics(results)
    found = [name for name in metrics if name.startswith(RETRIEVAL)]
    said = [name for name in metrics if name not in found]
    if len(metrics) <= WIDE or not found or not said:
        return [_main(results, metrics, "main.caption")]
    return [_main(results, found, "main.retrieval"), _main(results, said, "main.answers")]


def _main(results: Results, metrics: list[str], caption: str) -> Table:
    sizes = {m: {s.metrics[m].n for s in results.systems if m in s.metrics} for m in metrics}
    return Table(
        caption=say(caption, n=numbers.count(results.dataset.questions)),
        columns=(
            say("main.system"),
            *(say("main.metric", metric=metric, n=_spread(sizes[metric])) for metric in metrics),
            "p50 / p95 ms",
        ),
        rows=tuple(
            (
                Cell(f"{baseline.letter(results, system.name)}  {system.name}"),
                *(_score(results, system, metric) for metric in metrics),
                _latency(results, system.name),
            )
            for system in results.systems
        ),
        note=say("main.note", level=str(SIGNIFICANCE_LEVEL), seed=results.seed),
    )


def _score(results: Results, system: SystemResult, metric: str) -> Cell:
    comparison = baseline.against_baseline(results, system.name, metric)
    delta = f"Δ {numbers.signed(comparison.difference)}" if comparison else ""
    found = baseline.letters(results, system.name, metric)
    return mean_cell(system.metrics.get(metric), letters=found, delta=delta)


def _latency(results: Results, system: str) -> Cell:
    timing = results.timings.stages.get(system, {}).get("total")
    if timing is None:
        return Cell("–", state="muted", sort=-1)
    both = f"{numbers.milliseconds(timing.p50)} / {numbers.milliseconds(timing.p95)}"
    return Cell(both, sort=timing.p50)


def _spread(sizes: set[int]) -> str:
    """Return the common n, or the smallest and largest."""
    ends = sorted({min(sizes), max(sizes)})
    return "–".join(numbers.count(n) for n in ends)


def _alone() -> Line:
    return Line(say("missing.comparison"), "missing")


def comparisons(results: Results) -> Block:
    """Return all pairs of systems on each main metric, or a line if there is one system."""
    caption = say("compare.caption", count=len(results.comparisons))
    return comparison_table(results.comparisons, caption) if results.comparisons else _alone()


def comparison_table(comparisons: Sequence[Comparison], caption: Text) -> Table:
    """Return a table with one row per comparison and all its tests."""
    return Table(
        caption=caption,
        columns=(
            say("compare.metric"),
            say("compare.pair"),
            say("compare.difference"),
            say("compare.units"),
            "p (t)",
            say("compare.flips"),
            "p (McNemar)",
            "p (Holm)",
            say("compare.wtl"),
            say("compare.detectable"),
        ),
        rows=tuple(_comparison(item) for item in comparisons),
        note=say("compare.note"),
        folded=len(comparisons) > MANY,
    )


def _comparison(item: Comparison) -> tuple[Cell, ...]:
    clear = baseline.is_significant(item)
    state: State = "" if not clear else "good" if item.difference > 0 else "bad"
    mcnemar = "–" if item.mcnemar_p is None else numbers.p_value(item.mcnemar_p)
    detectable = "–" if item.detectable is None else numbers.fixed(item.detectable)
    return (
        Cell(item.metric),
        Cell(f"{item.a} − {item.b}"),
        Cell(
            numbers.signed(item.difference),
            under=(numbers.interval(item.low, item.high, sign=True),),
            sort=item.difference,
            state=state,
        ),
        Cell(f"{numbers.count(item.n)} / {numbers.count(item.clusters)}", sort=item.n),
        Cell(numbers.p_value(item.t_p), sort=item.t_p),
        Cell(numbers.p_value(item.randomization_p), sort=item.randomization_p),
        Cell(mcnemar, sort=2 if item.mcnemar_p is None else item.mcnemar_p),
        Cell(numbers.p_value(item.p_holm), sort=item.p_holm, state=state),
        Cell(f"{item.wins} / {item.ties} / {item.losses}", sort=item.wins - item.losses),
        Cell(detectable, sort=-1 if item.detectable is None else item.detectable),
    )


def conventions(results: Results) -> Facts:
    """Return the conventions of the run, in Chinese as well where `words.toml` has them."""
    rules = [
        (_translated(f"convention.{_key(name)}", name), _translated(f"rule.{_key(name)}", rule))
        for name, rule in results.conventions.items()
    ]
    matching = (say("run.matching_rule"), say(f"matching.{results.dataset.matching}"))
    return Facts(say("main.conventions"), (matching, *rules))


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _translated(key: str, text: str) -> Words:
    """Return a text of the run with its Chinese form, or with itself if there is none."""
    return Words(text, say(key).zh if known(key) else text)


def _curves(results: Results) -> list[Block]:
    table = curve_table(results)
    if isinstance(table, Line):
        return [table]
    figure = Figure(
        "recall",
        charts.recall_curves(results.systems),
        say("curve.caption", n=numbers.count(_curve_n(results))),
        say("curve.said"),
    )
    return [figure, table]


def curve_table(results: Results) -> Table | Line:
    """Return the values of the recall and success curves, or a line that says there are none."""
    if not any(system.recall_curve for system in results.systems):
        return Line(say("missing.curve"), "missing")
    ranks = range(1, 1 + max(len(system.recall_curve) for system in results.systems))
    rows = [
        (Cell(f"{name}@k, {system.name}"), *(Cell(numbers.fixed(v), sort=v) for v in curve))
        for system in results.systems
        for name, curve in (("recall", system.recall_curve), ("success", system.success_curve))
        if len(curve) == len(ranks)
    ]
    return Table(
        say("curve.table", n=numbers.count(_curve_n(results))),
        (say("main.system"), *(str(k) for k in ranks)),
        tuple(rows),
        folded=True,
    )


def _curve_n(results: Results) -> int:
    """Return the number of questions behind the curves: that of a recall metric."""
    for system in results.systems:
        for name, mean in system.metrics.items():
            if name.startswith(("recall@", "success@", "RR")):
                return mean.n
    return results.dataset.questions


def costs(results: Results) -> Block:
    """Return the time of each stage, or a line that says that none was recorded."""
    timings = results.timings
    rows = []
    for system in results.systems:
        for stage, timing in timings.stages.get(system.name, {}).items():
            rows.append(
                (
                    Cell(system.name),
                    Cell(stage),
                    *(
                        Cell(numbers.milliseconds(value), sort=value)
                        for value in (timing.p50, timing.p95, timing.mean)
                    ),
                    Cell(numbers.count(timing.n), sort=timing.n),
                    _throughput(results, system, stage),
                    _index(results, system),
                )
            )
    if not rows:
        return Line(say("missing.timings"), "missing")
    names = ("system", "stage", "p50", "p95", "mean", "n", "throughput", "index")
    columns = tuple(say(f"cost.{name}") for name in names)
    return Table(say("cost.caption"), columns, tuple(rows), note=say("cost.note"))


def _index(results: Results, system: SystemResult) -> Cell:
    size = results.timings.index_bytes.get(system.name)
    return (
        Cell("–", state="muted", sort=-1) if size is None else Cell(numbers.size(size), sort=size)
    )


def _throughput(results: Results, system: SystemResult, stage: str) -> Cell:
    value = results.timings.throughput.get(system.name)
    if value is None or stage != "total":
        return Cell("", sort=-1)
    return Cell(f"{value:.1f}", sort=value)


def other_table(results: Results) -> Table:
    """Return the collapsed table of all metrics that are not main ones."""
    systems = [system.name for system in results.systems]
    return Table(
        say("main.rest"),
        (say("compare.metric"), "n", *systems),
        tuple(
            (
                Cell(name),
                Cell(
                    _spread({s.metrics[name].n for s in results.systems if name in s.metrics}),
                    sort=0,
                ),
                *(mean_cell(system.metrics.get(name)) for system in results.systems),
            )
            for name in baseline.other_metrics(results)
        ),
        folded=True,
    )
