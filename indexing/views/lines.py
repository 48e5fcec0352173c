"""Lines of a text and what each of them is: prose, a heading, an item, a row, code."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from indexing.converters import Heading
from rag.language.sentences import LIST_ITEM

_LINE = re.compile(r"([^\n\f]*)([\n\f]|\Z)")
_FENCE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_ROW = re.compile(r"\|.*\|$")
_RULE = re.compile(r"(?:={3,}|-{3,}|\*{3,}|_{3,}|~{4,}|[─━═—]{3,})$")
_HEADING = re.compile(r"#{1,6}[ \t]")
_LETTERED = re.compile(  # items that are too doubtful where lines are not looked at
    r"(?:(?:[A-Za-z]|[ivxIVX]{1,5})[.)][ \t]+"
    r"|\d{1,3}．(?!\d)[ \t]*|[(（](?:\d{1,3}|[A-Za-z])[)）])\S"
)
_CHAPTER = re.compile(
    r"(?:第\s*[\d〇零一二三四五六七八九十百]+\s*[章节節部篇卷回条條]|(?:Chapter|Section|Part)\s+\w+\s*$)"
)
_CAPTION = re.compile(r"(?:[图圖表]\s*\d|(?:Figure|Fig\.|Table)\s+\d)", re.IGNORECASE)
_QUOTE = re.compile(r"(?:>[ \t]?)+")
_PAIR = re.compile(
    r"[^\s:：=|]++(?:[ \t][^\s:：=|]++){0,3}+[ \t]?"  # a name of one to four words
    r"(?:：|:(?=\s|[^\x00-\x7f]|$)|[ \t]*=(?![=>]))"
)
_STAMP = re.compile(
    r"[\[(]?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|[\[(]?\d\d:\d\d:\d\d|\w{3} +\d+ \d\d:\d\d:\d\d"
)
_CODE = re.compile(r"[{}<>\\$]|[;(,]$|=|\(\)|^(?:>>>|#|//|import |def |return\b)|::|->")
_COMMAND = re.compile(  # a line of a shell or a program, wherever it stands
    r"(?:\$|>>>|sudo) \S"
    r"|(?:pip3?|npm|npx|yarn|pnpm|uv|conda|brew|apt(?:-get)?|dnf|yum|cargo|gem|git|docker|kubectl"
    r"|helm) (?:-|install|add|apply|build|checkout|ci|clone|commit|compose|exec|get|init|pip"
    r"|pull|push|run|start|sync|tool|up|update|upgrade)\b(?!.*[.!?]$)"
    r"|(?:curl|wget|ssh|scp|cd|ls|cp|mv|rm|cat|mkdir|chmod|chown|export|make|node|python3?|systemctl"
    r"|tar|grep|echo)(?= )(?!.*[.!?]$).*(?:(?<= )-{1,2}\w|(?<= )[~.]*/|://|\w=)"
    r"|(?:from [\w.]+ )?import [\w.*]+(?: as \w+)?(?:, [\w.]+)*$|(?:async )?(?:def|function) \w+\("
    r"|class \w+.*[:{]$|[\w.]+\(.*\)[;:]?$|[})\]]+[;,)]*$|[^。，]*\{$"
)
_SPACED = re.compile(
    "(?<=[\u3001-\u9fff\uff01-\uff65])[ \u00a0\u3000](?=[\u3001-\u9fff\uff01-\uff65])"
)
_HAN_PROSE = re.compile("[\u4e00-\u9fff]{2,}.*[，。！？；]")


class Kind(Enum):
    """Kind of a line."""

    PROSE = "prose"
    HEADING = "heading"
    ITEM = "item"
    ROW = "row"
    PAIR = "pair"
    CODE = "code"
    RULE = "rule"


@dataclass
class TextLine:
    """A line that is not blank.

    Attributes:
        start: Offset of its first character that is not white space.
        end: Offset behind its last one.
        text: The characters between.
        indent: Number of characters before `start` in its line.
        kind: What it is.
        gap: Number of blank lines before it.
        page: Number of its page, from 0.
        ends_hard: Whether its markup asks for a break behind it.
        columns: Its width without spaces in Chinese; Chinese and Japanese characters are two wide.
        size: Its number of characters without those spaces.
    """

    start: int
    end: int
    text: str
    indent: int
    kind: Kind = Kind.PROSE
    gap: int = 0
    page: int = 0
    ends_hard: bool = False
    columns: int = 0
    size: int = 0


def split_lines(text: str, sections: Sequence[Heading], pages: Sequence[int]) -> list[TextLine]:
    """Return the lines of a text that are not blank, in order, each with its kind.

    Args:
        text: The text.
        sections: Its headings.
        pages: Start offset of each page; none if it has no pages.
    """
    lines: list[TextLine] = []
    gap = page = 0
    for match in _LINE.finditer(text):
        raw = match[1]
        stripped = raw.strip()
        if not stripped:
            gap += match[2] == "\n"
            continue
        start = match.start() + len(raw) - len(raw.lstrip())
        while page + 1 < len(pages) and pages[page + 1] <= start:
            page += 1
        line = TextLine(start, start + len(stripped), stripped, start - match.start(), gap=gap)
        close = stripped if stripped.isascii() else _SPACED.sub("", stripped)
        line.page, line.columns, line.size = page, columns(close), len(close)
        line.ends_hard = raw.endswith("  ") or stripped.endswith("\\")
        lines.append(line)
        gap = 0
    _find_kinds(lines, [section.start for section in sections])
    return lines


def columns(text: str) -> int:
    """Return the width of a text on a terminal or in a book.

    Example:
        >>> columns("GPU 安装")
        8
    """
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def is_stamped(line: TextLine) -> bool:
    """Return whether a line begins with a time, as those of a log do."""
    return _STAMP.match(line.text) is not None


def _find_kinds(lines: Sequence[TextLine], headings: Sequence[int]) -> None:
    fenced = False
    before: TextLine | None = None
    for line in lines:
        fence = _FENCE.match(line.text) is not None
        if fenced or fence:
            line.kind = Kind.PROSE if _HAN_PROSE.match(line.text) and not fence else Kind.CODE
            fenced = fenced != fence
        else:
            line.kind = _kind(line, headings, before)
        before = line
    for number, line in enumerate(lines):
        lone_pair = line.kind is Kind.PAIR and not is_stamped(line)
        if (lone_pair and not _has_pair_beside(lines, number)) or _is_no_item(lines, number):
            line.kind = Kind.PROSE


def _is_no_item(lines: Sequence[TextLine], number: int) -> bool:
    """Return whether a line only looks like an item: its "2." or dash ends a sentence's line."""
    line = lines[number]
    if line.kind is not Kind.ITEM or line.gap or not number:
        return False
    before = lines[number - 1]
    near = (*lines[max(number - 8, 0) : number], *lines[number + 1 : number + 9])
    alone = all(each.kind is not Kind.ITEM for each in near)
    last = before.text.rstrip("”’)）」』】》\"'`*_")[-1:]
    return alone and before.kind is Kind.PROSE and last not in ".:。：!?！？;；"


