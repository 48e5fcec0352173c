"""Parts of a DOCX archive as XML elements, found by their relations."""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from indexing.converters.schema import Unreadable

_MB = 1_000_000
DAMAGED = "the DOCX file is damaged or incomplete"
DAMAGE = (
    zipfile.BadZipFile,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    RuntimeError,  # an encrypted member
    TypeError,
    ValueError,
    etree.LxmlError,
)
# Strict Open XML has the same elements under other names
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_SPACES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "v": "urn:schemas-microsoft-com:vml",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "dc": "http://purl.org/dc/elements/1.1/",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
}

Element = Any
"""An element of lxml, which has no types."""


@cache
def name_of(short: str) -> str:
    """Return the full name of an element or attribute.

    Example:
        >>> name_of("dc:title")
        '{http://purl.org/dc/elements/1.1/}title'
    """
    space, _, local = short.partition(":")
    return f"{{{_SPACES[space]}}}{local}"


def find(element: Element, path: str) -> Element:
    """Return the first element below at a path of short names, or None."""
    return element.find(_full_path(path))


@cache
def _full_path(path: str) -> str:
    return "/".join(map(name_of, path.split("/")))


def value(element: Element, path: str, default: str = "") -> str:
    """Return the `w:val` of the element at a path; `default` if there is none."""
    found = find(element, path)
    given = None if found is None else found.get(name_of("w:val"))
    return default if given is None else str(given)


def is_on(element: Element, path: str) -> bool:
    """Return whether a property such as `w:rPr/w:vanish` is set."""
    return find(element, path) is not None and value(element, path, "1") not in {
        "0",
        "false",
        "off",
    }


def check_unpacked_size(data: bytes) -> None:
    """Check the unpacked size that the archive declares, before anything is unpacked.

    `zipfile` never unpacks more of a member than its declared size.

    Raises:
        Unreadable: If over 500 MB would be unpacked, or over 100 MB at a ratio over 100, or if it
            is no archive.
    """
    if not data.startswith(b"PK"):
        raise Unreadable("it is not a DOCX file")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except DAMAGE as error:
        raise Unreadable(DAMAGED) from error
    if unpacked > 500 * _MB or (unpacked > 100 * _MB and unpacked > 100 * len(data)):
        raise Unreadable(
            f"it would unpack from {len(data) / _MB:.1f} to {unpacked / _MB:.0f} MB (a zip bomb?)"
        )


class Package:
    """The archive: its main part, and the parts that the main part refers to.

    Args:
        data: The bytes of the file, checked by `check_unpacked_size`.

    Raises:
        KeyError: If there is no main part.
    """

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._names = {name.lstrip("/").lower(): name for name in self._archive.namelist()}
        top = list(self._relations(""))
        self._main = next(target for _, kind, target in top if kind == "officeDocument")
        self._core = next((target for _, kind, target in top if kind == "core-properties"), "")
        self._related = list(self._relations(self._main))
        self.document = self._parse(self._main)

    @property
    def title(self) -> str:
        """The title among the properties; "" if there is none that a person gave."""
        core = self._optional(self._core)
        found = None if core is None else find(core, "dc:title")
        title = "" if found is None else found.text or ""
        return "" if title.lower() == "word document" else title  # a library's default

    def part(self, kind: str) -> Element:
        """Return the first part of a kind, such as "styles"; None if it is missing or broken."""
        target = next((target for _, each, target in self._related if each == kind), "")
        return self._optional(target)

    def part_by_id(self, relation: str) -> Element:
        """Return the part with an id of the main part's relations, or None."""
        target = next((target for each, _, target in self._related if each == relation), "")
        return self._optional(target)

    def _optional(self, target: str) -> Element:
        try:
            return self._parse(target) if target else None
        except DAMAGE:
            return None

    def _parse(self, target: str) -> Element:
        data = self._archive.read(self._names[target.lower()])
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
        return etree.fromstring(
            _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data), parser
        )

    def _relations(self, source: str) -> Iterator[tuple[str, str, str]]:
        """Yield id, last word of the kind, and target of the relations of a part."""
        folder, name = posixpath.split(source)
        listed = self._optional(posixpath.join(folder, "_rels", f"{name}.rels"))
        for relation in listed if listed is not None else ():
            if not isinstance(relation.tag, str) or relation.get("TargetMode") == "External":
                continue
            target = relation.get("Target", "")
            path = target if target.startswith("/") else posixpath.join(folder, target)
            kind = relation.get("Type", "").rpartition("/")[2]
            yield relation.get("Id", ""), kind, posixpath.normpath(path).lstrip("/")
