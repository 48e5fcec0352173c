"""Copies: passages whose readable text is the same, whatever their documents and titles."""

import hashlib

from haystack import Document

from rag.view import view_of


def copy_key(text: str) -> int:
    """Return a number that texts share if they read the same but for white space.

    0 for a text without characters, which is a copy of nothing; else of 62 bits, above 0.
    """
    plain = " ".join(text.split())
    if not plain:
        return 0
    digest = hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 2) or 1


def copy_key_of(passage: Document) -> int:
    """Return the `copy_key` of a passage's readable text."""
    return copy_key(view_of(passage.content, passage.meta).text)
