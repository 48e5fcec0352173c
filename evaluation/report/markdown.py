"""`report.md`: the same sections and numbers for a terminal, a pull request or an e-mail.

Texts are English, titles in both languages; charts are left out, as their numbers stand in tables.
Characters from the data that Markdown or HTML would read as markup are escaped.
"""

import re

from evaluation.report.layout import (
    Block,
    Bullets,
    Cases,
    Cell,
    Code,
    Facts,
    Figure,
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
    match block:
        case Line():
            return _line(block)
        case Bullets():
            return _list([plain(item) for item in block.items])
        case Lights():
            return _list(
                [
                    f"{_SIGNS[light.state]} **{plain(light.name)}** {plain(light.text)}"
                    for light in block.items
                ]
            )
        case Facts():
            pairs = [f"{plain(name)}: {plain(value)}" for name, value in block.pairs]
            return f"**{plain(block.caption)}**\n\n{_list(pairs)}"
        case Table():
            return _table(block)
        case Code():
            return f"**{plain(block.caption)}**\n\n{_code(block.lines)}"
        case Cases():
            return _cases(block)
        case Figure():
            return ""


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
    return f"**{plain(table.caption)}**\n\n" + "\n".join(rows) + note


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
    return f"**{plain(cases.caption)}**\n\n" + "\n".join(lines)
