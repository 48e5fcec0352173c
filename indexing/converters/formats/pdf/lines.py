"""From the characters of a page to its lines.

PDFium says where words and lines end. Its word is checked by the characters' boxes: a wide gap is a
space, also where the file has none; letters at equal distances belong together; a break between
neighbours on one line, as behind a raised number, is none. Characters drawn twice, as for bold or a
shadow, count once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from indexing.converters.formats.pdf.characters import Box, Character

_GAP = 0.22  # of a character's height: a wider gap is a space
_WIDE_GAP = 0.6  # the same between characters of scripts without spaces
_TOUCHING = 0.08  # neighbours overlap by no more
_LETTER_SPACING = 0.8  # letters further apart are columns
_LONGEST_NOTE = 3  # digits of a footnote's number
_LOOKED_BACK = 400  # characters among which one that is drawn twice is looked for
_GRID_SEEN_BY = 12  # letters
_SAME_PITCH = 0.06  # share by which the distances of a grid of letters differ


@dataclass
class PageLine:
    """A line of a page.

    Attributes:
        text: Its words, with single spaces.
        places: The middle of each character of `text`, in points from the left.
        box: Where it stands.
        size: Size of its letters in points; 0 if it is not known.
    """

    text: str
    places: list[float]
    box: Box
    size: float = 0.0
    first: int = field(default=-1, repr=False)

    def insert(self, place: float, words: str) -> None:
        """Put words between the characters left and right of a place."""
        at = sum(1 for each in self.places if each < place)
        before, behind = self.text[:at].rstrip(), self.text[at:].lstrip()
        inner = " ".join(part for part in (before, words, behind) if part)
        left = self.places[: len(before)]
        right = self.places[len(self.text) - len(behind) :]
        self.places = left + [place] * (len(inner) - len(left) - len(right)) + right
        self.text = inner


def lines_of(characters: Iterable[Character]) -> Iterator[PageLine]:
    """Yield the lines of a page, in the order of its content."""
    line: list[Character] = []
    for character in _drawn_once(characters):
        if line and character.before == "\n" and not _goes_on(line[-1], character):
            yield _line(line)
            line = []
        line.append(character)
    if line:
        yield _line(line)


def _drawn_once(characters: Iterable[Character]) -> Iterator[Character]:
    """Leave out each character that stands where the same one was drawn before."""
    kept: list[Character] = []
    expected = -1  # where in `kept` the next one of a word that is drawn again would stand
    broken, last = False, None
    for character in characters:
        again = -1
        if 0 <= expected < len(kept) and _is_copy(kept[expected], character):
            again = expected
        elif last is not None and _steps_back(last, character):
            again = _find_copy(kept, character)
        last = character
        if again >= 0:
            expected = again + 1
            broken = broken or character.before == "\n"
            continue
        expected = -1
        if broken:
            character = character._replace(before="\n")  # noqa: PLW2901
            broken = False
        kept.append(character)
        yield character


def _steps_back(last: Character, character: Character) -> bool:
    """Return whether a character stands left of the one before, or above it."""
    a, b = last.box, character.box
    if b.left >= a.right - 0.3 * (b.right - b.left) or a == b:  # a ligature's rest has its box
        return False
    return b.bottom > a.bottom - 0.5 * (b.top - b.bottom)


def _find_copy(kept: Sequence[Character], character: Character) -> int:
    for at in range(len(kept) - 1, max(len(kept) - _LOOKED_BACK, 0) - 1, -1):
        if _is_copy(kept[at], character):
            return at
    return -1


def _is_copy(one: Character, other: Character) -> bool:
    if one.text != other.text:
        return False
    a, b = one.box, other.box
    near = 0.35 * min(_width(one), _width(other))
    return abs(a.left - b.left) < near and abs(a.bottom - b.bottom) < 0.25 * b.height


def _width(character: Character) -> float:
    return max(character.box.right - character.box.left, 0.1)


def _goes_on(one: Character, other: Character) -> bool:
    """Return whether a character stands close behind another, on the same line."""
    if one.text == "-" or not _level(one, other):
        return False
    height = max(one.box.height, other.box.height)
    raised = abs(one.box.bottom - other.box.bottom) > 0.1 * height  # as a footnote's number is
    return -_TOUCHING * height <= _gap(one, other) < (_GAP if raised else 2 * _GAP) * height


def _level(one: Character, other: Character) -> bool:
    a, b = one.box, other.box
    return min(a.top, b.top) - max(a.bottom, b.bottom) > 0.5 * min(a.height, b.height)


def _gap(one: Character, other: Character) -> float:
    if _runs_left(other.text) and _runs_left(one.text):
        return one.box.left - other.box.right
    return other.box.left - one.box.right


def _runs_left(text: str) -> bool:
    return "\u0590" <= text < "\u0900" or "\ufb1d" <= text < "\ufefd"


def _line(characters: Sequence[Character]) -> PageLine:
    pairs = list(pairwise(characters))
    measures: tuple[float, float] | None = None
    text, places = [characters[0].text], [_middle(characters[0])]
    for number, (one, other) in enumerate(pairs):
        if not _is_next_letter(one, other):
            measures = measures or (_letter_spacing(pairs), _pitch(pairs))
            note = number < _LONGEST_NOTE and _is_raised(one, other)
            if note or _is_space(one, other, *measures):
                text.append(" ")
                places.append((one.box.right + other.box.left) / 2)
        text.append(other.text)
        places.append(_middle(other))
    tallest = max(characters, key=lambda each: each.box.top - each.box.bottom).box
    box = Box(
        min(each.box.left for each in characters),
        tallest.bottom,
        max(each.box.right for each in characters),
        tallest.top,
    )
    return PageLine("".join(text), places, box, first=characters[len(characters) // 2].number)


def _is_next_letter(one: Character, other: Character) -> bool:
    """Return whether two characters are of a word beyond doubt: nearly all are."""
    if other.before:
        return False
    _, bottom, right, top = one.box
    height = top - bottom
    near = -0.3 * height < other.box.left - right < 0.15 * height
    return near and other.box.bottom == bottom


def _is_raised(one: Character, other: Character) -> bool:
    """Return whether a footnote's number stands before its first word."""
    smaller = one.box.height < 0.85 * other.box.height and one.box.bottom > other.box.bottom
    return smaller and one.text.isdigit() and other.text.isalpha()


