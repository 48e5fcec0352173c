"""Conversion of HTML pages to readable text with headings.

Blocks stand on lines of their own, paragraphs after a blank line, `<pre>` verbatim, list items
after "- " or their number, table rows as "a | b", definitions indented under their term. A table
that holds headings, lists or other tables counts as layout and is read cell by cell.
"""

import re
import warnings

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from indexing.converters.formats.html_text import TextWriter
from indexing.converters.formats.html_tree import cut, find_content, find_layout_tables
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
    "header", "footer", "aside", "main", "form", "legend", "option", "td", "th", "center",
}
# fmt: on
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)|^\s*<\?xml[^>]{0,100}?encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding declared in the first 4,096 bytes of the page, or None."""
    match = _CHARSET.search(data[:4096])
    return (match[1] or match[2]).decode("ascii", errors="replace") if match else None


def convert_html(text: str, stem: str) -> ConvertedDocument:
    """Return the document of an HTML page.

    Args:
        text: The decoded page.
        stem: The title if neither `<title>` nor `<h1>` gives one.

    Raises:
        Unreadable: If there is no text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XHTML, and about text that looks like a URL
        soup = BeautifulSoup(text, "lxml")
    cut(soup)
    body, sections = read_tree(find_content(soup))
    title = one_line(soup.title.get_text()) if soup.title else ""
    if not title:
        title = next((s.heading for s in sections if s.level == 1), "") or stem
    return whole_file(body, title, {"format": "html"}, sections=sections)


def read_tree(root: Tag) -> tuple[str, list[Heading]]:
    """Return the text under an element, and its headings by offset."""
    walker = _Walker(find_layout_tables(root))
    todo: list[tuple[object, bool]] = [(root, False)]  # a stack: pages can nest without end
    while todo:
        node, leaving = todo.pop()
        if isinstance(node, Tag):
            if leaving:
                walker.leave(node)
            elif walker.enter(node):
                todo.append((node, True))
                todo.extend((child, False) for child in reversed(node.contents))
        elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            walker.writer.write(node)
    return walker.writer.text(), walker.writer.sections


class _Walker:
    """Effect of each element on the text, before and after its children."""

    def __init__(self, layout_tables: set[int]) -> None:
        self._layout_tables = layout_tables
        self.writer = TextWriter()
        self._tables: list[bool] = []  # for each open table: whether its cells are data
        self._counters: list[int | None] = []  # for each open list: the next number, if any
        self._items = 0

    def enter(self, tag: Tag) -> bool:
        """Write the text before the children; return whether they are to be read."""
        name = tag.name
        if name == "br":
            self.writer.break_line()
        elif name == "pre" and not self._in_data_cell():
            self.writer.write_verbatim(_verbatim(tag))
            return False
        elif name in _HEADINGS:
            self.writer.open_heading()
        elif name in {"td", "th"} and self._in_data_cell():
            self._open_cell()
        elif name in _PARAGRAPHS or name in _LINES:
            self._open_block(tag)
        elif name == "sup" and _is_number(tag):
            self.writer.write("^")
        return True

    def leave(self, tag: Tag) -> None:
        """Write the text after the children; called only if `enter` returned True."""
        name = tag.name
        if name in _HEADINGS:
            self.writer.close_heading(int(name[1]))
        elif name in {"td", "th"} and self._in_data_cell():
            self.writer.close_inline()
        elif name in {"li", "dd"}:
            self._items -= 1
            self.writer.close_item()
        elif name in _PARAGRAPHS:
            if name in {"ul", "ol"}:
                self._counters.pop()
            elif name == "table":
                self._tables.pop()
            self.writer.break_line(1 if self._items else 2)
        elif name in _LINES:
            self.writer.break_line()

    def _open_block(self, tag: Tag) -> None:
        name = tag.name
        if name in {"ul", "ol"}:
            self._counters.append(_first_number(tag) if name == "ol" else None)
        elif name == "table":
            self._tables.append(id(tag) not in self._layout_tables)
        elif name == "tr":
            self.writer.open_row()
        if name in {"li", "dd"}:
            self._items += 1
            self.writer.open_item(self._mark() if name == "li" else "  ")
        else:
            tight = name in _LINES or (name in {"ul", "ol", "dl"} and self._items)
            self.writer.break_line(1 if tight else 2)

    def _open_cell(self) -> None:
        self.writer.write_separator()
        self.writer.open_inline()

    def _in_data_cell(self) -> bool:
        return bool(self._tables) and self._tables[-1]

    def _mark(self) -> str:
        number = self._counters[-1] if self._counters else None
        if number is None:
            return "- "
        self._counters[-1] = number + 1
        return f"{number}. "


def _is_number(tag: Tag) -> bool:
    only = tag.contents[0] if len(tag.contents) == 1 else None
    return isinstance(only, NavigableString) and only.strip().isdigit()


def _first_number(tag: Tag) -> int:
    start = tag.get("start")
    return int(start) if isinstance(start, str) and re.fullmatch(r"\d{1,6}", start) else 1


def _verbatim(tag: Tag) -> str:
    """Return the text of `<pre>`, with line breaks as newlines."""
    for line_break in tag.find_all("br"):
        line_break.replace_with("\n")
    return tag.get_text().strip("\n").rstrip()
