"""Messages between the calling process and its worker: one JSON object per line, ASCII only.

    request   {"path": ..., "suffix": ..., "stem": ..., "most": bytes to read at most,
               "pages": {"passwords": [...], "seconds": ..., ...}}, see `limits_from_fields`
    answers   {"page": the one that is read next, "pages": number of pages},
              {"document": {...}}, {"note": "..."} and {"problem": "...", "late": ...}, any number,
              then one of
              {"done": true, "memory_mb": ...}  or  {"failed": "reason", "memory_mb": ...}, with
              "empty": true if there is nothing to read in it

ASCII escapes carry file names that are not valid Unicode without loss.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from indexing.converters.schema import ConvertedDocument, Heading, PageLimits

OUT_OF_MEMORY = 3  # exit code of a worker that has used up its memory


def pack(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """Return the message in a line.

    Raises:
        ValueError: If the line holds no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"expected an object, not {type(message).__name__}")
    return message


def document_to_fields(document: ConvertedDocument) -> dict[str, Any]:
    """Return the document as plain values."""
    return {
        "key": document.key,
        "title": document.title,
        "text": document.text,
        "sections": [[s.start, s.level, s.heading] for s in document.sections],
        "pages": list(document.pages),
        "meta": dict(document.meta),
    }


def document_from_fields(fields: Mapping[str, Any]) -> ConvertedDocument:
    """Return the document that `document_to_fields` serialised.

    Raises:
        KeyError, TypeError, ValueError: If the fields are not those of a document.
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


def limits_to_fields(limits: PageLimits) -> dict[str, Any]:
    """Return the limits as plain values, but for what is called for each page."""
    return {
        "passwords": list(limits.passwords),
        "seconds": limits.seconds,
        "seconds_per_page": limits.seconds_per_page,
        "skip": sorted(limits.skip),
        "last": limits.last,
    }


def limits_from_fields(
    fields: Mapping[str, Any], on_page: Callable[[int, int], None]
) -> PageLimits:
    """Return the limits that `limits_to_fields` serialised; none where there are no fields."""
    return PageLimits(
        passwords=tuple(fields.get("passwords", ())),
        seconds=fields.get("seconds"),
        seconds_per_page=fields.get("seconds_per_page", 0.0),
        skip=frozenset(fields.get("skip", ())),
        last=fields.get("last"),
        on_page=on_page,
    )
