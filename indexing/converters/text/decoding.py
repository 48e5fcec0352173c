"""Decoding of text files, which never produces mojibake silently.

Order: a byte order mark, strict UTF-8, UTF-8 with a few damaged bytes, the encoding that the file
declares (HTML), then `detect`. A file that cannot be decoded well is refused with a reason.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass

from indexing.converters.schema import Unreadable
from indexing.converters.text.encoding_detection import EAST_ASIAN, detect

BINARY = "looks like a binary file, not text"
UNKNOWN_ENCODING = "its character encoding cannot be told; save it as UTF-8"

# UTF-32 first: its little-endian mark begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
# Encodings that browsers use for these names (WHATWG Encoding Standard).
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}


@dataclass(frozen=True)
class Decoded:
    """Text, the name of its encoding, and the number of damaged places, now U+FFFD."""

    text: str
    encoding: str
    damaged: int = 0


def decode(data: bytes, declared: str | None = None) -> Decoded:
    r"""Return the characters of a text file; line ends are newlines.

    Args:
        data: The bytes of the whole file.
        declared: The encoding that the file names, if any; used when the bytes are not UTF-8.

    Raises:
        Unreadable: If the content is binary, or the encoding cannot be determined.

    Example:
        >>> decode("naïve\r\n".encode("utf-16")).text
        'naïve\n'
    """
    decoded = _decode_marked(data) or _decode_unmarked(data, declared)
    if "\0" in decoded.text:
        raise Unreadable(BINARY)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    return Decoded(text, decoded.encoding, decoded.damaged)


def _decode_marked(data: bytes) -> Decoded | None:
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", ""))
    if not mark:
        return None
    try:
        return Decoded(data[len(mark) :].decode(encoding), encoding)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            return None
        raise Unreadable(BINARY) from None


def _decode_unmarked(data: bytes, declared: str | None) -> Decoded:
    if b"\0" in data or data.startswith(_MAGIC) or _has_controls(data[:65_536]):
        raise Unreadable(BINARY)
    # ISO-2022-JP is ASCII to every other test; its escape sequences give it away.
    first = "iso2022_jp" if b"\x1b$" in data else "utf-8"
    with contextlib.suppress(UnicodeDecodeError):
        return Decoded(data.decode(first), first)
    good = len(_MULTIBYTE.findall(data))
    text = data.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    if good >= 9 * damaged:
        return Decoded(text, "utf-8", damaged)
    return _decode_foreign(data, declared, mixed=3 <= good >= damaged)


def _decode_foreign(data: bytes, declared: str | None, *, mixed: bool) -> Decoded:
    """Decode text that is not UTF-8, or is `mixed` with it as Western text never is by accident."""
    named, guess = _codec(declared), detect(data)
    if mixed and not named and guess not in EAST_ASIAN:
        raise Unreadable("it mixes UTF-8 with another encoding; save it as UTF-8")
    for encoding in (named, guess):
        decoded = _decode_tolerant(data, encoding) if encoding else None
        if decoded:
            return decoded
    raise Unreadable(UNKNOWN_ENCODING)


def _has_controls(sample: bytes) -> bool:
    return len(_CONTROL.findall(sample)) > len(sample) * 0.005


def _codec(name: str | None) -> str | None:
    try:
        codec = codecs.lookup(name or "").name
    except (LookupError, ValueError):
        return None
    if codec.startswith(("utf", "base64", "hex", "rot", "zlib", "bz2", "quopri", "uu")):
        return None
    codec = _WIDER.get(codec, codec)
    # cp1252 decodes nearly any bytes, and is named by default: `detect` knows better.
    return None if codec == "cp1252" else codec


def _decode_tolerant(data: bytes, encoding: str) -> Decoded | None:
    """Return the text if at most one in a hundred characters beyond ASCII is damaged."""
    try:
        text = data.decode(encoding, errors="replace")
    except (LookupError, UnicodeError):
        return None
    damaged = text.count("\ufffd")
    foreign = sum(1 for char in text if char > "\x7f") if damaged else 0
    if damaged > foreign * 0.01 or re.search("[\x80-\x84\x86-\x9f]", text):
        return None
    return Decoded(text, encoding, damaged)
