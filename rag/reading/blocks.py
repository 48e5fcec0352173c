"""Blocks of a readable text: paragraphs, headings, items of lists, rows of tables, code.

The lines of a view are whole: a paragraph, an item or a row is one line, an item's further
paragraphs and code are indented below it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from rag.language.lazy_patterns import lazy_pattern
from rag.language.sentences import LIST_ITEM
from rag.view import View

BlockKind = Literal["paragraph", "heading", "item", "header", "row", "code", "markup"]

LONGEST_TITLE = 60  # characters of a line that stands alone and may be a heading
LONGEST_TERM = 90
_LINE = lazy_pattern(r"[^\n\f]*[\n\f]|[^\n\f]+")
_FENCE = lazy_pattern(r"[ ]{0,12}(?:```|~~~)")
_HEADING = lazy_pattern(r"[ ]{0,3}#{1,6}[ \t]+\S")
_MARKUP = lazy_pattern(
    r"\s*(?:<summary\b|/{3,}|:{3,}|\{[*%#]|<!--|</?[a-zA-Z][\w-]*(?:\s[^>]*)?/?>\s*$|!\[[^\]]*\]\([^)]*\)\s*$"
    r"|\[[^\]]+\]:\s|={3,}\s*$|-{3,}\s*$|\*{3,}\s*$|import\s.*\sfrom\s)"
)
_STEP = lazy_pattern(
    r"\s*(?:步骤\s*\d|第\s*[\d一二三四五六七八九十]{1,3}\s*步|step\s+\d+\b)", re.IGNORECASE
)
_CODE = lazy_pattern(r"\b(?=[A-Z\d-]*[A-Z])(?=[A-Z\d-]*\d)[A-Z\d-]{4,}\b")  # as LX-7781: no title
_ENDS = lazy_pattern(r"[.。！!?？;；…:：,，、]\s*[\"”’)）」』*_`]*$")
_WORD = lazy_pattern(r"\w")


@dataclass(frozen=True)
class TextBlock:
    """A block: its kind, its span in the readable text, and its indentation in characters."""

    kind: BlockKind
    start: int
    end: int
    indent: int = 0


@dataclass(frozen=True)
class _BlockLine:
    start: int
    end: int  # without the line break and white space at the end
    indent: int
    blank_before: bool


def blocks_of(view: View, headings: frozenset[str], *, in_code: bool = False) -> list[TextBlock]:
    """Return the blocks of a view, in order.

    Args:
        view: The readable text.
        headings: Texts of its headings, where they have no mark.
        in_code: Whether the text begins inside a fenced block of code.
    """
    text, found = view.text, list[TextBlock]()
    code = TextBlock("code", 0, 0) if in_code else None
    for line in _lines(text):
        if _FENCE.match(text, line.start - line.indent, line.end):
            if code is None:
                code = TextBlock("code", line.start - line.indent, line.end, line.indent)
                continue
            found.append(replace(code, end=line.end))
            code = None
        elif code is None:
            _add(found, view, line, headings)
    if code is not None and text[code.start :].strip():
        found.append(replace(code, end=len(text.rstrip())))
    return found


def is_heading_text(text: str, headings: frozenset[str]) -> bool:
    """Return whether a line is a heading: by its mark in Markdown, or as one of some headings.

    Example:
        >>> is_heading_text("## Error lights {#lights}", frozenset())
        True
    """
    bare = text.strip().strip("*_ ").rstrip(":：")
    return bool(_HEADING.match(text)) or bare in headings


def _lines(text: str) -> Iterator[_BlockLine]:
    position, blank = 0, True
    for raw in _LINE.findall(text):
        stripped = raw.strip()
        if stripped:
            indent = len(raw) - len(raw.lstrip())
            start = position + indent
            yield _BlockLine(start, start + len(stripped), indent, blank)
        blank = not stripped
        position += len(raw)


def _add(found: list[TextBlock], view: View, line: _BlockLine, headings: frozenset[str]) -> None:
    last = found[-1] if found else None
    kind = _kind(view, line, headings)
    if kind == "paragraph" and last is not None:
        if (last.kind == "item" and _belongs(line, last)) or _defines(view.text, line, last):
            found[-1] = replace(last, kind="item", end=line.end)
            return
        if last.kind == "paragraph" and not (view.lines_end or line.blank_before):
            found[-1] = replace(last, end=line.end)
            return
    found.append(TextBlock(kind, line.start, line.end, line.indent))


def _kind(view: View, line: _BlockLine, headings: frozenset[str]) -> BlockKind:
    text = view.text[line.start : line.end]
    kind: BlockKind = "paragraph"
    if is_heading_text(text, headings):
        kind = "heading"
    elif view.puts_words_in(line.start, line.end):
        kind = "row"
    elif text.startswith("|"):
        kind = "header"
    elif LIST_ITEM.match(text) or _STEP.match(text):
        kind = "item"
    elif _MARKUP.match(text) or not _WORD.search(text):
        kind = "markup"
    elif line.blank_before and _is_title(text) and view.text[line.end :].strip():
        kind = "heading"
    return kind


def _is_title(text: str) -> bool:
    """Return whether a short line looks like a title: a line of bold words, or no sentence."""
    if len(text) > LONGEST_TITLE:
        return False
    bold = text.startswith("**") and text.endswith("**") and text.count("**") == 2
    return bold or (not _ENDS.search(text) and len(text.split()) <= 8 and "`" not in text
                    and len(text) <= LONGEST_TITLE // 2 and not _CODE.search(text))  # fmt: skip


def _belongs(line: _BlockLine, item: TextBlock) -> bool:
    """Return whether a line is a further paragraph of an item."""
    return line.indent > item.indent and (line.indent >= 2 or not line.blank_before)


def _defines(text: str, line: _BlockLine, last: TextBlock) -> bool:
    """Return whether a line is the text below a term of a list of terms."""
    if last.kind not in ("paragraph", "heading") or line.blank_before or line.indent < 2:
        return False
    term = text[last.start : last.end]
    return "\n" not in term and len(term) <= LONGEST_TERM and last.indent < line.indent
