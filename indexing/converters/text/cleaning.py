"""Removal of invisible characters from a text, once, before any offset is counted.

A reader of the original sees none of them, but a language model does: they are the usual way to
hide instructions in a document. Removed are control characters (except newline, tab, form feed),
zero-width characters and byte order marks, soft hyphens, bidirectional marks and overrides,
invisible operators, Unicode tag characters (U+E0000 to U+E007F), runs of variation selectors and
noncharacters. Zero-width joiners stay after the scripts and emoji that need them, one at a time.
Other line ends become newlines, lone surrogates become U+FFFD, and the text is put in NFC.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_LINE_ENDS = ("\r\n", "\r", "\v", "\x85", "\u2028", "\u2029")
_ASCII_UNSEEN = bytes({*range(0x20), 0x7F} - set(b"\n\t\f"))
_SURROGATES = re.compile("[\ud800-\udfff]")
# Arabic to Tibetan, Myanmar, Khmer, symbols, variation selectors, emoji
_JOINING = "\u0600-\u109f\u1780-\u18af\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"
    f"|(?<![{_JOINING}])[\u200c\u200d]"
)


def clean(text: str) -> str:
    r"""Return the text as a reader sees it, in NFC, with newlines as the only line ends.

    Args:
        text: Any string, lone surrogates included.

    Returns:
        A string that encodes to UTF-8 and that `clean` leaves unchanged.

    Example:
        >>> clean("pay\u200bload\U000e0041\r\ncafe\u0301")
        'payload\ncafé'
    """
    for line_end in _LINE_ENDS:
        text = text.replace(line_end, "\n")
    if text.isascii():  # thirty times as fast as the patterns
        return text.encode("ascii").translate(None, _ASCII_UNSEEN).decode("ascii")
    text = _SURROGATES.sub("\ufffd", text)
    previous = None
    while previous != text:  # removing one character can bring two others together
        previous = text
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return text


def clean_marked(text: str, marks: Sequence[int]) -> tuple[str, list[int]]:
    """Return the cleaned text, and the marks moved to the same places in it.

    Args:
        text: Any string.
        marks: Ascending offsets into `text`, each at the start of a line or page.

    Returns:
        The text, and the same number of marks.
    """
    cleaned = clean(text)
    if cleaned == text:
        return text, list(marks)
    bounds = [0, *marks, len(text)]
    pieces = [clean(text[start:end]) for start, end in pairwise(bounds)]
    moved, size = [], 0
    for piece in pieces[:-1]:
        size += len(piece)
        moved.append(size)
    return "".join(pieces), moved


def one_line(text: str, limit: int = 300) -> str:
    """Return the text cleaned, on one line with single spaces, cut to `limit` characters."""
    return " ".join(clean(text).split())[:limit].rstrip()
