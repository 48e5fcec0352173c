"""Dispatch of a file's bytes to the conversion function of its format."""

from collections.abc import Iterable, Iterator

from indexing.converters.schema import (
    ConversionNote,
    ConversionProblem,
    ConvertedDocument,
    Empty,
    PageLimits,
)

Piece = ConvertedDocument | ConversionProblem | ConversionNote
Pieces = Iterator[Piece]


def convert_bytes(
    data: bytes,
    suffix: str,
    stem: str,
    limits: PageLimits = PageLimits(),  # noqa: B008 - frozen
) -> Pieces:
    """Return the documents and problems of a file.

    A parser is imported when the first file of its format arrives.

    Args:
        data: The bytes of the file.
        suffix: One of `SUFFIXES`, in lower case.
        stem: The file's name without suffix.
        limits: Passwords, and time for pages.

    Raises:
        Unreadable: If the file yields no document at all; possibly after some pieces. `Empty`, if
            there is nothing to read in it.
    """
    if suffix == ".pdf":
        from indexing.converters.formats.pdf.document import convert_pdf

        return convert_pdf(data, stem, limits)
    if suffix == ".docx":
        from indexing.converters.formats.docx import read_docx

        return read_docx(data, stem)
    return _convert_text(data, suffix, stem)


def _convert_text(data: bytes, suffix: str, stem: str) -> Pieces:
    from indexing.converters.text.decoding import decode
    from indexing.converters.text.embedded_data import shorten_data

    declared = None
    if suffix in {".html", ".htm"}:
        from indexing.converters.formats.html import declared_encoding

        declared = declared_encoding(data)
    decoded = decode(data, declared)
    del data
    if not decoded.text.strip():
        raise Empty("there is no text in it")
    yield from _read_text(shorten_data(decoded.text), suffix, stem)
    if decoded.damaged:
        places = "1 place" if decoded.damaged == 1 else f"{decoded.damaged} places"
        yield ConversionProblem(f"not valid {decoded.encoding} in {places}, marked by \ufffd")


def _read_text(text: str, suffix: str, stem: str) -> Iterable[Piece]:
    if suffix in {".md", ".markdown", ".mdx"}:
        from indexing.converters.formats.markdown import convert_markdown

        return [convert_markdown(text, stem, is_mdx=suffix == ".mdx")]
    if suffix in {".html", ".htm"}:
        return _read_html(text, stem)
    if suffix == ".csv":
        from indexing.converters.formats.csv_tables import convert_csv

        return convert_csv(text)
    if suffix in {".json", ".jsonl"}:
        from indexing.converters.formats import records

        return (records.convert_json if suffix == ".json" else records.convert_json_lines)(text)
    from indexing.converters.formats.markdown import convert_plain_text

    return [convert_plain_text(text, stem)]


def _read_html(text: str, stem: str) -> Pieces:
    from indexing.converters.formats.html import read_html

    document, hidden = read_html(text, stem)
    yield document
    if hidden:
        yield ConversionNote.hidden_texts(hidden)
