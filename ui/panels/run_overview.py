"""Overview of a run: verdict, metrics with intervals, curves, costs, comparison, provenance."""

from dataclasses import replace
from typing import Any

import streamlit as st

from evaluation.report import numbers
from evaluation.report.baseline import other_metrics
from evaluation.report.comparison.page import build_difference
from evaluation.report.layout import Block, Table
from evaluation.report.sections.funnel import causes, slices
from evaluation.report.sections.provenance import provenance
from evaluation.report.sections.scores import (
    comparisons,
    conventions,
    costs,
    curve_table,
    main_tables,
    other_table,
)
from evaluation.report.sections.verdict import verdict
from evaluation.report.self_test import self_test
from evaluation.report.words import in_language
from evaluation.results.schema import SystemResult
from rag.errors import RagError
from ui.panels.frame import notice, problem
from ui.panels.runs import RunSelection
from ui.render import element
from ui.render.blocks import blocks_html

COLOURS = ("#3d6de0", "#d9640a", "#12908a", "#a855f7", "#b7791f", "#d6336c")  # on light and dark


def draw_overview(selection: RunSelection) -> None:
    """Draw the verdict, the curves, and the tables behind them."""
    results, language = selection.results, selection.language
    st.html(blocks_html(verdict(results, self_test(), {}), language))
    st.html(blocks_html(main_tables(results), language))
    _draw_curve(selection)
    rest = [*causes(results), _folded(comparisons(results)), *map(_folded, slices(results))]
    rest.append(_folded(costs(results)))
    if other_metrics(results):
        rest.append(other_table(results))
    st.html(blocks_html(rest, language))


def draw_about(selection: RunSelection) -> None:
    """Draw provenance and conventions of the run."""
    blocks = [*provenance(selection.results), conventions(selection.results)]
    st.html(blocks_html(blocks, selection.language))


def draw_comparison(selection: RunSelection) -> None:
    """Draw the comparison with the other run."""
    say, runs = selection.say, selection.services.runs
    if selection.versus is None:
        notice(say("versus.choose"))
        return
    try:
        with st.spinner(say("versus.making")):
            other = runs.results(selection.versus.run_id)
            found = runs.comparison(selection.info.run_id, selection.versus.run_id)
            names = (selection.info.name, selection.versus.name)
            page = build_difference(selection.results, other, found, names)
    except RagError as error:
        problem(say("versus.failed"), error)
        return
    for section in page.sections:
        title = in_language(section.title, selection.language)
        st.html(element("h2", title, class_="cw-section"))
        st.html(blocks_html(section.blocks, selection.language))


def _draw_curve(selection: RunSelection) -> None:
    say, systems = selection.say, selection.results.systems
    table = curve_table(selection.results)
    measure = st.segmented_control(
        say("curve.measure"),
        ("recall", "success"),
        default="recall",
        required=True,
        format_func=lambda each: say(f"curve.{each}"),
        key="curve",
        persist_state="session",
    )
    curves = {each.name: _curve(each, measure or "recall") for each in systems}
    curves = {name: curve for name, curve in curves.items() if curve}
    if curves:
        title = say(f"curve.{measure}")
        last = max(len(curve) for curve in curves.values())
        lines = "; ".join(
            say(
                "curve.line",
                system=name,
                first=numbers.fixed(curve[0]),
                end=numbers.fixed(curve[-1]),
            )
            for name, curve in curves.items()
        )
        alt = say("curve.alt", measure=title, last=last, lines=lines)
        st.vega_lite_chart(
            _chart(curves, title), alt=alt, key=f"curve_{selection.info.run_id}_{measure}"
        )
    st.html(blocks_html([table], selection.language))


def _folded(block: Block) -> Block:
    return replace(block, folded=True) if isinstance(block, Table) else block


def _curve(system: SystemResult, measure: str) -> tuple[float, ...]:
    return system.recall_curve if measure == "recall" else system.success_curve


def _chart(curves: dict[str, tuple[float, ...]], title: str) -> dict[str, Any]:
    """Return a chart with a line per system, which differ in colour, dashes and shape."""
    points = [
        {"system": name, "k": k, "value": value}
        for name, curve in curves.items()
        for k, value in enumerate(curve, start=1)
    ]
    system = {"field": "system", "type": "nominal", "sort": list(curves), "title": None}
    return {
        "data": {"values": points},
        "height": 300,
        "mark": {"type": "line", "point": {"size": 60, "filled": True}, "strokeWidth": 2.5},
        "encoding": {
            "x": {"field": "k", "type": "ordinal", "axis": {"labelAngle": 0}},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": title,
                "scale": {"domain": [0, 1]},
            },
            "color": {**system, "scale": {"range": list(COLOURS)}, "legend": {"orient": "top"}},
            "strokeDash": system,
            "shape": system,
            "tooltip": [
                {"field": "system", "type": "nominal"},
                {"field": "k", "type": "ordinal"},
                {"field": "value", "type": "quantitative", "format": ".3f"},
            ],
        },
    }