def _middle(character: Character) -> float:
    return (character.box.left + character.box.right) / 2


def _is_space(one: Character, other: Character, spacing: float, pitch: float) -> bool:
    if other.before and other.real:
        return True
    height = max(one.box.height, other.box.height)
    level, gap = _level(one, other), _gap(one, other)
    if other.before == "\n" and level:
        return gap > _GAP / 2 * height
    if other.before:
        if not level:
            return True
        return not 0 < other.box.left - one.box.left < pitch * (1 + _SAME_PITCH)
    if not level:
        return False
    wide = _WIDE_GAP if _has_no_spaces(one.text) or _has_no_spaces(other.text) else _GAP
    return gap - spacing > wide * height or gap > _LETTER_SPACING * height or gap < -height


def _has_no_spaces(text: str) -> bool:
    return "\u2e80" <= text < "\ua4d0" or "\uf900" <= text < "\ufb00" or text >= "\uff00"


def _letter_spacing(pairs: Sequence[tuple[Character, Character]]) -> float:
    """Return how far the letters of a line's words stand apart; 0 if they are not spaced out."""
    gaps = sorted(_gap(one, other) for one, other in pairs if not other.before)
    usual = gaps[len(gaps) // 2] if len(gaps) >= 3 else 0.0
    return max(usual, 0.0)


def _pitch(pairs: Sequence[tuple[Character, Character]]) -> float:
    """Return the distance of letters that are set on a grid, though their widths differ; or 0."""
    if not any(other.before and not other.real for _, other in pairs):
        return 0.0
    if any(_has_no_spaces(one.text) for one, _ in pairs):
        return 0.0
    pairs = [pair for pair in pairs if pair[0].text.isalnum() and pair[1].text.isalnum()]
    if len(pairs) < 4 or max(_steps(pairs[:_GRID_SEEN_BY]).values()) < min(len(pairs), 5) * 0.6:
        return 0.0
    if len({round(_width(one), 1) for one, _ in pairs}) == 1:
        return 0.0  # a font whose letters are equally wide: a step is a letter by itself
    step, times = _steps(pairs).most_common(1)[0]
    if step <= 0 or times < 0.6 * len(pairs):
        return 0.0
    apart = sum(
        abs(step - _width(one)) > 0.08 * step
        for one, other in pairs
        if abs(other.box.left - one.box.left - step) < 0.1
    )
    return step if apart > 0.4 * times else 0.0  # else the letters are as wide as their steps


def _steps(pairs: Sequence[tuple[Character, Character]]) -> Counter[float]:
    return Counter(round(other.box.left - one.box.left, 1) for one, other in pairs)
