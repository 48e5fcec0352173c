"""Introductions of list items: sentences that end in a colon and say what the items are."""

import re
from dataclasses import dataclass, field

from rag.language.sentences import LIST_ITEM, behind_bullet, sentence_spans

LONGEST_INTRODUCTION = 200  # characters of an introduction; a longer one is a text of its own
_COLONS = (":", "：")
_LINE = re.compile(r"[^\n\f]+")
_FENCE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_NUMBER = re.compile(r"\s*[(（]?(\d{1,3})[.)）、]")


@dataclass
class _OpenItem:
    """An item whose nested items may follow: its indentation and the sentence it ends with."""

    indent: int
    words: str


@dataclass
class _OpenList:
    """The list that is read, and the sentence that may introduce the next one."""

    introduction: str = ""
    items: list[_OpenItem] = field(default_factory=list)
    number: int | None = None
    before: str = ""

    def add(self, line: str) -> str:
        """Read an item; return the sentences that introduce it, from the outermost to its own."""
        indent = len(line) - len(line.lstrip())
        match = _NUMBER.match(line)
        number = int(match[1]) if match else None
        goes_on = number is not None and self.number == number - 1
        if not self.items and (self.before or not goes_on):
            self.introduction = self.before
        while self.items and self.items[-1].indent >= indent:
            self.items.pop()
        above = [self.introduction, *(each.words for each in self.items)]
        self.items.append(_OpenItem(indent, _introducing(line)))
        if len(self.items) == 1:
            self.number = number
        self.before = ""
        return " ".join(words for words in above if words)

    def leave(self, line: str) -> None:
        """Read a line that is no item: it ends the list unless it is indented below an item."""
        if self.items and line.startswith("  "):
            self.items[-1].words = _introducing(line) or self.items[-1].words
        else:
            self.items.clear()
            self.before = _introducing(line)


def list_introductions(text: str) -> dict[int, str]:
    r"""Return the offset of the mark of each introduced item -> what introduces it.

    An item below another one is introduced by that one too. A numbered item goes on with the list
    that ended with the number before it, whatever stands between.

    Args:
        text: Readable text of a section, in which every line break ends a sentence.

    Example:
        >>> list_introductions("It is old. Bring these:\n\n- a rope\n- a lamp")
        {25: 'Bring these:', 34: 'Bring these:'}
    """
    found: dict[int, str] = {}
    reading, in_code = _OpenList(), False
    for match in _LINE.finditer(text):
        line = match[0]
        if _FENCE.match(line):
            in_code = not in_code
        elif in_code or not line.strip():
            continue
        elif not LIST_ITEM.match(line):
            reading.leave(line)
        elif words := reading.add(line):
            found[match.start() + len(line) - len(line.lstrip())] = words
    return {start: words for start, words in found.items() if len(words) <= LONGEST_INTRODUCTION}


def _introducing(line: str) -> str:
    """Return the last sentence of a line if it ends in a colon and is no heading, else ""."""
    words = line.strip()
    if not words.endswith(_COLONS) or words.startswith(("#", "|")):
        return ""
    start, end = sentence_spans(words, lines_end=True)[-1]
    return words[behind_bullet(words, start, end) : end]
