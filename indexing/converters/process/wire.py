"""Messages between the calling process and its worker: one JSON object a line, ASCII only.

    request   {"path": ..., "suffix": ..., "stem": ..., "most": bytes to read at most}
    answers   {"document": {...}} and {"problem": "..."}, any number of them, then one of
              {"done": true, "memory_mb": ...}  or  {"failed": "reason", "memory_mb": ...}

ASCII escapes carry file names that are not valid Unicode without loss.
"""

import json
from collections.abc import Mapping
from typing import Any

from indexing.converters.schema import ConvertedDocument, Heading

OUT_OF_MEMORY = 3  # exit code of a worker whose memory is used up


def pack(message: Mapping[str, Any]) -> bytes:
    """One line for one message."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """The message of one line.

    Raises:
        ValueError: if the line holds no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"expected an object, not {type(message).__name__}")
    return message


def document_to_fields(document: ConvertedDocument) -> dict[str, Any]:
    """The document as plain values."""
    return {
        "key": document.key,
        "title": document.title,
        "text": document.text,
        "sections": [[s.start, s.level, s.heading] for s in document.sections],
        "pages": list(document.pages),
        "meta": dict(document.meta),
    }


def document_from_fields(fields: Mapping[str, Any]) -> ConvertedDocument:
    """The document that `document_to_fields` took apart.

    Raises:
        KeyError, TypeError, ValueError: if these are no such fields.
    """
    sections = tuple(
        Heading(int(start), int(level), str(heading))
        for start, level, heading in fields["sections"]
    )
    return ConvertedDocument(
        key=str(fields["key"]),
        title=str(fields["title"]),
        text=str(fields["text"]),
        sections=sections,
        pages=tuple(map(int, fields["pages"])),
        meta=dict(fields["meta"]),
    )
