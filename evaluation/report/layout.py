"""Building blocks of a report section: plain values, rendered as HTML and as Markdown.

A section says *what* is shown, `rendering.html` and `rendering.markdown` say how, so both files
show the same numbers. Every text is either data (a string, shown verbatim and never as markup) or
`Words` in both languages.
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
    """A paragraph; the tone `missing` says why there is nothing to show."""

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
    """Names and values, one pair per row."""

    kind: ClassVar[str] = "facts"
    caption: Text
    pairs: tuple[tuple[Text, Text], ...]
    folded: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: The text.
        under: Smaller lines below, such as the interval.
        letters: Superscript letters of the systems that are significantly worse.
        sort: Sort key, a number; also aligns the cell right.
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
        caption: Contents of the table and number of questions.
        columns: Column headers.
        rows: One tuple of cells per row, as long as `columns`; a row of one cell is a group header.
        note: Reading instructions.
        folded: Whether it starts collapsed.
    """

    kind: ClassVar[str] = "table"
    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: Text = ""
    folded: bool = False

    @property
    def sides(self) -> tuple[str, ...]:
        """Alignment per column: `right` if every cell is a single number, else `left`."""
        columns = list(zip(*(row for row in self.rows if len(row) > 1), strict=True))
        if not columns:
            return ("left",) * len(self.columns)
        return tuple("right" if _plain_numbers(column) else "left" for column in columns)


def _plain_numbers(column: tuple[Cell, ...]) -> bool:
    return all(cell.sort is not None and not cell.under for cell in column)


@dataclass(frozen=True)
class Figure:
    """A chart as SVG, drawn by this package, and its description in words."""

    kind: ClassVar[str] = "figure"
    name: str
    svg: str
    caption: Text
    said: Text


@dataclass(frozen=True)
class Code:
    """Commands to type."""

    kind: ClassVar[str] = "code"
    caption: Text
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Light:
    """One check of the verdict: its subject, state and reason."""

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
    """One question that went wrong.

    Attributes:
        query: The result of the question.
        cause: Cause of the failure.
        pairs: Facts such as gold answers and answer: a name and its texts.
        scores: Metrics of the question.
        baseline: Name of the baseline and its metrics; empty if this system is the baseline.
        passages: Retrieved passages.
    """

    query: QueryResult
    cause: Text
    pairs: tuple[tuple[Text, tuple[Text, ...]], ...]
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
    """One question whose outcome differs in another run; `state` is the direction."""

    question: str
    question_id: str
    difference: str
    state: State
    scores: str
    pairs: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True)
class ChangedQuestions:
    """The questions with the largest differences between two runs, and a note."""

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
        kind: Evaluation or comparison, in words.
        title: Name of the data set.
        about: Line below the title.
        sections: Sections, numbered from 1.
    """

    kind: Words
    title: str
    about: Text
    sections: tuple[ReportSection, ...]
