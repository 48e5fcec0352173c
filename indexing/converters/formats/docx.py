"""Conversion of DOCX files: paragraphs and tables in document order, headings by style.

Not read: headers, footers, footnotes, comments, deleted and hidden text.
"""

import io
import zipfile
from typing import Any

from indexing.converters.formats.docx_body import read_body
from indexing.converters.schema import ConvertedDocument, Unreadable
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import one_line

_MB = 1_000_000
_DAMAGE = (
    zipfile.BadZipFile,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    RuntimeError,  # an encrypted member
    SyntaxError,  # lxml's XMLSyntaxError
    TypeError,
    ValueError,
)


def convert_docx(data: bytes, stem: str) -> ConvertedDocument:
    """Return the document of a DOCX file.

    Args:
        data: The bytes of the file.
        stem: The title if neither the properties nor a heading give one.

    Raises:
        Unreadable: If the file is damaged, encrypted, a zip bomb or without text.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("it is an old Word file or needs a password; save it as a plain .docx")
    check_unpacked_size(data)
    import docx
    import docx.opc.exceptions
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        document = docx.Document(io.BytesIO(data))
        body, sections = read_body(document)
        title = one_line(_core_title(document))
    except (*_DAMAGE, LxmlError, docx.opc.exceptions.OpcError) as error:
        raise Unreadable("the DOCX file is damaged or incomplete") from error
    if not title:
        title = sections[0].heading if sections else stem
    return whole_file(body, title, {"format": "docx"}, sections=sections)


def check_unpacked_size(data: bytes) -> None:
    """Check the unpacked size that the archive declares, before anything is unpacked.

    `zipfile` never unpacks more of a member than its declared size.

    Raises:
        Unreadable: If over 500 MB would be unpacked, or over 100 MB at a ratio over 100.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except _DAMAGE as error:
        raise Unreadable("the DOCX file is damaged or incomplete") from error
    if unpacked > 500 * _MB or (unpacked > 100 * _MB and unpacked > 100 * len(data)):
        raise Unreadable(
            f"it would unpack from {len(data) / _MB:.1f} to {unpacked / _MB:.0f} MB (a zip bomb?)"
        )


def _core_title(document: Any) -> str:  # noqa: ANN401
    title = document.core_properties.title or ""
    return "" if title.lower() == "word document" else title  # python-docx's default title
