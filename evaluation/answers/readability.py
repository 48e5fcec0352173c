"""Rules by which an answer can be read or not, each with its reason.

A rule looks at what is shown (the answer without its markers, line by line) and at the place in
the document that each quote was taken from, which tells a quote that begins or ends in the middle
of a sentence from one that stands alone.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evaluation.answers.cut_quotes import cut_at_end, cut_at_start, is_item
from evaluation.answers.given_answers import QuestionType, QuotedPlace
from evaluation.answers.leftovers import markup_left
from evaluation.answers.needed_words import CITATION_MARKERS, holds, plain, without_markers
from rag.language.analysis import tokens
from rag.language.sentences import LIST_ITEM, sentence_spans

LONGEST_BY_TYPE: dict[QuestionType, int] = {  # characters, wide ones twice; half a screen has 900
    "fact": 700, "yes-no": 900, "table": 900, "definition": 900, "keywords": 1200, "why": 1200,
    "comparison": 1800, "list": 4000, "how-to": 4000,
}  # fmt: skip
SAME = 16  # characters from which two sentences that are equal are a repetition
FEW_WORDS = 4  # of a row that is all numbers
MANY_WORDS = 6  # of quotes that are compared with each other
ALIKE = 0.8  # share of the shorter one's words from which two quotes say the same
EXACT = ("fact", "table", "yes-no")  # types whose short answer is a thing by itself

_NUMBER = re.compile(r"[($€£¥-]*\d[\d.,]*[%)]*")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_ASKS = re.compile(r"[?？]\W*$")
_ANNOUNCES = re.compile(r"[:：]\W*$")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_CODE = re.compile(r"`[^`\n]*`")
_NUMBERING = re.compile(r"(?:^|\s)(?:\d{1,3}|[a-zA-Z])[)）]|[:;]-?\)")
_ANCHOR = re.compile(r"\{\s*#[^{}]*\}\s*$")


@dataclass(frozen=True)
class ShownAnswer:
    """An answer as it is shown.

    Attributes:
        text: The answer with its markers, lines kept.
        short: The short answer above it, if any.
        type: Type of the question.
        needed: Groups of alternatives that a right answer holds.
        citations: Its citations, in the order of their numbers.
    """

    text: str
    short: str | None
    type: QuestionType
    needed: Sequence[Sequence[str]]
    citations: Sequence[QuotedPlace]

    @property
    def plain_text(self) -> str:
        """The answer without its markers."""
        return without_markers(self.text)

    @property
    def pieces(self) -> list[str]:
        """The texts between the markers."""
        return [piece.strip() for piece in CITATION_MARKERS.split(self.text) if plain(piece)]


def unreadable(shown: ShownAnswer) -> list[str]:
    """Return the reasons why an answer cannot be read well; none if it can."""
    if not any(character.isalnum() for character in shown.plain_text):
        return ["nothing but marks"]
    found = [reason for rule in _RULES for reason in rule(shown)]
    return list(dict.fromkeys(found))


def _headings(shown: ShownAnswer) -> Iterator[str]:
    if _HEADING.match(shown.text):
        yield "begins with the mark of a heading"
    for place in shown.citations:
        quote = place.quote.strip()
        path = [plain(each) for each in place.heading.split(" > ")]
        bare = plain(_ANCHOR.sub("", quote))
        if "\n" not in quote and (bare in path or (_HEADING.match(quote) and len(quote) < 200)):
            yield f"quotes a heading: {_brief(quote)}"


def _questions(shown: ShownAnswer) -> Iterator[str]:
    for piece in shown.pieces:
        if _ASKS.search(piece) and len(sentence_spans(piece)) == 1:
            yield f"quotes a question: {_brief(piece)}"


def _cuts(shown: ShownAnswer) -> Iterator[str]:
    for number, place in enumerate(shown.citations):
        before = shown.citations[number - 1] if number else None
        following = shown.citations[number + 1 : number + 2]
        if cut_at_start(place) and not (before and _goes_on(before, place)):
            yield f"begins in the middle of a sentence: {_brief(place.quote)}"
        if following and _goes_on(place, following[0]):
            continue
        if cut_at_end(place):
            yield f"ends in the middle of a sentence: {_brief(place.quote, end=True)}"
        if _ANNOUNCES.search(place.quote.rstrip("*_` ")):
            yield f"announces what it does not show: {_brief(place.quote, end=True)}"


def _goes_on(place: QuotedPlace, following: QuotedPlace) -> bool:
    """Return whether the next quote begins where this one ends."""
    same = place.source == following.source
    return same and plain(following.before).endswith(plain(place.quote)[-30:])


def _items(shown: ShownAnswer) -> Iterator[str]:
    if shown.type not in ("list", "how-to"):
        return
    lines = [line for line in shown.plain_text.splitlines() if plain(line)]
    alone = len(shown.citations) == 1 and len(lines) == 1
    if alone and (LIST_ITEM.match(lines[0]) or is_item(shown.citations[0])):
        yield "one item without its list"


def _rows(shown: ShownAnswer) -> Iterator[str]:
    lines = shown.plain_text.splitlines()
    rows = [line for line in lines if _ROW.match(line) and line.count("|") > 2]
    if len(rows) == 1:
        yield "a table row without the names of its columns"
    for line in lines:
        words = line.replace("|", " ").split()
        numbers = [word for word in words if _NUMBER.fullmatch(word)]
        if len(rows) < 2 and len(numbers) >= FEW_WORDS and 2 * len(numbers) >= len(words):
            yield f"a row of numbers without the names of its columns: {_brief(line)}"


def _length(shown: ShownAnswer) -> Iterator[str]:
    text, most = shown.plain_text, LONGEST_BY_TYPE[shown.type]
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    if len(text) + wide > most:
        yield f"longer than {most} characters for a question of type {shown.type}"


def _repeats(shown: ShownAnswer) -> Iterator[str]:
    said: set[str] = set()
    fenced = False
    for line in shown.plain_text.splitlines():
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        for start, end in sentence_spans(line) if not fenced else ():
            sentence = plain(line[start:end])
            if len(sentence) >= SAME and sentence in said:
                yield f"says twice: {_brief(line[start:end])}"
            said.add(sentence)


def _alike(shown: ShownAnswer) -> Iterator[str]:
    """Yield quotes of which most words stand in an earlier quote."""
    said: list[set[str]] = []
    for piece in shown.pieces:
        words = set(tokens(piece))
        if len(words) >= MANY_WORDS and any(
            len(words & other) >= ALIKE * min(len(words), len(other))
            for other in said
            if len(other) >= MANY_WORDS
        ):
            yield f"says nearly the same twice: {_brief(piece)}"
        said.append(words)


def _headline(shown: ShownAnswer) -> Iterator[str]:
    """Yield a short answer that does not answer: it must hold a needed group, or half of many."""
    short, groups = shown.short, shown.needed
    if not short or not groups:
        return
    held = [any(holds(short, each) or holds(each, short) for each in group) for group in groups]
    least = 1 if shown.type in EXACT else len(groups) / 2
    if sum(held) < least:
        yield f"under a headline that does not answer: {_brief(short)}"
    elif _is_unbalanced(short):
        yield f"under a headline that is cut: {_brief(short)}"


def _brackets(shown: ShownAnswer) -> Iterator[str]:
    for place in shown.citations:
        if "\n" not in place.quote and _is_unbalanced(place.wording or place.quote):
            yield f"a bracket or quotation mark without its partner: {_brief(place.quote)}"


def _is_unbalanced(text: str) -> bool:
    prose = _NUMBERING.sub("", _CODE.sub("", text))
    counts = [(prose.count(opens), prose.count(closes)) for opens, closes in ("“”", "「」", "《》")]
    round_ = (sum(map(prose.count, "(（")), sum(map(prose.count, ")）")))
    return prose.count('"') % 2 == 1 or any(one != other for one, other in (*counts, round_))


def _leftovers(shown: ShownAnswer) -> Iterator[str]:
    yield from markup_left(shown.plain_text)


def _brief(text: str, *, end: bool = False, most: int = 40) -> str:
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    return f"…{line[-most:]}" if end else f"{line[:most]}…"


_RULES: tuple[Callable[[ShownAnswer], Iterator[str]], ...] = (
    _headings, _questions, _cuts, _brackets, _items, _rows, _length, _repeats, _alike, _headline,
    _leftovers,
)  # fmt: skip
