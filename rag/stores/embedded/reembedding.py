"""Re-embedding of an embedded store: new vectors beside the old ones until all are there.

They are collected in a separate table, by the row of their passage, so that a killed run can
resume. Then every passage gets a new row in the next generation, all in one transaction: a row
keeps its vector for its lifetime, and the old rows serve the old generation.
"""

# ruff: noqa: S608 - only names and question marks of this module are put into SQL

import json
from collections.abc import Sequence

import numpy as np

from rag.files import Numbers
from rag.stores.contract import Embed, Manifest, Told, Vectors
from rag.stores.embedded.journal import Journal
from rag.stores.validation import EMBEDDER, as_vectors

BATCH = 512  # passages embedded and committed together
ROWS_AT_ONCE = 5_000  # copied by one statement


def embed_all(
    journal: Journal, generation: int, manifest: Manifest, embed: Embed, told: Told
) -> None:
    """Compute and store the missing vectors.

    Args:
        journal: The collection's journal.
        generation: Generation whose passages are embedded.
        manifest: Manifest with the new embedder; stored vectors of another one are dropped.
        embed: Returns the vectors.
        told: Called with the progress.

    Raises:
        StoreError: If there is no space.
        ValueError: If a vector has another length, NaN or infinity.
    """
    _begin(journal, manifest)
    live = journal.numbers(generation, embedded=True)
    missing = np.setdiff1d(live, _kept(journal), assume_unique=True)
    told(len(live) - len(missing), len(live))
    for start in range(0, len(missing), BATCH):
        some = missing[start : start + BATCH].tolist()
        found = np.asarray(embed(journal.passages(some)), np.float32)
        _keep(journal, some, as_vectors(found, len(some), manifest.dimension))
        told(len(live) - len(missing) + start + len(some), len(live))


def take_over(journal: Journal, generation: int, manifest: Manifest) -> None:
    """Give every passage a row with its new vector in an unpublished generation.

    Raises:
        StoreError: If there is no space; nothing has changed then.
    """
    with journal.transaction():
        journal.rows("UPDATE passages SET removed = ? WHERE removed IS NULL", (generation,))
        rows = journal.rows("SELECT n FROM passages WHERE removed = ? ORDER BY n", (generation,))
        old = [int(row[0]) for row in rows]
        shift = _next_number(journal) - old[0] if old else 0
        for start in range(0, len(old), ROWS_AT_ONCE):
            last = min(start + ROWS_AT_ONCE, len(old)) - 1
            _renew(journal, (generation, old[start], old[last]), shift)
        journal.rows("DROP TABLE fresh")
        journal.rows("DELETE FROM state WHERE key = 'fresh'")
        journal.set_next_manifest(manifest)


def _renew(journal: Journal, bounds: tuple[int, int, int], shift: int) -> None:
    """Copy the rows that a generation removes, in a range of numbers, into that generation."""
    gone = "removed = ? AND n BETWEEN ? AND ?"
    journal.rows(
        "INSERT INTO passages (n, id, d, content, meta, blob, added) SELECT n + ?, id, d, content,"
        f" meta, blob, ? FROM passages WHERE {gone} ORDER BY n",
        (shift, bounds[0], *bounds),
    )
    journal.rows(
        "INSERT INTO vectors SELECT n + ?, embedding FROM fresh WHERE n IN"
        f" (SELECT n FROM passages WHERE {gone})",
        (shift, *bounds),
    )


def _next_number(journal: Journal) -> int:
    """Return a number that no passage ever had."""
    return int(journal.rows("SELECT seq FROM sqlite_sequence WHERE name = 'passages'")[0][0]) + 1


def _begin(journal: Journal, manifest: Manifest) -> None:
    """Create the table, empty unless it already holds vectors of the same embedder."""
    embedder = json.dumps([getattr(manifest, name) for name in EMBEDDER])
    with journal.transaction():
        if journal.state("fresh", "") != embedder:
            journal.rows("DROP TABLE IF EXISTS fresh")
            journal.set_state("fresh", embedder)
        journal.rows(
            "CREATE TABLE IF NOT EXISTS fresh (n INTEGER PRIMARY KEY, embedding BLOB NOT NULL)"
        )


def _kept(journal: Journal) -> Numbers:
    rows = journal.rows("SELECT n FROM fresh ORDER BY n")
    return np.array([row[0] for row in rows], np.int64)


def _keep(journal: Journal, numbers: Sequence[int], vectors: Vectors) -> None:
    with journal.transaction():
        for number, vector in zip(numbers, vectors, strict=True):
            content = vector.astype("<f4").tobytes()
            journal.rows("INSERT INTO fresh VALUES (?, ?)", (number, content))
