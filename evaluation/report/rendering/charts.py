"""The report's charts, each one SVG element: readable in print, without colour and in dark mode.

Systems differ by marker, dashes or hatching besides colour, and carry their name or letter at the
end of their line; axes of metrics run from 0 to 1. A table or a sentence accompanies every chart.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.metrics.intervals import wilson_interval
from evaluation.report.rendering.svg import (
    DASHES,
    HATCHES,
    INK,
    PAPER,
    POINT_SHAPES,
    RULE,
    SERIES,
    new_figure,
    style,
    to_svg,
)
from evaluation.report.words import say
from evaluation.results.schema import Confidence, RelevanceCalibration, SystemResult
from rag.console import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_NAME = 26  # characters of a name in a chart
LINE = 0.062  # height of a name on an axis from 0 to 1


def recall_curves(systems: Sequence[SystemResult]) -> str:
    """Draw mean recall@k and success@k against k, one line per system."""
    with style():
        figure = new_figure(8.2, 3.4)
        axes = figure.subplots(1, 2, sharey=True)
        lows = []
        for title, chart, pick in (
            ("recall@k", axes[0], "recall_curve"),
            ("success@k", axes[1], "success_curve"),
        ):
            ends = []
            for place, system in enumerate(systems):
                values = getattr(system, pick)
                if values:
                    _line(chart, place, range(1, len(values) + 1), values)
                    ends.append((len(values), values[-1], place, system.name))
                    lows.append(min(values))
            chart.set_title(title)
            chart.set_xlabel("k")
            chart.set_xticks(range(1, 1 + max((end[0] for end in ends), default=1)))
            _name_ends(chart, ends)
        axes[0].set_ylim(min(0.5, *lows) - 0.04 if min(lows) > 0.5 else 0, 1.04)
        return to_svg(figure, "recall", {})


def funnel_bars(systems: Sequence[SystemResult], stages: Sequence[str]) -> str:
    """Draw the number of questions that reach each stage, one bar per system."""
    with style():
        height = 0.24 * len(systems) * len(stages) + 0.3 * len(stages) + 0.6
        figure = new_figure(8.2, height)
        chart = figure.subplots()
        thick = 0.8 / len(systems)
        for place, system in enumerate(systems):
            counts = {stage.name: stage.count for stage in system.funnel}
            for row, stage in enumerate(stages):
                if stage not in counts:
                    continue
                y = row + thick * (place - (len(systems) - 1) / 2)
                _bar(chart, y, counts[stage], thick, place)
                label = f"{counts[stage]}  {_short(system.name)}"
                chart.annotate(label, (counts[stage], y), (4, 0), **_BESIDE)
        most = max(stage.n for system in systems for stage in system.funnel)
        chart.set_xlim(0, most * 1.22 or 1)
        chart.set_yticks(range(len(stages)), [printable(stage) for stage in stages])
        chart.invert_yaxis()
        chart.grid(visible=False, axis="y")
        chart.set_xlabel("label:questions")
        return to_svg(figure, "funnel", {"label:questions": say("chart.questions")})


_BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8}


def _bar(chart: "Axes", y: float, value: float, thick: float, place: int) -> None:
    chart.barh(
        y,
        value,
        height=thick * 0.86,
        color=SERIES[place % len(SERIES)],
        edgecolor=PAPER,
        hatch=HATCHES[place % len(HATCHES)],
        linewidth=0.6,
    )


def risk_curves(curves: Mapping[str, Confidence]) -> str:
    """Draw risk against coverage, and both against the threshold, one line per system."""
    with style():
        figure = new_figure(8.2, 3.4)
        left, right = figure.subplots(1, 2)
        ends = []
        for place, (name, fit) in enumerate(curves.items()):
            thresholds, coverage, risk = (list(column) for column in zip(*fit.curve, strict=True))
            _line(left, place, coverage, risk, every=max(1, len(risk) // 8))
            ends.append((1.0, risk[-1], place, name))
            _line(right, place, thresholds, risk, every=max(1, len(risk) // 8))
            shape = {"color": SERIES[place % len(SERIES)], "linewidth": 0.9, "alpha": 0.6}
            right.plot(thresholds, coverage, linestyle=DASHES[place % len(DASHES)], **shape)
            right.axvline(fit.threshold, color=INK, linewidth=0.8, linestyle=":")
        left.set_title("label:risk_coverage")
        right.set_title("label:threshold_curve")
        left.set_xlabel("label:coverage")
        left.set_ylabel("label:risk")
        right.set_xlabel("label:threshold")
        for chart in (left, right):
            chart.set_ylim(-0.02, 1.04)
        left.set_xlim(0, 1.02)
        _name_ends(left, ends)
        names = ("risk_coverage", "threshold_curve", "coverage", "risk", "threshold")
        return to_svg(figure, "risk", {f"label:{name}": say(f"chart.{name}") for name in names})


def reliability_diagram(systems: Mapping[str, RelevanceCalibration]) -> str:
    """Draw the share of relevant passages against their relevance, and how many there are."""
    with style():
        figure = new_figure(8.2, 3.6)
        left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
        left.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        ends = []
        for place, (name, fit) in enumerate(systems.items()):
            means, shares, counts = (list(column) for column in zip(*fit.bins, strict=True))
            _line(left, place, means, shares)
            _intervals(left, place, fit)
            _line(right, place, means, counts)
            ends.append((means[-1], shares[-1], place, name))
        left.set_xlim(-0.02, 1.02)
        left.set_ylim(-0.02, 1.04)
        left.set_ylabel("label:relevant_share")
        right.set_yscale("log")
        right.yaxis.set_major_formatter("{x:,.0f}")
        right.yaxis.set_minor_formatter("")
        right.set_xlim(-0.02, 1.02)
        right.set_ylabel("label:passages")
        for chart in (left, right):
            chart.set_xlabel("label:relevance")
        _name_ends(left, ends)
        names = ("relevance", "relevant_share", "passages")
        return to_svg(figure, "relevance", {f"label:{n}": say(f"chart.{n}") for n in names})


def _intervals(chart: "Axes", place: int, fit: RelevanceCalibration) -> None:
    """Draw the 95 % interval of each bin's share, as if its passages were independent."""
    for mean, share, count in fit.bins:
        low, high = wilson_interval(round(share * count), count)
        chart.plot([mean, mean], [low, high], color=SERIES[place % len(SERIES)], linewidth=0.8)


