"""Haystack's document store protocol, implemented with a store's only writer."""

from dataclasses import replace
from typing import Any

from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from rag.stores.contract import Store
from rag.stores.filters import Filter


def write_passages(store: Store, documents: list[Document], policy: DuplicatePolicy) -> int:
    """Write passages and publish them together; return how many were written."""
    if not isinstance(documents, list) or not all(isinstance(d, Document) for d in documents):
        raise ValueError("`documents` must be a list of Document")
    if not documents:
        return 0
    with store.writer() as writer:
        written = writer.write(documents, policy)
        writer.publish()
    return written


def delete_passages(store: Store, document_ids: list[str]) -> None:
    """Delete passages by id and publish the change; unknown ids are ignored."""
    with store.writer() as writer:
        writer.delete(document_ids)
        writer.publish()


def delete_everything(store: Store) -> None:
    """Delete every passage and document, and publish the change."""
    with store.writer() as writer:
        writer.clear()
        writer.publish()


def delete_matching(store: Store, filters: Filter) -> int:
    """Delete the passages that match; return how many."""
    found = store.filter_documents(filters)
    delete_passages(store, [document.id for document in found])
    return len(found)


def update_matching(store: Store, filters: Filter, meta: dict[str, Any]) -> int:
    """Set fields in the meta of the passages that match; return how many."""
    found = store.filter_documents(filters)
    changed = [replace(document, meta={**document.meta, **meta}) for document in found]
    return write_passages(store, changed, DuplicatePolicy.OVERWRITE)
