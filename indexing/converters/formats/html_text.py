"""Text writer for HTML pages, which normalises white space."""

import re

from indexing.converters.schema import Heading

_EAST_ASIAN = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
# A line break in Chinese or Japanese source is no space between words.
_EAST_ASIAN_GAP = re.compile(rf"(?<={_EAST_ASIAN})\s+(?={_EAST_ASIAN})")
_DEEPEST_INDENT = 8


class TextWriter:
    r"""Text buffer that writes requested white space only when more text follows.

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
        self._lines = 0  # requested newlines
        self._space = False  # whether a space is requested
        self._indents: list[str] = []
        self._opening: str | None = None  # the mark of a list item without text so far
        self._inline = 0  # depth inside headings, where line breaks are spaces
        self._headings: list[tuple[int, int]] = []

    def text(self) -> str:
        """Return the text written so far."""
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
        """Add a block verbatim, on lines of its own."""
        self.break_line(2)
        self._flush()
        self._emit(text)
        self.break_line(2)

    def break_line(self, lines: int = 1) -> None:
        """Request a new line (1) or a blank line (2) before the next words."""
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
        """End the innermost item; without words it leaves no trace."""
        self._opening = None
        self._indents.pop()
        self.break_line()

    def open_heading(self) -> None:
        """Begin a heading, a paragraph of its own."""
        self.break_line(2)
        self._space = False
        self._flush()
        self._headings.append((self._size, len(self._parts)))
        self._inline += 1

    def close_heading(self, level: int) -> None:
        """End the innermost heading and record it, unless it is empty."""
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
