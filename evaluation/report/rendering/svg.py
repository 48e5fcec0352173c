"""Conversion of matplotlib's SVG for the page: page colours, unique ids, no URLs.

Charts are drawn in placeholder colours that are replaced by the page's own, so that they follow
light and dark mode; texts with a Chinese form become two. Same figure, same bytes.
"""

import io
import re
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html import escape
from typing import TYPE_CHECKING, Any

from evaluation.report.words import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, RULE, PAPER = "#0a0001", "#0a0002", "#0a0003"
SERIES = ("#0b0001", "#0b0002", "#0b0003", "#0b0004", "#0b0005", "#0b0006")
POINT_SHAPES = ("o", "s", "^", "D", "v", "X", "P")  # 7 of these and 6 of those: 42 systems differ
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2)))
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++")

_COLOURS = {
    INK: "currentColor",
    RULE: "var(--rule)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{place})" for place, colour in enumerate(SERIES, start=1)},
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "citewell",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "hatch.linewidth": 0.8,
}


def style() -> AbstractContextManager[None]:
    """Return the matplotlib context for making and drawing a chart."""
    import matplotlib as mpl

    return mpl.rc_context(_STYLE)  # type: ignore[arg-type]


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, its size in inches, with automatic layout."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: "Figure", name: str, labels: Mapping[str, Words]) -> str:
    """Return a figure as an SVG element for the page.

    Args:
        figure: The figure, drawn under `style`.
        name: Name of the chart, unique on the page; becomes part of every id.
        labels: Text in the figure -> its replacement.
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The page's own fonts are used; matplotlib only measures, and lacks Chinese letters.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(buffer, format="svg", metadata=_no_metadata())
    return _for_page(buffer.getvalue(), name, labels)


def _no_metadata() -> dict[str, Any]:
    return dict.fromkeys(("Creator", "Date", "Format", "Type"))


def _for_page(text: str, name: str, labels: Mapping[str, Words]) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    width = re.search(r'width="([\d.]+)pt"', head)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    for stand_in, colour in _COLOURS.items():
        body = body.replace(stand_in, colour)
    for label, words in labels.items():
        body = body.replace(f">{escape(label)}</text>", f">{_both(words)}</text>")
    wide = width.group(1) if width else "480"
    opening = f'<svg {box.group(0) if box else ""} style="max-width: {float(wide) * 1.5:.0f}px"'
    return f'{opening} role="img" aria-labelledby="{name}-caption {name}-said">{body.strip()}'


def _both(words: Words) -> str:
    english = f'<tspan class="en">{escape(words.en)}</tspan>'
    return f'{english}<tspan class="zh" lang="zh">{escape(words.zh)}</tspan>'
