"""Blocks of an evaluation report as HTML for the page, with the same content.

`evaluation.report` decides what is shown and in which order, this module the form. The form is not
that of `report.html`, as a page is another medium: one language instead of both with a switch, the
theme and the classes of the page instead of a style sheet of its own, no scripts and no numbered
captions, and figures and cases that the page draws with widgets. `tests/test_report_blocks.py`
holds both forms to the same content.
"""

from collections.abc import Iterable, Iterator, Sequence

from evaluation.report.layout import (
    Block,
    Bullets,
    Case,
    Cases,
    Cell,
    ChangedQuestion,
    ChangedQuestions,
    Code,
    Facts,
    Figure,
    Lights,
    Line,
    ShownText,
    Table,
    Text,
)
from evaluation.report.words import Words, in_language, say
from ui.render.escaping import Html, element, joined
from ui.render.highlighting import language_tag
from ui.words import Language


def blocks_html(blocks: Iterable[Block], language: Language) -> Html:
    """Return blocks, one below the other."""
    return element("div", *(_block(each, language) for each in blocks), class_="cw-blocks")


def case_html(case: Case, language: Language) -> Html:
    """Return a case: one question with gold answers, answer and retrieved passages."""
    passages = [_passage(each, language) for each in case.passages]
    legend = element(
        "p",
        in_language(say("case.legend"), language),
        " ",
        element("mark", in_language(say("case.legend_gold"), language), class_="cw-gold"),
        " ",
        element("mark", in_language(say("case.legend_cited"), language), class_="cw-cited"),
        class_="cw-where",
    )
    none = element("p", in_language(say("case.no_passages"), language), class_="cw-where")
    return element(
        "div",
        _pairs(_case_pairs(case), language),
        joined(legend, element("ol", *passages, class_="cw-ranks")) if passages else none,
        class_="cw-blocks",
    )


def _block(block: Block, language: Language) -> Html | None:
    if isinstance(block, Line):
        return _line(block, language)
    if isinstance(block, Lights):
        return _lights(block, language)
    if isinstance(block, Table):
        return _captioned(block, _table(block, language), language)
    if isinstance(block, Facts):
        return _captioned(block, _facts(block.pairs, language), language)
    if isinstance(block, ChangedQuestions):
        return _changes(block, language)
    return _listed(block, language)


def _listed(block: Bullets | Code | Figure | Cases, language: Language) -> Html | None:
    """Return a list or commands to type; the page draws cases and figures itself."""
    if isinstance(block, Bullets):
        return element("ul", *(element("li", _text(each, language)) for each in block.items))
    return (
        element("pre", element("code", "\n".join(block.lines))) if isinstance(block, Code) else None
    )


def _text(text: Text, language: Language) -> Html:
    """Return a text; data is isolated in its writing direction."""
    if isinstance(text, Words):
        return joined(in_language(text, language))
    return element("bdi", text)


def _line(line: Line, language: Language) -> Html:
    if line.tone == "heading":
        return element("h3", _text(line.text, language), class_="cw-caption")
    return element("p", _text(line.text, language), class_=f"cw-line cw-{line.tone}")


def _lights(lights: Lights, language: Language) -> Html:
    items = [
        element(
            "li",
            element(
                "span",
                in_language(say(f"light.{light.state}"), language),
                class_=f"cw-light cw-{light.state}",
            ),
            element("strong", _text(light.name, language)),
            element("span", _text(light.text, language)),
        )
        for light in lights.items
    ]
    return element("ul", *items, class_="cw-lights")


def _captioned(block: Table | Facts, body: Html, language: Language) -> Html:
    caption = _text(block.caption, language)
    if block.folded:
        return element("details", element("summary", caption), body, class_="cw-fold")
    return element("section", element("h3", caption, class_="cw-caption"), body)


def _facts(pairs: Iterable[tuple[Text, Text]], language: Language) -> Html:
    return _pairs(((name, (value,)) for name, value in pairs), language)


