"""What a section of the report is made of: plain values that HTML and Markdown are both drawn from.

A section says *what* is shown; `html` and `markdown` say how. So both files show the same numbers.
Every text is either data (a string, shown as it is and never as markup) or `Words` in both
languages.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from evaluation.report.words import Words
from evaluation.results.records import QueryResult

Text: TypeAlias = "str | Words"
State = Literal["", "good", "fair", "bad", "muted"]
Piece = tuple[str, str]  # text, and "", "gold", "cited" or "gold cited"


@dataclass(frozen=True)
class Line:
    """A paragraph; `missing` is one that says why there is nothing to show."""

    kind: ClassVar[str] = "line"
    text: Text
    tone: Literal["plain", "verdict", "note", "missing", "warning", "heading"] = "plain"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[Text, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, one pair a row."""

    kind: ClassVar[str] = "facts"
    caption: Text
    pairs: tuple[tuple[Text, Text], ...]
    folded: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: What it says.
        under: Smaller lines below, such as the interval.
        letters: Superscript, the systems that are significantly worse.
        sort: Number to sort by; also sets the cell flush right.
        state: Colour and weight.
    """

    text: Text
    under: tuple[Text, ...] = ()
    letters: str = ""
    sort: float | None = None
    state: State = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is the row's header.

    Attributes:
        caption: What it shows, and over how many questions.
        columns: Headers.
        rows: One tuple of cells a row, as long as `columns`; a row of one cell is a group header.
        note: How to read it.
        folded: Whether it starts closed, being there for reference.
    """

    kind: ClassVar[str] = "table"
    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Text = ""
    folded: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """`right` for each column that holds nothing but one number a cell, else `left`."""
        columns = list(zip(*(row for row in self.rows if len(row) > 1), strict=True))
        return tuple("right" if _plain_numbers(column) else "left" for column in columns)


def _plain_numbers(column: tuple[Cell, ...]) -> bool:
    return all(cell.sort is not None and not cell.under for cell in column)


@dataclass(frozen=True)
class Figure:
    """A chart as SVG, which this package drew, and what it says in words."""

    kind: ClassVar[str] = "figure"
    name: str
    svg: str
    caption: Text
    said: Text


@dataclass(frozen=True)
class Code:
    """Lines to type."""

    kind: ClassVar[str] = "code"
    caption: Text
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Light:
    """One check: what it is about, how it stands, and why."""

    state: Literal["good", "fair", "bad"]
    name: Text
    text: Text


@dataclass(frozen=True)
class Lights:
    """The checks of the verdict."""

    kind: ClassVar[str] = "lights"
    items: tuple[Light, ...]


@dataclass(frozen=True)
class ShownText:
    """One retrieved passage of a case, cut at the borders of gold and citation."""

    system: str
    rank: int
    source: str
    stages: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Case:
    """One question that went wrong."""

    query: QueryResult
    cause: Text
    scores: str
    baseline: str
    passages: tuple[ShownText, ...]


@dataclass(frozen=True)
class Cases:
    """The worst questions of one system."""

    kind: ClassVar[str] = "cases"
    system: str
    caption: Text
    items: tuple[Case, ...]
    folded: bool = False


@dataclass(frozen=True)
class ChangedQuestion:
    """One question that went otherwise in another run; `state` says in which direction."""

    question: str
    question_id: str
    difference: str
    state: State
    scores: str
    pairs: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True)
class ChangedQuestions:
    """The questions that two runs differ most on, and how to read them."""

    kind: ClassVar[str] = "changes"
    caption: Text
    items: tuple[ChangedQuestion, ...]
    note: Text


Block: TypeAlias = (
    "Line | Bullets | Facts | Table | Figure | Code | Lights | Cases | ChangedQuestions"
)


@dataclass(frozen=True)
class ReportSection:
    """A numbered section of the report."""

    number: int
    title: Words
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The whole report.

    Attributes:
        kind: What it is: an evaluation or a comparison.
        title: The data set's name.
        about: One line below the title.
        sections: From 1.
    """

    kind: Words
    title: str
    about: Text
    sections: tuple[ReportSection, ...]
