"""Result types of conversion, and the exception used inside the worker.

All offsets count characters (not bytes) of `ConvertedDocument.text`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

Scalar = str | int | float | bool | None

SUFFIXES: frozenset[str] = frozenset(
    {
        *(".txt", ".md", ".markdown", ".mdx", ".html", ".htm", ".pdf", ".docx"),
        *(".csv", ".json", ".jsonl"),
    }
)


@dataclass(frozen=True)
class Heading:
    """A heading: its offset, its level and its words.

    Args:
        start: Offset of the heading in the document's text (in Markdown, of its line).
        level: 1 (top) to 6.
        heading: The heading on one line, without markup.
    """

    start: int
    level: int
    heading: str


@dataclass(frozen=True)
class ConvertedDocument:
    """One document: a whole file, or one record of a .csv, .json or .jsonl file.

    Args:
        key: "" for a whole file; "1", "2", ... for records, the number of the record in its file;
            "0" for what stands around its records, such as title lines above a table.
        title: Title given by the file; without one, a whole file has its name without suffix, and a
            record the title of its table, its key, or "".
        text: The stored text, into which offsets of passages and citations point. Never blank.
        sections: Headings in order of `start`.
        pages: Start offset of each page; () if the format has none.
        meta: Fields for filters; `format` is always among them.
    """

    key: str
    title: str
    text: str
    sections: tuple[Heading, ...]
    pages: tuple[int, ...]
    meta: Mapping[str, Scalar]


@dataclass(frozen=True)
class ConversionProblem:
    """A part of a file that could not be read, while the rest could.

    Args:
        reason: What and why, on one line.
        late: Whether there was no time for it.
    """

    reason: str
    late: bool = False


@dataclass(frozen=True)
class ConversionNote:
    """A part of a file that was left out on purpose, such as hidden text; no failure."""

    reason: str

    @classmethod
    def hidden_texts(cls, count: int) -> Self:
        """Return the note on texts that no reader of the original sees."""
        texts = "1 hidden text was" if count == 1 else f"{count} hidden texts were"
        return cls(f"{texts} left out, as no reader of the original sees them")

    @classmethod
    def empty_records(cls, count: int) -> Self:
        """Return the note on records or rows whose fields are all empty."""
        return cls("1 record is empty" if count == 1 else f"{count} records are empty")


@dataclass(frozen=True)
class PageLimits:
    """How the pages of a file are read; only PDF files have pages.

    Args:
        passwords: Passwords that may open an encrypted file.
        seconds: Time for the file; None is without end.
        seconds_per_page: Time added for each page.
        skip: Numbers of pages, from 1, that are left out.
        last: The last page that is read, when it is known that the next one takes too long.
        on_page: Called with the number of the page that is read next, and the number of pages.
    """

    passwords: tuple[str, ...] = ()
    seconds: float | None = None
    seconds_per_page: float = 0.0
    skip: frozenset[int] = frozenset()
    last: int | None = None
    on_page: Callable[[int, int], None] = lambda page, pages: None


@dataclass
class Conversion:
    """Documents, problems and notes of one file.

    Args:
        documents: The documents in file order; at least one.
        problems: One line per part that could not be read, as "line 7: not valid JSON ...".
        notes: One line per kind of content that was left out on purpose.
        late: Whether something was left out because the time was over.
    """

    documents: list[ConvertedDocument] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    late: bool = False


def page_seconds(pages: int) -> str:
    """Return which settings make the time for a file of so many pages."""
    times = "" if pages == 1 else f"{pages} times "
    return f"`conversion.seconds` and {times}`conversion.seconds_per_page`"


class Unreadable(Exception):  # noqa: N818  (a verdict on the file, not on the program)
    """The file cannot be converted; the message is the reason, on one line, for the user."""


class Empty(Unreadable):
    """There is nothing to read in the file, so that nothing is lost by leaving it out."""
