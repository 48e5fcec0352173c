"""Files that an indexing run does not take: why, and which of them a user would miss.

A file of another type is never opened; its name decides. Some types hold documents that people
expect to find again: those make the exit code 2 and are listed with the collection. Programs,
settings, archives, pictures and the like are named, and that is all.
"""

from collections.abc import Iterable
from pathlib import Path, PurePath

from rag.stores.contract import Failure

STAGE = "type"
"""The stage of a `Failure` that says that a file's type is not read."""

EMPTY = "empty"
"""The stage of a `Failure` that says that there is nothing to read in a file: nothing is lost."""

MOST_LEFT_OUT = 1_000  # files that a collection lists

_OFFICE = "save it as .docx or .pdf"
_SHEET = "save it as .csv"
_SLIDES = "save it as .pdf"
_PLAIN = "save it as .txt or .md"
# fmt: off
_ADVICE = {
    **dict.fromkeys((
        ".doc", ".docm", ".dot", ".dotx", ".dotm", ".rtf", ".odt", ".ott", ".fodt", ".pages",
        ".wps", ".wpd", ".hwp", ".hwpx", ".sxw", ".abw", ".pub", ".one", ".gdoc",
    ), _OFFICE),
    **dict.fromkeys((
        ".xls", ".xlsx", ".xlsm", ".xlsb", ".xlt", ".xltx", ".ods", ".fods", ".numbers", ".sxc",
        ".gsheet", ".tsv", ".parquet",
    ), _SHEET),
    **dict.fromkeys((
        ".ppt", ".pptx", ".pptm", ".pps", ".ppsx", ".pot", ".potx", ".odp", ".fodp", ".key", ".sxi",
        ".gslides", ".vsd", ".vsdx", ".xps", ".oxps", ".ps", ".dvi",
    ), _SLIDES),
    **dict.fromkeys((
        ".epub", ".mobi", ".azw", ".azw3", ".fb2", ".lit", ".chm",
    ), "save it as .html or .pdf"),
    **dict.fromkeys((
        ".xhtml", ".xht", ".mht", ".mhtml", ".webarchive",
    ), "save it as .html"),
    **dict.fromkeys((
        ".rst", ".adoc", ".asciidoc", ".org", ".tex", ".textile", ".mediawiki", ".wiki", ".text",
        ".rmd", ".qmd", ".eml", ".msg", ".mbox", ".vtt", ".srt", ".ndjson",
    ), _PLAIN),
    **dict.fromkeys((
        ".tif", ".tiff", ".djvu", ".djv",
    ), "a scan needs OCR first, such as with `ocrmypdf`"),
}
_PICTURES = frozenset({
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".heic", ".heif", ".svg", ".avif", ".ico",
})
# fmt: on


def is_lock_file(path: PurePath) -> bool:
    """Return whether an office program keeps the file only while a document is open in it."""
    return path.name.startswith("~$")


def looks_like_document(path: PurePath) -> bool:
    """Return whether people would expect to find the file's text again.

    Example:
        >>> looks_like_document(PurePath("slides.pptx")), looks_like_document(PurePath("app.py"))
        (True, False)
        >>> looks_like_document(PurePath("Scan 2024-03-01.jpg"))
        True
    """
    if is_lock_file(path):
        return False
    suffix = path.suffix.lower()
    return suffix in _ADVICE or (suffix in _PICTURES and "scan" in path.stem.lower())


def why_left_out(path: Path) -> str:
    """Return why a file is not taken, and what to do if it holds a document; on one line."""
    if path.is_symlink() and path.is_dir():
        return "a link to a folder is not followed; name the folder itself"
    if is_lock_file(path):
        return "an office program's mark that the document is open"
    suffix = path.suffix.lower()
    if suffix in _ADVICE:
        return f"{suffix} files are not read; {_ADVICE[suffix]}"
    if suffix in _PICTURES:
        return "pictures are not read; text in them needs OCR first"
    return f"{suffix} files are not read" if suffix else "a file without a suffix is not read"


def missed(left_out: Iterable[Failure]) -> list[Failure]:
    """Return those of the files left out that look like documents, in order."""
    return [each for each in left_out if looks_like_document(PurePath(each.source))]
