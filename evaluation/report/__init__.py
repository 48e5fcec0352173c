"""The report of a finished run: `report.html`, one file that loads nothing, and `report.md`.

    words.py, words.toml   the report's own texts in English and Chinese
    numbers.py             how numbers are written
    layout.py              what a section is made of
    sections.py            sections 1 to 14, from verdict, provenance, scores, parts, answers,
                           failures and limits; anchors are published numbers
    drawing.py, charts.py  charts as SVG
    oracle.py              the self-test that every report holds
    html.py, markdown.py   the two files

The same results give the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

from evaluation.results import Results

__all__ = ["write_report"]


def write_report(
    results: Results, folder: Path, *, thresholds: Mapping[str, float] | None = None
) -> list[Path]:
    """Write `report.html` and `report.md`, and return their paths.

    Args:
        results: A finished run with at least one system.
        folder: Made if it is missing; older reports in it are replaced.
        thresholds: Metric -> lowest acceptable mean, shown as passed or failed in the verdict.

    Raises:
        ValueError: If there is no system.
        DatasetError: If the folder cannot be written; an older report then stays as it was.
    """
    from evaluation.outputs import write_file
    from evaluation.report.html import render_html  # jinja2 and matplotlib are heavy
    from evaluation.report.markdown import render_markdown
    from evaluation.report.sections import build_page

    if not results.systems:
        raise ValueError("`results` has no system, so there is nothing to report.")
    page = build_page(results, thresholds or {})
    texts = {"report.html": render_html(page), "report.md": render_markdown(page)}
    for name, text in texts.items():
        write_file(folder / name, text)
    return [folder / name for name in texts]
