"""Documents, passages and failures as rows of an index, and the rows visible in a generation.

Rows are added and marked as removed, each with the generation in which that takes effect. A row's
id is made of its kind, its generation and its identity: sent twice, it is still one row.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from haystack import Document

from rag.language.analysis import tokens
from rag.stores.contract import DocumentInfo, Failure, StoredDocument, Vectors
from rag.stores.copies import copy_key
from rag.stores.document_codec import dump_meta, pack, unpack
from rag.stores.elasticsearch.filters import Query, facets
from rag.view import view_of

Row = dict[str, Any]

PASSAGE, DOCUMENT, FAILURE = "passage", "document", "failure"
PASSAGE_FIELDS = ("n", "id", "content", "meta", "blob")  # fields from which a passage is restored
TERMS_AT_ONCE = 60_000  # of a `terms` query; the server's own limit is 65,536


def row_id(kind: str, identity: str, generation: int = 0) -> str:
    """Return the id of a row, for an identity of any length."""
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}-{generation}-{digest[:40]}"


def passage_row(
    passage: Document, document_id: str | None, *, n: int, generation: int, whole: int | None
) -> Row:
    """Return a passage as a row, its vector only as it is kept.

    Args:
        passage: The passage.
        document_id: Id of its document, if any.
        n: Age of the row.
        generation: The generation that adds it.
        whole: The generation that adds it together with its document, or None.
    """
    meta, blob = pack(passage)
    row: Row = {"kind": PASSAGE, "id": passage.id, "n": n, "added": generation, "meta": meta}
    row |= {"facets": facets(passage.meta), **tokens_of(passage.content, meta)}
    row |= {"embedded": passage.embedding is not None}
    optional = {"document": document_id, "whole": whole, "content": passage.content}
    if blob is not None:
        optional["blob"] = base64.b64encode(blob).decode()
    if passage.embedding is not None:
        vector = np.asarray(passage.embedding, "<f4")
        optional["embedding"] = base64.b64encode(vector.tobytes()).decode()
    return row | {name: value for name, value in optional.items() if value is not None}


def tokens_of(content: str | None, meta: str) -> dict[str, str]:
    """Return what is searched: tokens of the text, of title and headings, and the copies' key."""
    facts = json.loads(meta)
    title = f"{facts.get('title') or ''} {facts.get('heading') or ''}"
    text = view_of(content, facts).text
    found = {"text": " ".join(tokens(text)), "title": " ".join(tokens(title))}
    key = copy_key(text)
    return found | ({"copy": str(key)} if key else {})


def document_row(document: StoredDocument, *, n: int, generation: int) -> Row:
    """Return a document as a row; its title is in `heading`, which is not searched there."""
    row: Row = {"kind": DOCUMENT, "id": document.document_id, "n": n, "added": generation}
    row |= {"source": document.source, "heading": document.title, "sha256": document.sha256}
    row |= {"meta": dump_meta(dict(document.meta), document.document_id), "body": document.text}
    return row if document.path is None else row | {"path": document.path}


def failure_row(key: str, failures: Sequence[Failure]) -> Row:
    """Return the failures of one path as a row."""
    number = int(row_id(FAILURE, key).rpartition("-")[2][:15], 16)  # unique to the row
    return {
        "kind": FAILURE,
        "path": key,
        "n": number,
        "failures": json.dumps([asdict(each) for each in failures]),
    }


def failures_of(row: Row) -> list[Failure]:
    """Return the failures in a row."""
    return [Failure(**each) for each in json.loads(row["failures"])]


def with_vector(row: Row, dense: str) -> Row:
    """Return a row as it is sent: with its unit vector, if the cluster searches it."""
    if dense != "elasticsearch" or "embedding" not in row:
        return row
    vector = vector_of(row)
    length = float(np.linalg.norm(vector))
    if not length:  # it has no direction, and is near to nothing
        return row
    return {**row, "vector": (vector / length).tolist()}


def vector_of(row: Row) -> Vectors:
    """Return the original vector of a row; float32 of shape (dim,)."""
    return np.frombuffer(base64.b64decode(row["embedding"]), "<f4")


def passage_of(row: Row, *, embedding: bool = False) -> Document:
    """Return the passage in a row."""
    blob = base64.b64decode(row["blob"]) if "blob" in row else None
    kept = base64.b64decode(row["embedding"]) if embedding and "embedding" in row else None
    return unpack((row["n"], row["id"], row.get("content"), row["meta"], blob, kept))


def info_of(row: Row, passages: Mapping[str, int]) -> DocumentInfo:
    """Return the list entry of the document in a row."""
    return DocumentInfo(
        document_id=row["id"],
        source=row["source"],
        title=row["heading"],
        sha256=row["sha256"],
        path=row.get("path"),
        passages=passages.get(row["id"], 0),
    )


# -- queries


def visible(kind: str, generation: int, *conditions: Query) -> Query:
    """Return the query for the rows of a kind visible in a generation that match."""
    return {
        "bool": {
            "filter": [
                {"term": {"kind": kind}},
                {"range": {"added": {"lte": generation}}},
                *conditions,
            ],
            "must_not": [{"range": {"removed": {"lte": generation}}}],
        }
    }


def live(kind: str, *conditions: Query) -> Query:
    """Return the query for the rows of a kind that are not removed, published or not."""
    return {
        "bool": {
            "filter": [{"term": {"kind": kind}}, *conditions],
            "must_not": [{"exists": {"field": "removed"}}],
        }
    }


def one_of(field: str, values: Sequence[Any]) -> Query:
    """Return the query for rows whose field has one of some values, in any number."""
    parts = [
        {"terms": {field: list(values[start : start + TERMS_AT_ONCE])}}
        for start in range(0, max(len(values), 1), TERMS_AT_ONCE)
    ]
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}
