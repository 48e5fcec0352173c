"""Conversion of one file into documents: text, headings, pages and fields.

The calling process never parses a file: `Converter` sends the path to a worker process with limits
on time and memory, so that a hostile or broken file costs one error message and not the run. The
worker's functions, one module per format:

    schema.py       documents, headings and problems; the exception inside the worker
        file_checks.py  checks on a file that need no parsing
        dispatch.py     the conversion function for each suffix
        text/           decoding of bytes, cleaning that keeps offsets right, tables as pipe rows
        formats/        Markdown, HTML, PDF, DOCX, and records of .csv, .json and .jsonl
        process/        `Converter` in the calling process; the worker, its limits and its messages

Importing this package loads neither a parser nor `rag`, as the worker imports it too and must start
fast; `Converter` and its errors come on first use.
"""

from typing import TYPE_CHECKING, Any

from indexing.converters.schema import SUFFIXES, Conversion, ConvertedDocument, Heading

if TYPE_CHECKING:
    from indexing.converters.file_checks import ConversionError, EmptyFileError
    from indexing.converters.process.client import Converter

__all__ = [
    "SUFFIXES",
    "Conversion",
    "ConversionError",
    "ConvertedDocument",
    "Converter",
    "EmptyFileError",
    "Heading",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in {"ConversionError", "EmptyFileError"}:
        from indexing.converters import file_checks

        return getattr(file_checks, name)
    if name == "Converter":
        from indexing.converters.process.client import Converter

        return Converter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
