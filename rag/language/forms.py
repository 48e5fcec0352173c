"""Forms of writing that find each other: Chinese scripts, identifiers, dates.

Bm25 sees Chinese in simplified characters, and a date besides its words as one term that does not
depend on how it is written: `March 15, 2024` as `2024-03-15`. A query with an identifier also looks
for the other ways to write it: `ABC-1234` for `abc1234`, `RTX4080` for the phrase `rtx 4080`. Text
is expected in NFKC, one line at a time.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import combinations, pairwise

MONTHS = 12
MOST_PARTS = 4  # of an identifier; one with more, as a hash has, is written in one way only

_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))
_IS_HAN = re.compile("[\u3400-\u9fff\U00020000-\U000323af]")
_KANA = re.compile("[\u3041-\u30fa]")
_MIXED = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]+(?![A-Za-z0-9])"
)
_PART = re.compile("[a-z]+|[0-9]+")
_ORDINAL = re.compile("[0-9]+(?:st|nd|rd|th)")
_PIECE = re.compile("[A-Za-z0-9]+")
_GAPS = frozenset(" -\u2010\u2011\u2012\u2013")  # between the words of an identifier
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    "(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_TH = "(?:st|nd|rd|th)?"
_DATES = (
    ("ymd", r"(?<![\d./-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d|[./-]\d)"),
    ("han", r"(?<!\d)(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?[日号]"),
    ("numbers", r"(?<![\d./-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d|[./-]\d)"),
    ("dmy", rf"(?<![\d.,])(\d{{1,2}}){_TH}(?: of)?[ .-]{{1,2}}{_MONTH},?[ -](\d{{4}})(?!\d)"),
    ("mdy", rf"\b{_MONTH} (\d{{1,2}}){_TH}(?:,|,? of)? ?(?<!\d)(\d{{4}})(?!\d)"),
)
_GROUPS = {"ymd": (1, 3, 4), "han": (1, 2, 3), "numbers": (1, 3, 4)}
_NONE = (0, 0, 0)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _DATES)


@cache
def _to_simplified() -> dict[int, int]:
    """Return traditional -> simplified character, one to one, as OpenCC has them."""
    from opencc import OpenCC

    characters = [chr(code) for start, end in _HAN for code in range(start, end)]
    converted = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    pairs = zip(characters, converted, strict=True)
    return {ord(old): ord(new) for old, new in pairs if old != new and len(new) == 1}


def simplified(text: str) -> str:
    """Return a text in simplified Chinese, one character for each, so that offsets hold.

    Example:
        >>> simplified("數據庫 and 东京")
        '数据库 and 东京'
    """
    if text.isascii() or not _IS_HAN.search(text):
        return text
    return text.translate(_to_simplified())


def in_one_script(text: str) -> str:
    """Return a text as models read it: Chinese in simplified characters, Japanese as it is.

    Models for Chinese have seen more of the simplified script, and read a question and a passage
    better in one script than in two (benchmarks/README.md).
    """
    return text if _KANA.search(text) else simplified(text)


def dates(line: str) -> list[tuple[int, int, str]]:
    """Return start, end and `year-month-day` of the dates in a line.

    Dates whose day and month could be either way round are left as they are written.

    Example:
        >>> [day for _, _, day in dates("of 15 March 2024, 2024年3月16日, not 03/04/2024")]
        ['2024-03-16', '2024-03-15']
    """
    return list(_dates(line)) if any(map(str.isdigit, line)) else []


def joined(line: str) -> list[tuple[int, int, str]]:
    """Return start, end and one word for the identifiers that a line writes in several.

    Example:
        >>> [word for _, _, word in joined("ABC-1234; RTX 3060 Ti")]
        ['abc1234', 'rtx3060', 'rtx3060ti', '3060ti']
    """
    pieces = list(_PIECE.finditer(line))
    found = []
    for first, piece in enumerate(pieces):
        word = piece[0]
        for last in range(first + 1, min(first + MOST_PARTS, len(pieces))):
            gap = line[pieces[last - 1].end() : pieces[last].start()]
            alike = word[-1:].isdigit() == pieces[last][0].isdigit()
            if gap not in _GAPS or (gap == " " and alike):
                break
            word += pieces[last][0]
            if not word.isdigit() and not word.isalpha():
                found.append((piece.start(), pieces[last].end(), word.lower()))
    return found


def split_forms(line: str) -> list[list[str]]:
    """Return the words of each way to write the identifiers of a line in several words.

    Example:
        >>> split_forms("an RTX4080 and a p53")
        [['rtx', '4080'], ['p', '53']]
        >>> split_forms("3060Ti"), split_forms("15th 2024 d41d8cd98f00b204")
        ([['3060', 'ti']], [])
    """
    found = []
    for word in map(str.lower, _MIXED.findall(line)):
        parts = _PART.findall(word)
        if len(parts) <= MOST_PARTS and not _ORDINAL.fullmatch(word):
            cuts = range(1, len(parts))
            found += [
                ["".join(parts[start:end]) for start, end in pairwise([0, *some, len(parts)])]
                for count in cuts
                for some in combinations(cuts, count)
            ]
    return found


def _dates(line: str) -> Iterator[tuple[int, int, str]]:
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(line):
            year, month, day = _numbers(kind, found)
            try:
                term = date(year, month, day).isoformat()
            except ValueError:
                continue
            yield *found.span(), term


def _numbers(kind: str, found: re.Match[str]) -> tuple[int, int, int]:
    """Return year, month and day as they stand in a match; zeros if they are ambiguous."""
    if kind == "dmy":
        return int(found[3]), _month(found[2]), int(found[1])
    if kind == "mdy":
        return int(found[3]), _month(found[1]), int(found[2])
    first, second, third = (int(found[group]) for group in _GROUPS[kind])
    if kind != "numbers":
        return first, second, third
    if second > MONTHS:
        return third, first, second
    return (third, second, first) if found[2] == "." or first > MONTHS or first == second else _NONE


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1
