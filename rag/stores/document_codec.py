"""Conversion between Haystack's `Document` and the columns of a journal."""

import json
from typing import Any

import numpy as np
from haystack import Document
from haystack.dataclasses import ByteStream


def dump_meta(meta: dict[str, Any], name: str) -> str:
    """Return metadata as JSON that every reader of JSON understands.

    Raises:
        ValueError: If it holds NaN, infinity, or a value without a JSON form; names the owner.
    """
    try:
        return json.dumps(meta, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"the meta of `{name}` cannot be stored as JSON: {error}") from None


def load_meta(text: str) -> dict[str, Any]:
    """Return the metadata in JSON written by `dump_meta`."""
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def pack(passage: Document) -> tuple[str, bytes | None]:
    """Return a passage's meta and blob as stored in the journal."""
    blob = passage.blob
    packed = None
    if blob is not None:
        header = json.dumps({"mime_type": blob.mime_type, "meta": blob.meta}).encode()
        packed = len(header).to_bytes(4, "big") + header + blob.data
    return dump_meta(passage.meta, passage.id), packed


def unpack(row: tuple[Any, ...]) -> Document:
    """Return the passage of a row: number, id, content, meta, blob, vector."""
    _, passage_id, content, meta, packed, embedding = row
    blob = None
    if packed is not None:
        size = 4 + int.from_bytes(packed[:4], "big")
        blob = ByteStream(data=packed[size:], **json.loads(packed[4:size]))
    return Document(
        id=passage_id,
        content=content,
        blob=blob,
        meta=json.loads(meta),
        embedding=None if embedding is None else np.frombuffer(embedding, "<f4").tolist(),
    )
