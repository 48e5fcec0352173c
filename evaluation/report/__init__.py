"""The report of a finished run: `report.html`, one file that loads nothing, and `report.md`.

    words.py, words*.toml  the report's own texts in English and Chinese
    numbers.py             number formats
    layout.py              the building blocks of a section
    baseline.py            the baseline, its comparisons and the letters of systems
    page.py, sections/     the report: sections 1 to 14
    self_test.py           the self-test that every report contains
    comparison/            the comparison of two runs: `comparison.html` and `comparison.md`
    rendering/             HTML and Markdown, and charts as SVG

The same results give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.report.layout import Page
from evaluation.results.schema import Comparison, Results

__all__ = ["write_comparison", "write_report"]


def write_report(
    results: Results, folder: Path, *, thresholds: Mapping[str, float] | None = None
) -> list[Path]:
    """Write `report.html` and `report.md`, and return their paths.

    Args:
        results: A finished run with at least one system.
        folder: Folder of the reports, made if it is missing; older reports in it are replaced.
        thresholds: Metric, or `SYSTEM:metric` -> lowest acceptable mean, shown as passed or failed
            in the verdict.

    Raises:
        ValueError: If there is no system.
        DatasetError: If the folder cannot be written; an older report then stays as it was.
    """
    from evaluation.report.page import build_page  # matplotlib is heavy

    if not results.systems:
        raise ValueError("`results` has no system, so there is nothing to report.")
    return _write(build_page(results, thresholds or {}), folder, "report")


def write_comparison(
    a: Results,
    b: Results,
    folder: Path,
    *,
    comparisons: Sequence[Comparison],
    names: tuple[str, str] = ("A", "B"),
) -> list[Path]:
    """Write `comparison.html` and `comparison.md`, and return their paths.

    Args:
        a: The run to compare.
        b: The run it is compared against; `compare_runs` has checked that the questions agree.
        folder: Folder of the reports, made if it is missing; older comparisons are replaced.
        comparisons: Return value of `compare_runs`.
        names: Display names of the runs, such as their folders.

    Raises:
        DatasetError: If the folder cannot be written; an older comparison then stays as it was.
    """
    from evaluation.report.comparison.page import build_difference

    return _write(build_difference(a, b, comparisons, names), folder, "comparison")


def _write(page: Page, folder: Path, name: str) -> list[Path]:
    from evaluation.report.rendering.html import render_html  # jinja2 is heavy
    from evaluation.report.rendering.markdown import render_markdown
    from evaluation.run.run_files import write_file

    texts = {f"{name}.html": render_html(page), f"{name}.md": render_markdown(page)}
    for file, text in texts.items():
        write_file(folder / file, text)
    return [folder / file for file in texts]
