"""Tables of the results for the terminal; the report is more complete."""

from collections.abc import Sequence

from evaluation.results.conventions import SIGNIFICANCE_LEVEL
from evaluation.results.schema import Results
from evaluation.results.summaries import Comparison


def result_lines(results: Results) -> list[str]:
    """Return a table of systems and main metrics, the significant differences, and the errors."""
    info = results.dataset
    synthetic = ", synthetic" if info.synthetic else ""
    head = f"{info.name}: {info.questions} questions ({info.answerable} answerable{synthetic})"
    judged = "documents" if info.matching == "documents" else "spans"
    rows = [["", *results.main_metrics, "p50 ms"]]
    for system in results.systems:
        means = [system.metrics.get(name) for name in results.main_metrics]
        cells = [f"{mean.value:.3f} ({mean.n})" if mean else "-" for mean in means]
        total = results.timings.stages.get(system.name, {}).get("total")
        rows.append([system.name, *cells, f"{total.p50:.1f}" if total else "-"])
    lines = [f"{head}, matched by {judged}; value (n)", *table(rows)]
    found = [each for each in results.comparisons if each.p_holm < SIGNIFICANCE_LEVEL]
    lines += [f"significant: {sentence(each)}" for each in found]
    if len(results.systems) > 1 and not found:
        lines.append("No difference between the systems is significant.")
    for system in results.systems:
        lines += [f"failed: {system.name}, {name}: {why}" for name, why in system.errors.items()]
    return [*lines, *(f"note: {note}" for note in info.notes)]


def comparison_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a table of comparisons."""
    head = ["metric", "systems", "difference", "95 % interval", "p (Holm)", "w/t/l", "n"]
    rows = [
        [
            each.metric,
            f"{each.a} - {each.b}",
            f"{each.difference:+.4f}",
            f"{each.low:+.4f} to {each.high:+.4f}",
            f"{each.p_holm:.3g}",
            f"{each.wins}/{each.ties}/{each.losses}",
            str(each.n) if each.n == each.clusters else f"{each.n} in {each.clusters}",
        ]
        for each in comparisons
    ]
    return table([head, *rows])


def sentence(each: Comparison) -> str:
    """Return a comparison in words."""
    return (
        f"{each.metric}: {each.a} - {each.b} = {each.difference:+.3f} "
        f"({each.low:+.3f} to {each.high:+.3f}, p {each.p_holm:.2g})"
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows with their columns aligned.

    Example:
        >>> table([["a", "bb"], ["ccc", "d"]])
        ['a    bb', 'ccc  d']
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
