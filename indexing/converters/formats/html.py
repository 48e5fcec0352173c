"""Conversion of HTML pages to readable text with headings.

Blocks stand on lines of their own, paragraphs after a blank line, `<pre>` as fenced code unless it
holds prose, list items after "- " or their number, definitions indented under their term, images as
their alternative text. Tables of data are pipe rows (`text/tables.py`), a table inside a cell comes
after its own; tables that lay out a page are read cell by cell.
"""

import re
import warnings

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from indexing.converters.formats.html_links import cut_link_blocks
from indexing.converters.formats.html_tables import read_table
from indexing.converters.formats.html_text import TextWriter
from indexing.converters.formats.html_tree import alternative_text, cut, find_content, is_number
from indexing.converters.schema import ConvertedDocument, Heading
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import one_line

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
# fmt: off
_PARAGRAPHS = {
    "p", "pre", "blockquote", "table", "ul", "ol", "dl", "hr", "figure", "details", "address",
    "fieldset",
}
# fmt: on
# fmt: off
_LINES = {
    "div", "section", "article", "li", "dt", "dd", "tr", "caption", "figcaption", "summary",
    "header", "footer", "aside", "main", "form", "legend", "option", "td", "th", "center", "button",
}
# fmt: on
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)|^\s*<\?xml[^>]{0,100}?encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)
_FURTHEST_CHARSET = 2**20  # bytes
_SIGNS_OF_CODE = re.compile(r"[{}\[\]<>=;|\\$#_]|\w\(")


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that the page declares, or None; long styles may stand before it."""
    match = _CHARSET.search(data[:_FURTHEST_CHARSET])
    return (match[1] or match[2]).decode("ascii", errors="replace") if match else None


def read_html(text: str, stem: str) -> tuple[ConvertedDocument, int]:
    """Return the document, and the number of its hidden texts, which are left out.

    Args:
        text: The decoded page.
        stem: The title if neither `<title>` nor `<h1>` gives one.

    Raises:
        Unreadable: If there is no text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XHTML, and about text that looks like a URL
        soup = BeautifulSoup(text, "lxml")
    hidden = cut(soup)
    content = find_content(soup)
    cut_link_blocks(content)
    body, sections = read_tree(content)
    title = one_line(soup.title.get_text()) if soup.title else ""
    if not title:
        title = next((s.heading for s in sections if s.level == 1), "") or stem
    return whole_file(body, title, {"format": "html"}, sections=sections), hidden


def read_tree(root: Tag) -> tuple[str, list[Heading]]:
    """Return the text under an element, and its headings by offset."""
    walker = _Walker()
    todo: list[tuple[object, bool]] = [(root, False)]  # a stack: pages can nest without end
    while todo:
        node, leaving = todo.pop()
        if isinstance(node, Tag):
            if leaving:
                walker.leave(node)
            elif walker.enter(node):
                todo.append((node, True))
                todo.extend((child, False) for child in reversed(node.contents))
            else:
                todo.extend((table, False) for table in reversed(walker.take_nested()))
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            walker.writer.write(node)
    return walker.writer.text(), walker.writer.sections


class _Walker:
    """Effect of each element on the text, before and after its children."""

    def __init__(self) -> None:
        self.writer = TextWriter()
        self._nested: list[Tag] = []  # tables within the data table that was just written
        self._counters: list[int | None] = []  # for each open list: the next number, if any
        self._items = 0

    def take_nested(self) -> list[Tag]:
        """Return the tables that come after the element that was entered, once."""
        nested, self._nested = self._nested, []
        return nested

    def enter(self, tag: Tag) -> bool:
        """Write the text before the children; return whether they are to be read."""
        name = tag.name
        if name == "br":
            self.writer.break_line()
        elif name == "pre":
            self.writer.write_verbatim(_code_block(tag))
            return False
        elif name == "table" and (table := read_table(tag)):
            self.writer.write_verbatim(table.text)
            self._nested = table.nested
            return False
        elif name == "img":
            self.writer.write(f" {alternative_text(tag)} ")
        elif name in _HEADINGS:
            self.writer.open_heading()
        elif name in _PARAGRAPHS or name in _LINES:
            self._open_block(tag)
        elif name == "sup" and is_number(tag):
            self.writer.write("^")
        return True

    def leave(self, tag: Tag) -> None:
        """Write the text after the children; called only if `enter` returned True."""
        name = tag.name
        if name in _HEADINGS:
            self.writer.close_heading(int(name[1]))
        elif name in {"li", "dd"}:
            self._items -= 1
            self.writer.close_item()
        elif name in _PARAGRAPHS:
            if name in {"ul", "ol"}:
                self._counters.pop()
            self.writer.break_line(1 if self._items else 2)
        elif name in _LINES:
            self.writer.break_line()

    def _open_block(self, tag: Tag) -> None:
        name = tag.name
        if name in {"ul", "ol"}:
            self._counters.append(_first_number(tag) if name == "ol" else None)
        if name in {"li", "dd"}:
            self._items += 1
            self.writer.open_item(self._mark() if name == "li" else "  ")
        else:
            tight = name in _LINES or (name in {"ul", "ol", "dl"} and self._items)
            self.writer.break_line(1 if tight else 2)

    def _mark(self) -> str:
        number = self._counters[-1] if self._counters else None
        if number is None:
            return "- "
        self._counters[-1] = number + 1
        return f"{number}. "


def _first_number(tag: Tag) -> int:
    start = tag.get("start")
    return int(start) if isinstance(start, str) and re.fullmatch(r"\d{1,6}", start) else 1


def _code_block(tag: Tag) -> str:
    """Return the text of `<pre>` between fences, with line breaks as newlines; prose has none."""
    for line_break in tag.find_all("br"):
        line_break.replace_with("\n")
    text = tag.get_text().strip("\n").rstrip()
    if not text.strip() or (not tag.find("code") and _is_prose(text)):
        return text
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _is_prose(text: str) -> bool:
    """Return whether the lines of `<pre>` are long ones of words, as in mails and old manuals."""
    lines = [line for line in text.split("\n") if line.strip()]
    signs = len(_SIGNS_OF_CODE.findall(text))
    return len(lines) > 1 and len(text) > 40 * len(lines) and signs * 100 < len(text)
