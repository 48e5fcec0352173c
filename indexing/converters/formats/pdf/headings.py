"""Headings of a PDF: where its bookmarks stand, or else lines in clearly larger letters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from indexing.converters.schema import Heading
from indexing.converters.text.cleaning import one_line

_NUMBERING = re.compile(
    r"\s*(?:(?:chapter|section|part|appendix|kapitel|chapitre)\s+)?"
    r"(?:\d+(?:\.\d+)*|[ivxlc]+(?=[.:)])|[a-z](?=[.:)]))[.:)]*\s+",
    re.IGNORECASE,
)
_ALIKE = 0.8  # share of letters that a bookmark and its line have in common
_LARGER = 1.15  # times the usual size
_LONGEST_HEADING = 150
_MOST_SHARE = 0.2  # of all characters; more large letters are no headings
_REPEATED = 3  # pages; a line that stands on as many is a running header
_MOST_LEVELS = 4
_HEADED = 0.1  # share of the pages on which a heading begins, at least


@dataclass(frozen=True)
class Bookmark:
    """A bookmark: its level from 1, its title, and the number of its page from 0."""

    level: int
    title: str
    page: int


@dataclass(frozen=True)
class SizedLine:
    """A line: where it starts in the text, its words, the size of its letters, its page from 0."""

    start: int
    text: str
    size: float
    page: int


def from_bookmarks(bookmarks: Iterable[Bookmark], body: str, pages: Sequence[int]) -> list[Heading]:
    """Return a heading for each bookmark whose words stand on its page, or at the next one's top.

    Args:
        bookmarks: In the order of the outline.
        body: The text.
        pages: Where each page starts in it.
    """
    found: dict[int, Heading] = {}
    letters: dict[int, _Letters] = {}
    after = 0
    for bookmark in bookmarks:
        if not 0 <= bookmark.page < len(pages):
            continue
        for page in (bookmark.page, bookmark.page + 1):
            if page == len(pages):
                break
            if page not in letters:
                end = pages[page + 1] if page + 1 < len(pages) else len(body)
                letters[page] = _Letters(body, pages[page], end)
            span = letters[page].find(bookmark.title, after, strict=page != bookmark.page)
            if span:
                after = max(after, span[1])
                words = body[span[0] : span[1]]
                found[span[0]] = Heading(span[0], min(bookmark.level, 6), words)
                break
    return list(found.values())


class _Letters:
    """The letters and digits of a page, in one case, and where each stands in the text."""

    def __init__(self, body: str, start: int, end: int) -> None:
        self._body, self._start, self._end = body, start, end
        self._plain, self._places = _letters(body, start, end)

    def find(self, title: str, after: int, *, strict: bool) -> tuple[int, int] | None:
        """Return the span of a title: at the start of a line rather than inside, after others."""
        bare = _NUMBERING.sub("", title, count=1)
        for words in dict.fromkeys((title, bare)):
            wanted = _letters(words, 0, len(words))[0]
            spans = list(self._spans(wanted)) if wanted else []
            opening = [span for span in spans if self._opens(span[0])]
            behind = [span for span in opening if span[0] >= after]
            for choice in (behind, opening, [] if strict or len(wanted) < 4 else spans):
                if choice:
                    return self._with_numbering(choice[0])
        return None if strict else self._alike(bare)

    def _spans(self, wanted: str) -> Iterator[tuple[int, int]]:
        at = self._plain.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            first, last = self._places[at], self._places[end - 1] + 1
            whole = last >= self._end or not self._body[last].isalnum()
            if whole and (first == self._start or not self._body[first - 1].isalnum()):
                yield first, last
            at = self._plain.find(wanted, at + 1)

    def _line_start(self, at: int) -> int:
        return max(self._body.rfind("\n", self._start, at) + 1, self._start)

    def _opens(self, at: int) -> bool:
        before = self._body[self._line_start(at) : at]
        return not any(map(str.isalnum, before)) or bool(_NUMBERING.fullmatch(before + " "))

    def _with_numbering(self, span: tuple[int, int]) -> tuple[int, int]:
        line = self._line_start(span[0])
        numbered = _NUMBERING.fullmatch(self._body[line : span[0]])
        return (line, span[1]) if numbered else span

    def _alike(self, title: str) -> tuple[int, int] | None:
        """Return the line that is most like a title."""
        wanted = _letters(title, 0, len(title))[0]
        best, span = _ALIKE, None
        position = self._start
        for line in self._body[self._start : self._end].split("\n"):
            start, end = position, position + len(line)
            position = end + 1
            plain = _letters(line, 0, len(line))[0]
            if not wanted or abs(len(plain) - len(wanted)) > 0.4 * len(wanted):
                continue
            share = SequenceMatcher(None, wanted, plain, autojunk=False).ratio()
            if share > best:
                best, span = share, (start, end)
        return span


def _letters(text: str, start: int, end: int) -> tuple[str, list[int]]:
    letters: list[str] = []
    places: list[int] = []
    for at in range(start, end):
        for each in unicodedata.normalize("NFKC", text[at]).casefold():
            if each.isalnum():
                letters.append(each)
                places.append(at)
    return "".join(letters), places


def from_sizes(lines: Sequence[SizedLine], pages: int) -> list[Heading]:
    """Return the lines in clearly larger letters than most of the text, if there are only a few.

    Lines of one size that follow each other are one heading. Lines that are repeated on several
    pages are none. Large letters on the cover alone say nothing about the pages behind it.
    """
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[_rounded(line.size)] += len(line.text)
    if not sizes:
        return []
    usual = sizes.most_common(1)[0][0]
    large = [line for line in lines if _rounded(line.size) >= max(usual * _LARGER, usual + 1)]
    if sum(len(line.text) for line in large) > _MOST_SHARE * sizes.total():
        return []
    times = Counter(words for words, _ in {(_worded(line.text), line.page) for line in large})
    runs = [
        run
        for run in _runs(lines, large)
        if not any(times[_worded(each.text)] >= _REPEATED for each in run)
    ]
    runs = [run for run in runs if _is_heading(" ".join(line.text for line in run))]
    if pages > 2 and len({run[0].page for run in runs}) < max(2, _HEADED * pages):
        return []
    order = sorted({_rounded(run[0].size) for run in runs}, reverse=True)
    return [
        Heading(
            run[0].start,
            min(order.index(_rounded(run[0].size)) + 1, _MOST_LEVELS),
            one_line(" ".join(line.text for line in run)),
        )
        for run in runs
    ]


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _worded(text: str) -> str:
    return re.sub(r"[\W\d]+", "", text).casefold()


def _runs(lines: Sequence[SizedLine], large: Sequence[SizedLine]) -> Iterator[list[SizedLine]]:
    wanted = {line.start for line in large}
    run: list[SizedLine] = []
    for line in lines:
        goes_on = run and line.page == run[-1].page and _rounded(line.size) == _rounded(run[0].size)
        if run and not (goes_on and line.start in wanted):
            yield run
            run = []
        if line.start in wanted:
            run.append(line)
    if run:
        yield run


def _is_heading(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return (
        2 <= len(text) <= _LONGEST_HEADING
        and letters >= max(2, len(text) // 3)
        and text[-1] not in ",;"
    )
