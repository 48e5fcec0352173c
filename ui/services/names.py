"""Checks of untrusted uploads: safe file names, and content that matches the file type."""

import re
import unicodedata
from pathlib import PurePosixPath

from indexing.converters import SUFFIXES
from ui.services.errors import UploadError

LONGEST_NAME = 150  # bytes of a name; file systems take 255
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)")  # Windows
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_BINARY = (b"\x7fELF", b"MZ", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"7z\xbc\xaf")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 8192  # bytes that are checked


def safe_name(name: str) -> str:
    r"""Return the last part of a file name, without anything that could leave the folder.

    Args:
        name: File name as sent by a browser or client.

    Raises:
        UploadError: If nothing usable is left, or the file type is not supported.

    Example:
        >>> safe_name("..\\..\\etc/report: final.PDF")
        'report_ final.PDF'
    """
    last = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    last = last.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(
        "_" if unicodedata.category(each) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") else each
        for each in _FORBIDDEN.sub("_", last)
    ).strip(" .")
    suffix = PurePosixPath(shown).suffix
    if suffix.lower() not in SUFFIXES:
        known = " ".join(sorted(SUFFIXES))
        raise UploadError(f"files of this type are not indexed; expected one of {known}")
    stem = shown.removesuffix(suffix).strip(" .")
    if _RESERVED.match(f"{stem}."):
        stem = f"_{stem}"
    stem = (
        stem.encode()[: LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore").rstrip(" .")
    )
    if not stem:
        raise UploadError("the file has no usable name")
    return stem + suffix


def check_content(name: str, content: bytes) -> None:
    """Check that content does not plainly contradict its file name.

    Raises:
        UploadError: If it is empty, or its first bytes belong to another type.
    """
    if not content:
        raise UploadError("the file is empty")
    suffix, head = PurePosixPath(name).suffix.lower(), content[:_LOOKED_AT]
    if suffix == ".pdf":
        fits = b"%PDF-" in head[:1024]
    elif suffix == ".docx":
        fits = head.startswith(b"PK\x03\x04")
    else:
        is_text = head.startswith(_UTF16) or b"\0" not in head or _looks_utf16(head)
        fits = is_text and not head.startswith((*_BINARY, b"%PDF-", b"PK\x03\x04"))
    if not fits:
        raise UploadError(f"the content is not that of a {suffix} file")


def _looks_utf16(head: bytes) -> bool:
    """Return whether most of every second byte is zero, as in Western UTF-16 text."""
    half = max(len(head) // 2, 1)
    return max(head[::2].count(0), head[1::2].count(0)) > 0.4 * half