def _pairs(pairs: Iterable[tuple[Text, tuple[Text, ...]]], language: Language) -> Html:
    """Return a list of names, each with its texts."""
    items = [
        element(
            "div",
            element("dt", _text(name, language)),
            element("dd", *_beside(texts, language), dir="auto"),
        )
        for name, texts in pairs
    ]
    return element("dl", *items, class_="cw-pairs")


def _beside(texts: Sequence[Text], language: Language) -> Iterator[object]:
    for place, text in enumerate(texts):
        yield " " if place else None
        yield _text(text, language)


def _table(table: Table, language: Language) -> Html:
    sides = table.sides
    head = [
        element("th", _text(each, language), scope="col", class_=f"cw-{side}")
        for each, side in zip(table.columns, sides, strict=True)
    ]
    rows = [_row(row, len(table.columns), sides, language) for row in table.rows]
    content = element(
        "table", element("thead", element("tr", *head)), element("tbody", *rows), class_="cw-grid"
    )
    label = in_language(table.caption, language)
    scroll = element(
        "div", content, class_="cw-table", tabindex="0", role="group", aria_label=label
    )
    note = element("p", _text(table.note, language), class_="cw-where") if table.note else None
    return joined(scroll, note)


def _row(row: tuple[Cell, ...], width: int, sides: tuple[str, ...], language: Language) -> Html:
    if len(row) == 1:
        title = _text(row[0].text, language)
        return element("tr", element("th", title, scope="rowgroup", colspan=width))
    cells = []
    for place, (cell, side) in enumerate(zip(row, sides, strict=True)):
        content = [
            _text(cell.text, language),
            element("sup", cell.letters) if cell.letters else None,
            *(element("small", _text(each, language)) for each in cell.under if each),
        ]
        name, scope = ("td", None) if place else ("th", "row")
        state = f"cw-{side} cw-{cell.state}" if cell.state else f"cw-{side}"
        cells.append(element(name, *content, scope=scope, class_=state))
    return element("tr", *cells)


def _changes(changes: ChangedQuestions, language: Language) -> Html:
    items = [_change(each, language) for each in changes.items]
    title = element("summary", _text(changes.caption, language))
    note = element("p", _text(changes.note, language), class_="cw-where")
    return element("details", title, element("ol", *items, class_="cw-ranks"), note,
                   class_="cw-fold")  # fmt: skip


def _change(change: ChangedQuestion, language: Language) -> Html:
    return element(
        "li",
        element("p", element("bdi", change.question), class_="cw-title"),
        element(
            "p",
            element("strong", change.difference, class_=f"cw-{change.state}"),
            " ",
            change.scores,
            class_="cw-where",
        ),
        _facts(change.pairs, language),
        class_="cw-card",
    )


def _case_pairs(case: Case) -> Iterator[tuple[Text, tuple[Text, ...]]]:
    """Yield the facts of a case and its scores, which the report puts in the title of a case."""
    yield from case.pairs
    yield say("compare.metric"), (case.scores,)
    if case.baseline:
        yield say("case.baseline"), (case.baseline,)


def _passage(shown: ShownText, language: Language) -> Html:
    pieces: list[object] = []
    for text, kind in shown.pieces:
        marks = " ".join(f"cw-{each}" for each in kind.split())
        pieces.append(element("mark", text, class_=marks) if kind else text)
    whole = "".join(text for text, _ in shown.pieces)
    head = element(
        "header",
        element("span", f"#{shown.rank}", class_="cw-number"),
        element("bdi", shown.source, class_="cw-title"),
        element("bdi", shown.system, class_="cw-tag"),
    )
    return element(
        "li",
        head,
        element("p", element("bdi", shown.stages), class_="cw-where"),
        element("p", *pieces, class_="cw-text cw-lines", dir="auto", lang=language_tag(whole)),
        class_="cw-card",
    )
