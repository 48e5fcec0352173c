"""Numbers of lists and headings as Word counts them, from the parts "numbering" and "styles"."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from indexing.converters.formats.docx.package import Element, find, name_of, value

_LEVELS = 9
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_CHINESE = "〇一二三四五六七八九"
_CHINESE_FORMATS = frozenset({
    "chineseCounting", "chineseCountingThousand", "ideographDigital", "japaneseCounting",
    "taiwaneseCounting", "taiwaneseCountingThousand", "japaneseDigitalTenThousand",
})  # fmt: skip


@dataclass(frozen=True)
class Style:
    """A style of paragraphs: its name, its number and level in a list, if any, its base."""

    name: str
    number: str = ""
    level: int | None = None
    outline: int | None = None
    base: str = ""


@dataclass
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""
    style: str = ""
    legal: bool = False
    restart: int | None = None


@dataclass
class _List:
    """One abstract list and where its counting stands."""

    levels: dict[int, _Level] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


def read_styles(part: Element) -> dict[str, Style]:
    """Return the styles of paragraphs by id; none if there is no such part."""
    styles: dict[str, Style] = {}
    for style in () if part is None else part.iterchildren(name_of("w:style")):
        level = value(style, "w:pPr/w:numPr/w:ilvl")
        outline = value(style, "w:pPr/w:outlineLvl")
        styles[style.get(name_of("w:styleId"), "")] = Style(
            name=value(style, "w:name"),
            number=value(style, "w:pPr/w:numPr/w:numId"),
            level=int(level) if level.isdigit() else None,
            outline=int(outline) if outline.isdigit() else None,
            base=value(style, "w:basedOn"),
        )
    return styles


def bases(styles: dict[str, Style], style_id: str) -> Iterator[tuple[str, Style]]:
    """Yield a style and those it is based on, with their ids, nearest first."""
    seen: set[str] = set()
    while style_id in styles and style_id not in seen:
        seen.add(style_id)
        yield style_id, styles[style_id]
        style_id = styles[style_id].base


class Numbering:
    """Counter of the numbered paragraphs of a document, to be asked for each in order.

    Args:
        part: The part "numbering", or None.
        styles: The styles of paragraphs.
    """

    def __init__(self, part: Element, styles: dict[str, Style]) -> None:
        self._styles = styles
        self._lists: dict[str, _List] = {}
        self._of_number: dict[str, str] = {}
        self._starts: dict[str, dict[int, int]] = {}  # starts that a number sets, until used
        if part is not None:
            self._read(part)

    def mark(self, paragraph: Element) -> tuple[str, int] | None:
        """Return the mark of a paragraph, such as "2.1" or "-", and its level; None without one."""
        number, level = self._place(paragraph)
        if number in {"", "0"}:
            return None
        found = self._lists.get(self._of_number.get(number, ""))
        if found is None:
            return "-", level
        shown = found.levels.get(level, _Level(text=f"%{level + 1}."))
        self._count(found, level, shown, self._starts.get(number, {}))
        if shown.form == "bullet":
            return "-", level
        if shown.form == "none":
            return ("", level) if not shown.text.strip(" .") else (shown.text, level)
        return _fill(shown, found), level

    def _place(self, paragraph: Element) -> tuple[str, int]:
        """Return the list and the level of a paragraph, by itself or by its style."""
        own = find(paragraph, "w:pPr/w:numPr")
        number = "" if own is None else value(own, "w:numId")
        level = "" if own is None else value(own, "w:ilvl")
        if number:
            return number, _bounded(level)
        for style_id, style in bases(self._styles, value(paragraph, "w:pPr/w:pStyle")):
            if style.number:
                found = self._lists.get(self._of_number.get(style.number, ""))
                levels = found.levels if found else {}
                linked = [place for place, each in levels.items() if each.style == style_id]
                given = style.level if style.level is not None else (linked or [0])[0]
                return style.number, _bounded(level) if level else min(given, _LEVELS - 1)
        return "", 0

    def _count(self, found: _List, level: int, shown: _Level, starts: dict[int, int]) -> None:
        start = starts.pop(level, None)
        if start is not None:
            found.counts[level] = start
        else:
            found.counts[level] = found.counts.get(level, shown.start - 1) + 1
        for above in range(level):
            found.counts.setdefault(above, found.levels.get(above, _Level()).start)
        for below in range(level + 1, _LEVELS):
            after = found.levels.get(below, _Level()).restart
            if after != 0 and (after is None or level < after):
                found.counts.pop(below, None)

    def _read(self, part: Element) -> None:
        by_link: dict[str, str] = {}
        links: dict[str, str] = {}
        for abstract in part.iterchildren(name_of("w:abstractNum")):
            key = abstract.get(name_of("w:abstractNumId"), "")
            self._lists[key] = _List(_read_levels(abstract))
            by_link |= {value(abstract, "w:styleLink"): key}
            links[key] = value(abstract, "w:numStyleLink")
        for number in part.iterchildren(name_of("w:num")):
            key = value(number, "w:abstractNumId")
            if links.get(key):
                key = by_link.get(links[key], key)
            name = number.get(name_of("w:numId"), "")
            self._of_number[name] = key
            for override in number.iterchildren(name_of("w:lvlOverride")):
                level = _bounded(override.get(name_of("w:ilvl"), ""))
                start = value(override, "w:startOverride")
                if start.isdigit():
                    self._starts.setdefault(name, {})[level] = int(start)


def _read_levels(abstract: Element) -> dict[int, _Level]:
    levels = {}
    for level in abstract.iterchildren(name_of("w:lvl")):
        start, restart = value(level, "w:start"), value(level, "w:lvlRestart")
        form = value(level, "w:numFmt", "decimal")
        levels[_bounded(level.get(name_of("w:ilvl"), ""))] = _Level(
            start=int(start) if start.isdigit() else 0 if start else 1,
            form=form,
            text=value(level, "w:lvlText"),
            style=value(level, "w:pStyle"),
            legal=find(level, "w:isLgl") is not None,
            restart=int(restart) if restart.isdigit() else None,
        )
    return levels


def _bounded(level: str) -> int:
    return min(int(level), _LEVELS - 1) if level.isdigit() and len(level) < 6 else 0


def _fill(shown: _Level, found: _List) -> str:
    text = shown.text
    for place in range(_LEVELS):
        mark = f"%{place + 1}"
        if mark in text:
            form = found.levels.get(place, _Level()).form
            form = "decimal" if shown.legal else form
            text = text.replace(mark, _format(found.counts.get(place, 1), form))
    return text.strip()


def _format(number: int, form: str) -> str:
    if form in {"lowerLetter", "upperLetter"} and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 9)
        return letter.upper() if form == "upperLetter" else letter
    if form in {"lowerRoman", "upperRoman"} and 0 < number < 5_000:
        roman = ""
        for size, letters in _ROMAN:
            roman += letters * (number // size)
            number %= size
        return roman.upper() if form == "upperRoman" else roman
    if form == "decimalZero":
        return f"{number:02d}"
    if form in _CHINESE_FORMATS and 0 < number < 100:
        return _chinese(number)
    return str(number)


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    first = "" if tens == 0 else "十" if tens == 1 else _CHINESE[tens] + "十"
    return first + (_CHINESE[ones] if ones else "")
