"""Characters that models and people read in another form than the text has them."""

import re
import unicodedata
from collections.abc import Iterator

from rag.view import Edit

_HAN = "\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WIDE = f"[{_HAN}，。、；：？！“”‘’（）《》〈〉「」『』【】—…]"
# Compatibility forms: full-width letters and digits, half-width kana, ligatures, radicals, letters
# of mathematics, forms of Arabic letters. Punctuation, fractions and units stay as they are.
_COMPATIBLE = re.compile(
    "[\u2e80-\u2fdf\uf900-\ufaff\U0002f800-\U0002fa1f\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
    "\uff66-\uff9f\ufb00-\ufb06\ufb13-\ufb4f\ufb50-\ufdff\ufe70-\ufefc\U0001d400-\U0001d7ff]"
)
_LEFT_OUT = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
    "|[\x00-\x08\x0b\x0e-\x1f\x7f\u00ad\u200b\u2060\ufeff]"
)
_DATA = re.compile(
    r"data:[\w.+/-]+(?:;[\w=.+-]+)*;base64,[A-Za-z0-9+/=_-]{40,}|[A-Za-z0-9+/=_-]{200,}"
)
_DATA_MARK = "[data]"
_LEADERS = re.compile(  # between a heading and its page in a table of contents
    r"(?<![.·‥… \t\n])[ \t]*+(?:(?:\.[ \t]?+){5,}+|(?:[·‥][ \t]?+){5,}+|…{2,}+)[ \t]*+"
    r"(?=(?:\d{1,4}|[ivxlc]{1,6})[ \t]*$)",
    re.MULTILINE,
)
_GAP = re.compile(f"(?<={_WIDE})[ \u00a0\u3000]{{1,2}}(?={_WIDE})")
_MARKS = "[，。、；：？！”’）》」』】…]"
_BLANK = "[ \u00a0\u3000]{1,2}"
_AT_MARK = re.compile(f"(?<={_MARKS}){_BLANK}(?={_WIDE})|(?<={_WIDE}){_BLANK}(?={_MARKS})")
_PROSE = re.compile("[，。；！？、：]")
_APART = re.compile(f"(?<=[{_HAN}])[ \u00a0\u3000](?=[{_HAN}])")
_TOGETHER = re.compile(f"(?<=[{_HAN}])(?=[{_HAN}])")
SPACED = 0.04  # of neighbouring characters that a space divides, from which spaces mean nothing
_SPREAD = re.compile(
    f"(?:^|[ \u3000])[{_HAN}](?:[ \u00a0\u3000]{{1,2}}[{_HAN}]){{2,}}(?=[ \u3000，。]|$)"
)


def character_edits(text: str) -> Iterator[Edit]:
    r"""Yield a change for each character that is read in another form, or not at all.

    Example:
        >>> [edit.put for edit in character_edits("ﬁlter Ａ１ x\x1b[1mbold")]
        ['fi', 'A', '1', '']
    """
    if text.isascii() and text.isprintable() and len(text) < 200 and "...." not in text:
        return
    found = [Edit(*match.span(), "") for match in _LEFT_OUT.finditer(text)]
    found += [Edit(*match.span(), _DATA_MARK) for match in _DATA.finditer(text)]
    found += [Edit(*match.span(), " ") for match in _LEADERS.finditer(text)]
    for match in _COMPATIBLE.finditer(text):
        put = unicodedata.normalize("NFKC", match[0])
        if put != match[0]:
            found.append(Edit(*match.span(), put))
    last = 0
    for edit in sorted(found, key=lambda each: (each.start, -each.end)):
        if edit.start >= last:
            yield edit
            last = edit.end


def is_spaced(text: str) -> bool:
    """Return whether so many Chinese characters have a space between them that it means nothing."""
    apart = len(_APART.findall(text))
    return apart > SPACED * (apart + len(_TOGETHER.findall(text)))


def space_edits(
    text: str, start: int, end: int, *, is_prose: bool, is_spaced: bool
) -> Iterator[Edit]:
    """Yield a change for each space between two Chinese or Japanese characters of a line.

    Those beside a mark of punctuation go. Those between two words go in a text that is full of
    them, if the line is a sentence or a part of one; in others (a heading, a list of names) only
    those of a run in which every single character stands apart.

    Args:
        text: The text.
        start: Offset of the line.
        end: Offset behind it.
        is_prose: Whether the line is known to be a part of a sentence.
        is_spaced: Whether the text is full of such spaces, see `is_spaced`.
    """
    is_sentence = is_prose or _PROSE.search(text, start, end) is not None
    if is_sentence and not is_spaced:
        for match in _AT_MARK.finditer(text, start, end):
            yield Edit(*match.span(), "")
        return
    if is_sentence:
        spans = [(start, end)]
    else:
        spans = [match.span() for match in _SPREAD.finditer(text[start:end])]
        spans = [(start + first, start + last) for first, last in spans]
    for first, last in spans:
        for match in _GAP.finditer(text, first, last):
            yield Edit(*match.span(), "")
