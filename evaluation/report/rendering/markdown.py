"""`report.md`: the same sections and numbers for a terminal, a pull request or an e-mail.

Texts are English, titles in both languages; charts are left out, as tables hold their numbers.
Characters from the data that Markdown or HTML would read as markup are escaped.
"""

import re

from evaluation.report.layout import (
    Block,
    Bullets,
    Cases,
    Cell,
    ChangedQuestions,
    Code,
    Facts,
    Figure,
    Light,
    Lights,
    Line,
    Page,
    Table,
    Text,
)
from evaluation.report.words import in_english
from rag.console import printable

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~!&])")
_SIGNS = {"good": "✓ pass", "fair": "! look", "bad": "✗ fail"}


def render_markdown(page: Page) -> str:
    """Return the text of the file."""
    parts = [f"# {plain(page.title)}", plain(page.about)]
    for section in page.sections:
        parts.append(f"## {section.number}. {section.title.en} · {section.title.zh}")
        parts += [part for block in section.blocks if (part := _block(block))]
    return "\n\n".join(parts) + "\n"


def plain(text: Text) -> str:
    r"""Return a text on one line, without anything that Markdown would read as markup.

    Example:
        >>> plain("a | <b>\n*c*")
        'a \\| \\<b\\> \\*c\\*'
    """
    return _MARKUP.sub(r"\\\1", " ".join(printable(in_english(text)).split()))


def _block(block: Block) -> str:
    if isinstance(block, Figure):
        return ""
    if isinstance(block, Line):
        return _line(block)
    if isinstance(block, Bullets):
        return _list([plain(item) for item in block.items])
    if isinstance(block, Lights):
        return _list([_light(light) for light in block.items])
    body = _body(block)
    return f"**{plain(block.caption)}**\n\n{body}"


def _body(block: Facts | Table | Code | Cases | ChangedQuestions) -> str:
    """Return the Markdown below the block's caption."""
    if isinstance(block, Facts):
        return _list([f"{plain(name)}: {plain(value)}" for name, value in block.pairs])
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, ChangedQuestions):
        return _changes(block)
    return _code(block.lines) if isinstance(block, Code) else _cases(block)


def _light(light: Light) -> str:
    return f"{_SIGNS[light.state]} **{plain(light.name)}** {plain(light.text)}"


def _line(line: Line) -> str:
    marks = {"verdict": "**", "heading": "**", "missing": "*", "warning": "**"}
    mark = marks.get(line.tone, "")
    return f"{mark}{plain(line.text)}{mark}"


def _list(items: list[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(table: Table) -> str:
    rows = [
        "| " + " | ".join(plain(column) for column in table.columns) + " |",
        "|" + "".join(" --- |" for _ in table.columns),
    ]
    for row in table.rows:
        cells = [_cell(cell) for cell in row]
        if len(cells) == 1:
            cells = [f"**{cells[0]}**", *("" for _ in table.columns[1:])]
        rows.append("| " + " | ".join(cells) + " |")
    note = f"\n\n{plain(table.note)}" if table.note else ""
    return "\n".join(rows) + note


def _cell(cell: Cell) -> str:
    letters = f"<sup>{plain(cell.letters)}</sup>" if cell.letters else ""
    under = "; ".join(plain(line) for line in cell.under if line)
    return f"{plain(cell.text)}{letters}" + (f"; {under}" if under else "")


def _code(lines: tuple[str, ...]) -> str:
    text = "\n".join(printable(line).replace("\n", " ") for line in lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _cases(cases: Cases) -> str:
    lines = []
    for place, case in enumerate(cases.items, start=1):
        golds = " · ".join(plain(gold) for gold in case.query.golds) or "–"
        rank = case.query.first_relevant or "–"
        answer = case.query.answer or case.query.best_answer or "–"
        lines.append(
            f"{place}. **{plain(case.query.question)}** ({plain(case.query.question_id)}): "
            f"{plain(case.cause)}; gold: {golds}; answer: {plain(answer)}; "
            f"first relevant rank: {rank}; {plain(case.scores)}"
        )
    return "\n".join(lines)


def _changes(changes: ChangedQuestions) -> str:
    lines = []
    for place, change in enumerate(changes.items, start=1):
        facts = "; ".join(f"{plain(name)}: {plain(value)}" for name, value in change.pairs)
        lines.append(
            f"{place}. **{plain(change.question)}** ({plain(change.question_id)}): "
            f"{change.difference}; {plain(change.scores)}; {facts}"
        )
    return "\n".join([*lines, "", plain(changes.note)])
