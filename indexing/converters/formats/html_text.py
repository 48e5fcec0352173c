"""Text written piece by piece, with the white space of a page that is pleasant to read."""

import re

from indexing.converters.schema import Heading

_EAST_ASIAN = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
# a line break in Chinese or Japanese source is no space between words
_EAST_ASIAN_GAP = re.compile(rf"(?<={_EAST_ASIAN})\s+(?={_EAST_ASIAN})")
_DEEPEST_INDENT = 8


class TextWriter:
    r"""Collects text; white space is asked for before it is needed and written only then.

    Example:
        >>> writer = TextWriter()
        >>> writer.write("One "); writer.break_line(2); writer.write(" two  three")
        >>> writer.text()
        'One\n\ntwo three'
    """

    def __init__(self) -> None:
        self.sections: list[Heading] = []
        self._parts: list[str] = []
        self._size = 0
        self._lines = 0  # newlines asked for
        self._space = False  # a space asked for
        self._indents: list[str] = []
        self._opening: str | None = None  # the mark of a list item that has no text yet
        self._inline = 0  # inside a heading or a table cell: line breaks are spaces
        self._headings: list[tuple[int, int]] = []
        self._row = 0  # parts written before the table row

    def text(self) -> str:
        """Everything written so far."""
        return "".join(self._parts)

    def write(self, text: str) -> None:
        """Add words; runs of white space count as one space."""
        if "\n" in text and not text.isascii():
            text = _EAST_ASIAN_GAP.sub(lambda gap: "" if "\n" in gap[0] else " ", text)
        words = " ".join(text.split())
        self._space |= text[:1].isspace()
        if words:
            self._flush()
            self._emit(words)
            self._space = text[-1:].isspace()

    def write_verbatim(self, text: str) -> None:
        """Add a block as it is, on lines of its own."""
        self.break_line(2)
        self._flush()
        self._emit(text)
        self.break_line(2)

    def open_row(self) -> None:
        """Begin a table row."""
        self.break_line()
        self._row = len(self._parts)

    def write_separator(self) -> None:
        """Add the bar between two cells, unless the row has no words yet."""
        if len(self._parts) == self._row:
            return
        self._space = False
        self._flush()
        self._emit(" |")
        self._space = True

    def break_line(self, lines: int = 1) -> None:
        """Ask for a new line (1) or a blank line (2) before the next words."""
        if self._inline:
            self._space = True
        elif self._opening is None:
            self._lines = max(self._lines, lines)

    def open_item(self, mark: str) -> None:
        """Begin an indented item; `mark` stands before its first words."""
        self.break_line()
        self._indents.append(" " * len(mark))
        self._opening = mark

    def close_item(self) -> None:
        """End the item opened last; without words it leaves no trace."""
        self._opening = None
        self._indents.pop()
        self.break_line()

    def open_inline(self) -> None:
        """Begin a stretch that stays on one line."""
        self._inline += 1

    def close_inline(self) -> None:
        """End the stretch opened last."""
        self._inline -= 1

    def open_heading(self) -> None:
        """Begin a heading, a paragraph of its own."""
        self.break_line(2)
        self._space = False
        self._flush()
        self._headings.append((self._size, len(self._parts)))
        self._inline += 1

    def close_heading(self, level: int) -> None:
        """End the heading opened last and record it, unless it is empty."""
        self._inline -= 1
        start, first = self._headings.pop()
        words = "".join(self._parts[first:])
        if words.strip():
            start += len(words) - len(words.lstrip())
            self.sections.append(Heading(start, level, words.strip()))
        self._space = False
        self.break_line(2)

    def _flush(self) -> None:
        if self._lines and self._size:
            self._emit("\n" * self._lines)
            self._emit_indent()
        elif self._opening is not None:
            self._emit_indent()
        elif self._space and self._size and not self._parts[-1].endswith(("\n", " ")):
            self._emit(" ")
        self._lines, self._space, self._opening = 0, False, None

    def _emit_indent(self) -> None:
        depth = self._indents[:-1] if self._opening is not None else self._indents
        self._emit("".join(depth[:_DEEPEST_INDENT]) + (self._opening or ""))

    def _emit(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._size += len(text)