def _has_pair_beside(lines: Sequence[TextLine], number: int) -> bool:
    """Return whether the line before or behind is one of a name and a value too."""
    line = lines[number]
    above = number > 0 and not line.gap and lines[number - 1].kind is Kind.PAIR
    below = lines[number + 1 : number + 2]
    return above or any(not each.gap and each.kind is Kind.PAIR for each in below)


def _kind(line: TextLine, headings: Sequence[int], before: TextLine | None) -> Kind:
    place = bisect_left(headings, line.start - line.indent)
    if place < len(headings) and headings[place] < line.end:
        return Kind.HEADING
    text = line.text
    if _HEADING.match(text) or (_CHAPTER.match(text) and line.columns < 60):
        return Kind.HEADING
    opens = before is None or line.gap or before.kind is Kind.CODE
    is_code = line.indent >= 4 and opens and _CODE.search(text) and not _HAN_PROSE.search(text)
    is_pair = _STAMP.match(text) or (_PAIR.match(text) and line.columns <= 120)
    kinds = (
        (Kind.ROW, _ROW.match(text)),
        (Kind.RULE, _RULE.match(text)),
        (Kind.CODE, is_code or _COMMAND.match(text)),
        (Kind.ITEM, LIST_ITEM.match(text) or _LETTERED.match(text)),
        (Kind.PAIR, is_pair),
    )
    return next((kind for kind, fits in kinds if fits), Kind.PROSE)


def is_caption(line: TextLine) -> bool:
    """Return whether a line is the caption of a figure or table."""
    return _CAPTION.match(line.text) is not None


def quote_mark(line: TextLine) -> int:
    """Return the number of characters at a line's start that mark a quotation in Markdown."""
    match = _QUOTE.match(line.text)
    return match.end() if match else 0
