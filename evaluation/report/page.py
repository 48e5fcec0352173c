"""The report as a list of sections 1 to 14, the same for HTML and Markdown."""

from collections.abc import Mapping

from evaluation.report import numbers
from evaluation.report.layout import Block, Page, ReportSection
from evaluation.report.sections.answers import answers, grounding, robustness
from evaluation.report.sections.failures import reliability, worst_cases
from evaluation.report.sections.funnel import funnel, slices
from evaluation.report.sections.limits import anchors, per_query, reproduce, threats
from evaluation.report.sections.provenance import provenance
from evaluation.report.sections.scores import scores
from evaluation.report.sections.verdict import verdict
from evaluation.report.self_test import self_test
from evaluation.report.words import joined, say
from evaluation.results.schema import Results


def build_page(results: Results, thresholds: Mapping[str, float]) -> Page:
    """Return the page of the report.

    Args:
        results: A finished run with at least one system.
        thresholds: Metric -> lowest acceptable mean; may be empty.
    """
    checks = self_test()
    parts: tuple[tuple[str, tuple[Block, ...]], ...] = (
        ("verdict", verdict(results, checks, thresholds)),
        ("provenance", provenance(results)),
        ("scores", scores(results)),
        ("funnel", funnel(results)),
        ("slices", slices(results)),
        ("answers", answers(results)),
        ("grounding", grounding(results)),
        ("robustness", robustness(results)),
        ("reliability", reliability(results)),
        ("worst", worst_cases(results)),
        ("pairs", per_query(results)),
        ("anchors", anchors(results)),
        ("threats", threats(results)),
        ("reproduce", reproduce(results, checks)),
    )
    about = say(
        "page.about",
        questions=numbers.count(results.dataset.questions),
        documents=numbers.count(results.dataset.documents),
        systems=joined([system.name for system in results.systems]),
    )
    sections = tuple(
        ReportSection(number, say(f"title.{name}"), blocks)
        for number, (name, blocks) in enumerate(parts, start=1)
    )
    return Page(say("page.title"), results.dataset.name, about, sections)