def pair_charts(
    name: str, pairs: Sequence[tuple[float, float]], system: str, baseline: str, metric: str
) -> str:
    """Draw two systems question by question: a scatter plot, and the sorted differences.

    Args:
        name: Name of the chart, unique on the page.
        pairs: Values (baseline, system) of each question, at least one.
        system: Name of the system.
        baseline: Name of the baseline.
        metric: Name of the metric.
    """
    with style():
        figure = new_figure(8.2, 3.5)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
        _scatter(left, pairs)
        left.set_xlabel(f"{_short(baseline)}: {metric}")
        left.set_ylabel(f"{_short(system)}: {metric}")
        _deltas(right, sorted((ours - theirs for theirs, ours in pairs), reverse=True))
        right.set_title("label:sorted")
        right.set_ylabel(f"Δ {metric}")
        labels = {
            "label:sorted": say("chart.sorted"),
            "label:questions": say("chart.questions_sorted"),
            "label:wins": say("chart.wins", system=_short(system)),
            "label:losses": say("chart.wins", system=_short(baseline)),
        }
        return to_svg(figure, name, labels)


def _scatter(chart: "Axes", pairs: Sequence[tuple[float, float]]) -> None:
    """Draw one circle per distinct pair, its area the number of questions."""
    piled = Counter((round(x, 2), round(y, 2)) for x, y in pairs)
    most = max(piled.values())
    chart.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for above, colour, marker in (
        (True, SERIES[0], "^"),
        (False, SERIES[1], "v"),
        (None, INK, "o"),
    ):
        points = [(x, y, n) for (x, y), n in piled.items() if _side(x, y) is above]
        if points:
            xs, ys, counts = zip(*points, strict=True)
            sizes = [14 + 300 * n / most for n in counts]
            face = "none" if above is None else colour
            chart.scatter(
                xs, ys, s=sizes, facecolors=face, edgecolors=colour, marker=marker, alpha=0.6
            )
    chart.set_xlim(-0.08, 1.08)
    chart.set_ylim(-0.08, 1.08)
    chart.set_aspect("equal")


def _side(x: float, y: float) -> bool | None:
    return None if x == y else y > x


def _deltas(chart: "Axes", deltas: Sequence[float]) -> None:
    places = range(len(deltas))
    up = [max(delta, 0) for delta in deltas]
    down = [min(delta, 0) for delta in deltas]
    chart.fill_between(places, up, step="mid", color=SERIES[0], linewidth=0)
    chart.fill_between(
        places, down, step="mid", facecolor=SERIES[1], edgecolor=PAPER, hatch="////", linewidth=0
    )
    chart.axhline(0, color=INK, linewidth=0.8)
    chart.set_ylim(-1.05, 1.05)
    chart.set_xlim(-0.5, len(deltas) - 0.5 if len(deltas) > 1 else 0.5)
    chart.set_xlabel("label:questions")
    place: dict[str, Any] = {"transform": chart.transAxes, "fontsize": 8}
    chart.text(0.98, 0.94, "label:wins", ha="right", **place)
    chart.text(0.02, 0.04, "label:losses", ha="left", **place)


def _line(
    chart: "Axes", place: int, xs: Sequence[float], ys: Sequence[float], *, every: int = 1
) -> None:
    chart.plot(
        xs,
        ys,
        color=SERIES[place % len(SERIES)],
        linestyle=DASHES[place % len(DASHES)],
        marker=POINT_SHAPES[place % len(POINT_SHAPES)],
        markersize=4.5,
        markeredgecolor=PAPER,
        markeredgewidth=0.5,
        markevery=every,
        linewidth=1.6,
        clip_on=False,
    )


def _name_ends(chart: "Axes", ends: Sequence[tuple[float, float, int, str]]) -> None:
    """Write each system's name at the end of its line, moved apart where lines end together."""
    ordered = sorted(ends, key=lambda end: (end[1], end[2]))
    heights = _apart([end[1] for end in ordered])
    for (x, y, place, name), height in zip(ordered, heights, strict=True):
        chart.annotate(
            _short(name),
            (x, y),
            (x * 1.03, height),
            va="center",
            fontsize=8.5,
            color=SERIES[place % len(SERIES)],
            arrowprops={"arrowstyle": "-", "color": RULE, "linewidth": 0.6},
            annotation_clip=False,
        )


def _apart(values: Sequence[float]) -> list[float]:
    """Return ascending heights, at least one line apart and at most 1, close to the values."""
    placed: list[float] = []
    for value in values:
        placed.append(max(value, placed[-1] + LINE) if placed else value)
    ceiling = 1.0
    for place in reversed(range(len(placed))):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - LINE
    return placed


def _short(name: str) -> str:
    clean = printable(name).replace("\n", " ")
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"
