"""Detection of the encoding of bytes that are not UTF-8 and declare none.

charset-normalizer alone named the wrong encoding for 20 to 45 % of 100-character samples of
Shift-JIS, EUC-JP and Latin-1 text (measured on public corpora), so East Asian text is recognised by
the frequency of its characters, Western text by the position of its accents, and only the rest is
left to it.
"""

import re
from collections.abc import Callable

_SAMPLE = 65_536
_KANA = range(0x3041, 0x30FF)
_OTHER_SCRIPTS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp866", "iso8859_5", "cp874"]
_OTHER_LATIN = ["cp1250", "iso8859_2", "cp1254", "cp1257", "cp850", "cp437", "mac_roman"]
_LETTER = "[A-Za-z\u00c0-\u024f]"
# No Western word has such a sign between two letters, or an accented capital between small ones;
# where this decoding shows them, another code page has letters there.
_MISPLACED = re.compile(
    f"(?<={_LETTER})[\u00a0-\u00ac\u00ae-\u00b6\u00b8-\u00bf\u00d7\u00f7\u0192\u02c6-\u02dd\u201a"
    f"\u201c-\u2030\u2039\u203a\u20ac\u2122\u2500-\u25ff](?={_LETTER})"
    "|(?<=[a-z])[\u00c0-\u00d6\u00d8-\u00de](?=[a-z])|\ufffd"
)
_RUN = re.compile("[^\x00-\x7f]{2,}")
_FOREIGN_LINE = re.compile(rb"^[\x00-\x09\x0b-\x7f]*[\x80-\xff][^\n]*", re.MULTILINE)
# no East Asian encoding has these brackets as the second byte of a character
_TAG = re.compile(rb"<[^<>\x80-\xff]{0,2000}>")
_FOREIGN_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")
_FREQUENT_CYRILLIC = frozenset("\u043e\u0435\u0430\u0438\u043d\u0442\u0441\u0440\u0432\u043b\u043a")
_LETTERS_CYRILLIC = re.compile("[\u0400-\u045f]")
_TURNED_CYRILLIC = re.compile("(?<=[\u0430-\u045f])[\u0400-\u042f]")


def detect(data: bytes) -> str | None:
    """Return the name of the encoding, or None if no guess is good enough.

    Args:
        data: Text in an encoding other than UTF-8, without NUL bytes; a hundred characters are
            enough, a few words may not be.

    Returns:
        A Python codec name. Western European text is always "cp1252", which includes Latin-1.
    """
    sample = _foreign_lines(data)
    scores = {encoding: _score(sample, encoding) for encoding in _COMMON}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] >= 0.7:
        return best
    return _detect_single_byte(sample)


def _foreign_lines(data: bytes) -> bytes:
    """Return the first lines with bytes beyond ASCII, without markup, which says nothing."""
    pieces, size = [], 0
    for match in _FOREIGN_LINE.finditer(data):
        piece = _TAG.sub(b" ", match[0])
        pieces.append(piece)
        size += len(piece)
        if size > _SAMPLE:
            break
    sample = b"\n".join(pieces)
    if len(sample) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n", 0, _SAMPLE) + 1 or _SAMPLE]
    return sample


def _score(sample: bytes, encoding: str) -> float:
    """Return the share of non-ASCII characters that are common in the encoding's language."""
    text = sample.decode(encoding, errors="replace")
    foreign = [char for char in text if char > "\x7f"]
    if not foreign or foreign.count("\ufffd") > len(foreign) * 0.01 + 1:
        return 0.0
    if sum(map(len, _RUN.findall(text))) < len(foreign) * 0.2:
        return 0.0  # East Asian characters come in runs; a pair read from "\u00e9t" does not
    score = sum(map(_COMMON[encoding], foreign)) / len(foreign)
    # A sample may end inside a character, but a clean decoding comes first.
    return score - 0.02 * foreign.count("\ufffd")


def _punctuation(char: str) -> bool:
    return char in "\u2018\u2019\u201c\u201d\u2014\u2026\u00b7" or (
        "\u3000" <= char <= "\u3011" or "\uff01" <= char <= "\uff5e"
    )


def _lead(char: str, encoding: str) -> int:
    """Return the first byte of the character's two in `encoding`, or 0."""
    try:
        encoded = char.encode(encoding)
    except UnicodeEncodeError:
        return 0
    return encoded[0] if len(encoded) == 2 else 0


def _simplified(char: str) -> bool:
    return _punctuation(char) or 0xB0 <= _lead(char, "gb2312") <= 0xD7  # level 1: 3,755 characters


def _traditional(char: str) -> bool:
    return _punctuation(char) or 0xA4 <= _lead(char, "big5") <= 0xC6  # level 1: 5,401 characters


def _japanese(char: str) -> bool:
    if ord(char) in _KANA or _punctuation(char):
        return True
    return 0xB0 <= _lead(char, "euc_jp") <= 0xCF  # level 1: 2,965 characters


def _korean(char: str) -> bool:
    return _punctuation(char) or 0xB0 <= _lead(char, "euc_kr") <= 0xC8  # the 2,350 usual syllables


_COMMON: dict[str, Callable[[str], bool]] = {  # the first of equals wins
    "cp949": _korean,
    "cp932": _japanese,
    "euc_jp": _japanese,
    "big5hkscs": _traditional,
    "gb18030": _simplified,
}


EAST_ASIAN = frozenset(_COMMON)


def _detect_single_byte(sample: bytes) -> str | None:
    foreign = sum(byte > 0x7F for byte in sample)
    # In a Western word few letters have accents, in a Russian or Greek one all letters are beyond
    # ASCII; words of ASCII alone may be code or addresses, and do not count.
    words = b"".join(word for word in _FOREIGN_WORD.findall(sample) if len(word) > 1)
    beyond = sum(byte > 0x7F for byte in words)
    if 2 * beyond > len(words):
        return _cyrillic(sample) or _ask_charset_normalizer(sample, _OTHER_SCRIPTS)
    if _fits(sample, "cp1252", foreign):
        return "cp1252"
    guess = _ask_charset_normalizer(sample, _OTHER_LATIN)
    candidates = [guess, "cp850", "mac_roman"] if guess else ["cp850", "mac_roman"]
    return next((name for name in candidates if _fits(sample, name, foreign)), None)


def _cyrillic(sample: bytes) -> str | None:
    """Return the encoding in which the letters are as frequent as in Slavic languages, if any."""
    scores = {name: _cyrillic_score(sample, name) for name in _CYRILLIC}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= 0.5 else None


def _cyrillic_score(sample: bytes, encoding: str) -> float:
    text = sample.decode(encoding, errors="replace")
    foreign = sum(char > "\x7f" for char in text)
    letters = _LETTERS_CYRILLIC.findall(text)
    turned = len(_TURNED_CYRILLIC.findall(text))  # a capital after a small letter
    if len(letters) < 0.9 * foreign or turned > 0.05 * len(letters):
        return 0.0
    return sum(letter.lower() in _FREQUENT_CYRILLIC for letter in letters) / max(foreign, 1)


def _fits(sample: bytes, encoding: str, foreign: int) -> bool:
    text = sample.decode(encoding, errors="replace")
    return len(_MISPLACED.findall(text)) <= foreign * 0.05


def _ask_charset_normalizer(sample: bytes, encodings: list[str]) -> str | None:
    from charset_normalizer import from_bytes

    match = from_bytes(sample, cp_isolation=encodings).best()
    return match.encoding if match else None
