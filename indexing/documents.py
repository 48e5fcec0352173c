"""Documents to passages with vectors, in batches: what every way into a collection has in common.

Where documents come from (files, a data set) and who writes them to the store is the caller's.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from haystack import Document

from indexing.chunking import cut, embedded_text
from indexing.converters import ConvertedDocument
from rag.config import ChunkingConfig
from rag.models.embedder import Embedder
from rag.stores.contract import StoredDocument

BATCH = 512  # passages embedded and committed together

Item = TypeVar("Item")


@dataclass(frozen=True)
class CutDocument:
    """A document as it is stored, and its passages; without vectors until it is embedded."""

    stored: StoredDocument
    passages: Sequence[Document]


def cut_document(
    converted: ConvertedDocument,
    document_id: str,
    source: str,
    *,
    sha256: str,
    path: str | None = None,
    embedder: Embedder,
    config: ChunkingConfig,
) -> CutDocument:
    """Return a document cut into passages.

    Args:
        converted: Title, text, headings, pages and fields.
        document_id: Its id.
        source: Where it came from, as shown to people.
        sha256: Hash of what it was read from.
        path: The absolute path it was read from, if it was a file.
        embedder: Says how many tokens it reads, and gives the tokenizer.
        config: Length and overlap.
    """
    stored = StoredDocument(
        document_id=document_id,
        source=source,
        title=converted.title,
        text=converted.text,
        sha256=sha256,
        path=path,
        meta=converted.meta,
    )
    passages = cut(
        converted,
        document_id,
        source,
        tokenizer=embedder.files.tokenizer,
        limit=embedder.files.max_tokens,
        config=config,
    )
    return CutDocument(stored, passages)


def passage_batches(
    items: Iterable[Item],
    passages: Callable[[Item], int],
    *,
    stop: threading.Event | None = None,
) -> Iterator[list[Item]]:
    """Yield items in order, so many together that they have `BATCH` passages or a few more.

    Args:
        items: Documents, or files of several documents.
        passages: Gives the number of an item's passages.
        stop: When set, what is not in a batch yet is dropped.
    """
    batch: list[Item] = []
    waiting = 0
    for item in items:
        if stop is not None and stop.is_set():
            return
        batch.append(item)
        waiting += passages(item)
        if waiting >= BATCH:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


def embed_documents(
    documents: Sequence[CutDocument], embedder: Embedder, config: ChunkingConfig
) -> list[CutDocument]:
    """Return the same documents, every passage with its vector; all are embedded together.

    Args:
        documents: At best a batch of `passage_batches`.
        embedder: Gives the vectors.
        config: Whether title and headings are embedded before the text.
    """
    tokenizer, context = embedder.files.tokenizer, config.context
    flat = [passage for document in documents for passage in document.passages]
    texts = [embedded_text(passage, tokenizer, context=context) for passage in flat]
    vectors = embedder.encode_passages(texts)
    embedded = iter(
        [
            replace(passage, embedding=vector.tolist())
            for passage, vector in zip(flat, vectors, strict=True)
        ]
    )
    return [
        replace(document, passages=list(islice(embedded, len(document.passages))))
        for document in documents
    ]
