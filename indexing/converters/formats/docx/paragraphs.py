"""The words of a paragraph, and what belongs to it: text boxes, charts, diagrams and notes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from indexing.converters.formats.docx.drawings import CHART, DIAGRAM
from indexing.converters.formats.docx.equations import equation_text
from indexing.converters.formats.docx.package import Element, is_on, name_of

_TEXT = name_of("w:t")
_BOX = name_of("w:txbxContent")
_NOTES = {name_of("w:footnoteReference"): "footnotes", name_of("w:endnoteReference"): "endnotes"}
# properties, deleted text, the reading of a character, the second copy of a text box
_SKIPPED = frozenset({
    name_of("w:pPr"), name_of("w:rPr"), name_of("w:del"), name_of("w:moveFrom"),
    name_of("w:rt"), name_of("mc:Fallback"),
})  # fmt: skip
_ANCHOR, _SHAPE = name_of("wp:anchor"), name_of("v:shape")
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)
_MADE_BY_A_PROGRAM = re.compile(r"\s*Description automatically generated.*$", re.DOTALL)
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|bmp|tiff?|emf|wmf)", re.IGNORECASE)

NoteReference = tuple[str, str]
"""The part, "footnotes" or "endnotes", and the id of a note."""


@dataclass
class ParagraphWords:
    """The content of a paragraph.

    Attributes:
        pieces: Its words, divided by the text boxes that stand in the line, in order.
        floating: Text boxes beside it.
        drawings: References to the parts of charts and diagrams in it.
        notes: The notes that it refers to, in order.
        hidden: Whether some of its words are hidden.
    """

    pieces: list[str | Element] = field(default_factory=list)
    floating: list[Element] = field(default_factory=list)
    drawings: list[Element] = field(default_factory=list)
    notes: list[NoteReference] = field(default_factory=list)
    hidden: bool = False

    @property
    def text(self) -> str:
        """Its words without those of text boxes."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str)).strip()


def read_paragraph(paragraph: Element, note_number: dict[NoteReference, int]) -> ParagraphWords:
    """Return what a paragraph holds; references to notes become `[1]`, `[2]`, ...

    Args:
        paragraph: An element `w:p`.
        note_number: The numbers of notes so far; new ones are added.
    """
    reader = _ParagraphReader(note_number)
    reader.read(paragraph, floats=False)
    return reader.found


class _ParagraphReader:
    def __init__(self, note_number: dict[NoteReference, int]) -> None:
        self.found = ParagraphWords()
        self._note_number = note_number
        self._fields: list[str] = []  # the instructions of the open fields
        self._in_result = False

    def read(self, element: Element, *, floats: bool) -> None:
        for child in element.iterchildren():
            tag = child.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag in _WORDS:
                self._add(_WORDS[tag](child))
            elif tag in _NOTES:
                self._refer(_NOTES[tag], child.get(name_of("w:id"), ""))
            elif tag == _BOX:
                (self.found.floating if floats else self.found.pieces).append(child)
            elif tag in (CHART, DIAGRAM):
                self.found.drawings.append(child)
            elif tag == name_of("w:fldChar"):
                self._turn_field(child.get(name_of("w:fldCharType")))
            elif tag == name_of("w:instrText"):
                self._instruct(child.text or "")
            elif is_on(child, "w:rPr/w:vanish"):
                self.found.hidden |= any(each.text for each in child.iter(_TEXT))
            elif not _is_page_field(child):
                self.read(child, floats=floats or _floats(child))

    def _add(self, text: str) -> None:
        if text and not (self._in_result and any(map(_PAGE_FIELD.match, self._fields))):
            self.found.pieces.append(text)

    def _refer(self, part: str, note: str) -> None:
        reference = (part, note)
        number = self._note_number.setdefault(reference, len(self._note_number) + 1)
        self.found.notes.append(reference)
        self._add(f"[{number}]")

    def _instruct(self, words: str) -> None:
        if self._fields:
            self._fields[-1] += words

    def _turn_field(self, kind: str | None) -> None:
        if kind == "begin":
            self._fields.append("")
            self._in_result = False
        elif kind == "separate":
            self._in_result = True
        elif kind == "end" and self._fields:
            self._fields.pop()
            self._in_result = bool(self._fields)


def _is_page_field(element: Element) -> bool:
    instruction = element.get(name_of("w:instr"))
    return instruction is not None and _PAGE_FIELD.match(instruction) is not None


def _floats(element: Element) -> bool:
    """Return whether a shape stands beside the text instead of in its line."""
    if element.tag == _ANCHOR:
        return True
    style = element.get("style") or ""
    return element.tag == _SHAPE and "absolute" in style


def _alternative(properties: Element) -> str:
    """Return the words that stand for a picture, with spaces around them, or ""."""
    words = _MADE_BY_A_PROGRAM.sub("", properties.get("descr") or "").strip()
    return f" {words} " if words and not _FILE_NAME.fullmatch(words) else ""


_WORDS: dict[str, Callable[[Element], str]] = {
    _TEXT: lambda element: element.text or "",
    name_of("m:oMath"): equation_text,
    name_of("m:oMathPara"): equation_text,
    name_of("wp:docPr"): _alternative,
    name_of("w:tab"): lambda element: "\t",
    name_of("w:ptab"): lambda element: "\t",
    name_of("w:br"): lambda element: "\n",
    name_of("w:cr"): lambda element: "\n",
    name_of("w:noBreakHyphen"): lambda element: "-",
}
