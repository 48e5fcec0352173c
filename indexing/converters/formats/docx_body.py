"""Text of the body of a DOCX document, read from the elements of its XML.

python-docx's own `paragraph.text` loses tracked insertions and its `iter_inner_content` loses
content controls, so the elements are read here.
"""

import re
from collections.abc import Iterator
from typing import Any

from docx.oxml.ns import qn

from indexing.converters.schema import Heading

_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_TEXT, _PARAGRAPH, _TABLE = qn("w:t"), qn("w:p"), qn("w:tbl")
_WRAPPERS = {qn("w:sdt"), qn("w:sdtContent"), qn("w:customXml"), qn("w:ins"), qn("w:smartTag")}
# properties, deleted text, and the second copy of a text box for old programs
_SKIPPED = {qn("w:pPr"), qn("w:rPr"), qn("w:del"), qn("w:moveFrom"), qn("w:instrText")}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_OFF = {"0", "false", "off"}


def read_body(document: Any) -> tuple[str, list[Heading]]:  # noqa: ANN401
    """Return the text of a `docx.Document`, and its headings by offset."""
    styles = {style.style_id: style.name or "" for style in document.styles}
    parts: list[str] = []
    sections: list[Heading] = []
    size, was_item = 0, False
    for block in _blocks(document.element.body):
        if block.tag == _TABLE:
            text, level, is_item = _table_text(block), 0, False
        else:
            text, level, is_item = _read_paragraph(block, styles)
        if not text:
            continue
        gap = "" if not parts else "\n" if is_item and was_item else "\n\n"
        if level:
            sections.append(Heading(size + len(gap), level, text))
        parts += [gap, text]
        size += len(gap) + len(text)
        was_item = is_item
    return "".join(parts), sections


def _blocks(parent: Any) -> Iterator[Any]:  # noqa: ANN401
    for child in parent.iterchildren():
        if child.tag in {_PARAGRAPH, _TABLE}:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _blocks(child)


def _read_paragraph(paragraph: Any, styles: dict[str, str]) -> tuple[str, int, bool]:  # noqa: ANN401
    """Return the text, the heading level (0 for none), and whether it is a list item."""
    style = styles.get(_value(paragraph, "w:pPr/w:pStyle"), "")
    text = "".join(_characters(paragraph)).strip()
    level = _heading_level(style)
    if level:
        return " ".join(text.split()), level, False
    numbered = _value(paragraph, "w:pPr/w:numPr/w:numId") not in {"", "0"}
    is_item = bool(text) and (numbered or style.startswith("List "))
    return f"- {text}" if is_item else text, 0, is_item


def _value(element: Any, path: str) -> str:  # noqa: ANN401
    found = element.find("/".join(qn(name) for name in path.split("/")))
    return "" if found is None else found.get(qn("w:val")) or ""


def _heading_level(style: str) -> int:
    if style == "Title":
        return 1
    match = re.fullmatch(r"heading (\d)", style, re.IGNORECASE)
    return min(max(int(match[1]), 1), 6) if match else 0


def _characters(element: Any) -> Iterator[str]:  # noqa: ANN401
    for child in element.iterchildren():
        tag = child.tag
        if tag == _TEXT:
            yield child.text or ""
        elif tag in _BREAKS:
            yield _BREAKS[tag]
        elif tag not in _SKIPPED and tag != _FALLBACK and not _is_hidden(child):
            yield from _characters(child)
            if tag == _PARAGRAPH:  # inside a text box, or a table within a cell
                yield "\n"


def _is_hidden(run: Any) -> bool:  # noqa: ANN401
    mark = run.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
    return mark is not None and (mark.get(qn("w:val")) or "1") not in _OFF


def _table_text(table: Any) -> str:  # noqa: ANN401
    rows = []
    for row in table.iter(qn("w:tr")):
        if next(row.iterancestors(_TABLE)) is table:
            cells = [" ".join("".join(_characters(c)).split()) for c in row.iter(qn("w:tc"))]
            rows.append(" | ".join(cells))
    return "\n".join(row for row in rows if row.strip(" |"))
