"""From one file to its documents: text, headings, pages and fields.

The calling process never parses a file: `Converter` sends the path to a worker process with limits
on time and memory, so that a hostile or broken file costs one reason and not the run. What the
worker does is in plain functions, one module per format:

    schema.py     what goes in and out; the exception inside the worker
    cleaning.py   characters nobody sees are removed; NFC; offsets kept right
    detection.py  bytes of unknown encoding -> encoding;  decoding.py  bytes -> characters
    markdown.py  html.py (with html_tree.py, html_text.py)  pdf.py  docx.py (docx_body.py)
    records.py (with tables.py, fields.py)   rows of .csv, .json and .jsonl
    formats.py    suffix -> the function for it
    wire.py  limits.py  worker.py   inside the worker process
    client.py  checks.py   `Converter` and what it refuses unread, in the calling process

Importing this package loads neither a parser nor `rag`, as the worker imports it too and must start
fast; `Converter` and `ConversionError` come on first use.
"""

from typing import TYPE_CHECKING, Any

from indexing.converters.schema import SUFFIXES, Conversion, ConvertedDocument, Section

if TYPE_CHECKING:
    from indexing.converters.file_checks import ConversionError
    from indexing.converters.process.client import Converter

__all__ = [
    "SUFFIXES",
    "Conversion",
    "ConversionError",
    "ConvertedDocument",
    "Converter",
    "Section",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "ConversionError":
        from indexing.converters.file_checks import ConversionError

        return ConversionError
    if name == "Converter":
        from indexing.converters.process.client import Converter

        return Converter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
