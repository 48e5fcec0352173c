"""Explanation of retrieval: rank, score and time of each stage."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rag.schema import Passage, Stage
from ui.render.escaping import Html, element
from ui.render.highlighting import Span
from ui.words import Say, all_words

MOST_WORDS: Final = 8


def why(passage: Passage, stages: Sequence[Stage], say: Say, *, terms: Sequence[Span] = ()) -> Html:
    """Return the collapsed ranks, scores and times of the stages that returned a passage."""
    took = {stage.name: stage.ms for stage in stages}
    head = ["why.stage", "why.rank", "why.score"] + (["why.time"] if took else [])
    rows = [
        element(
            "tr",
            element("th", stage_name(name, say), scope="row"),
            element("td", f"#{at.rank}"),
            element("td", f"{at.score:.3f}"),
            element("td", seconds(took[name]) if name in took else "–") if took else None,
        )
        for name, at in passage.stages.items()
    ]
    likely = (
        element("p", say("why.relevance", share=f"{passage.relevance:.0%}"), class_="cw-where")
        if passage.relevance is not None
        else None
    )
    table = _table([say(key) for key in head], rows)
    words = _matched(passage.text, terms)
    line = element("p", say("why.matched", words=words), class_="cw-where") if words else None
    return element(
        "details", element("summary", say("why.title")), table, likely, line, class_="cw-why"
    )


def steps_table(stages: Sequence[Stage], total_ms: float, say: Say) -> Html:
    """Return the collapsed table of steps with times, result counts and notes."""
    rows = [
        element(
            "tr",
            element("th", _step_name(stage, say), scope="row"),
            element("td", seconds(stage.ms)),
            element("td", "–" if stage.count is None else stage.count),
            element("td", stage.note or "", class_="cw-said", dir="auto"),
        )
        for stage in stages
    ]
    head = [say(f"why.{key}") for key in ("stage", "time", "count", "note")]
    title = element("summary", say("why.steps", total=seconds(total_ms)))
    return element("details", title, _table(head, rows), class_="cw-fold cw-steps")


def stage_name(name: str, say: Say) -> str:
    """Return the name of a stage in the interface."""
    key = f"stage.{name}"
    return say(key) if key in all_words() else name


def _step_name(stage: Stage, say: Say) -> str:
    """Return the name of a step, after that of its collection if several were asked."""
    name = stage_name(stage.name, say)
    return f"{stage.collection}: {name}" if stage.collection else name


def seconds(value: float) -> str:
    """Return a time in human-readable units.

    Example:
        >>> seconds(0.31), seconds(34.2), seconds(2345.0)
        ('0.3 ms', '34 ms', '2.3 s')
    """
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def _table(head: Sequence[str], rows: Sequence[Html]) -> Html:
    cells = [element("th", text, scope="col") for text in head]
    table = element("table", element("thead", element("tr", *cells)), element("tbody", *rows))
    return element("div", table, class_="cw-table", tabindex="0", role="group")


def _matched(text: str, terms: Sequence[Span]) -> str:
    counts = Counter(text[start:end].lower() for start, end in terms)
    return ", ".join(
        f"{word} ×{count}" if count > 1 else word for word, count in counts.most_common(MOST_WORDS)
    )
