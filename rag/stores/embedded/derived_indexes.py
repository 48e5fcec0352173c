"""The derived indexes of an embedded store: updated from the journal, checked, rebuilt."""

import logging
from pathlib import Path

import numpy as np

from rag import files
from rag.config import StoreConfig
from rag.errors import StoreError, UnwritableError
from rag.files import Numbers
from rag.stores.embedded.journal import Journal
from rag.stores.indexes.bm25 import (
    Bm25Index,
    OutdatedIndexError,
    RankBm25Index,
    TantivyIndex,
    build_tantivy,
)
from rag.stores.indexes.faiss_index import FaissIndex
from rag.stores.indexes.faiss_maintenance import DerivedFaissIndex
from rag.stores.indexes.folders import IndexFolders

log = logging.getLogger(__name__)

SMALL = 5_000  # up to here bm25 is rebuilt each time, so that removed passages never count


class DerivedIndexes:
    """Builder and checker of `bm25-*` and `dense-*` beside a journal.

    Args:
        folder: The collection's folder.
        journal: The collection's journal.
        settings: Engine, sizes and shares.
    """

    def __init__(self, folder: Path, journal: Journal, settings: StoreConfig) -> None:
        self._journal, self._settings = journal, settings
        self._owner = journal.owner
        self._folders = IndexFolders(folder)
        self._dense = DerivedFaissIndex(self._folders, journal, settings)

    def close(self) -> None:
        """Remove indexes that had to be built outside the folder."""
        self._folders.close()

    def load(self, generation: int) -> tuple[Bm25Index, FaissIndex | None]:
        """Return both indexes of a generation, built now if missing."""
        return self._lexical(generation), self._dense.load(generation)

    def update(self, generation: int) -> None:
        """Update the folders for a generation that is about to be published.

        Raises:
            StoreError: If there is no space, or the folder cannot be written.
        """
        self._lexical(generation, here=True)
        self._dense.update(generation)

    def tidy(self, generation: int) -> None:
        """Remove folders that no reader of this generation needs."""
        for name in ("bm25", "dense"):
            self._folders.tidy(name, generation)

    def check(self, generation: int) -> list[str]:
        """Return the problems of journal and indexes, one line each."""
        problems = [f"journal: {problem}" for problem in self._journal.is_sound()]
        for folder in self._folders.named("bm25")[:1]:
            try:
                self._open_lexical(folder)
            except OutdatedIndexError:
                continue  # the next search or indexing rebuilds it
            except StoreError as error:
                problems.append(f"bm25: {error} It will be rebuilt.")
        problems += self._dense.check()
        problems += [
            f"journal: the text of passage `{passage_id}` is not what its document says."
            for passage_id in self._journal.misplaced(generation)
        ]
        return problems

    def rebuild(self, generation: int) -> None:
        """Rebuild both folders from the journal."""
        for name in ("bm25", "dense"):
            for folder in self._folders.named(name):
                files.remove(folder)
        self.update(generation)

    # -- bm25

    def _lexical(self, generation: int, *, here: bool = False) -> Bm25Index:
        live = self._journal.numbers(generation)
        if self._settings.bm25 == "rank-bm25":
            return RankBm25Index(self._journal.contents(live.tolist()))
        try:
            base = self._fitting_lexical(live)
        except UnwritableError as error:
            if here:
                raise
            log.warning("%s Until then it is searched in memory.", error)
            return RankBm25Index(self._journal.contents(live.tolist()))
        if base is not None and np.array_equal(base.numbers, live):
            return base
        return self._build_lexical(generation, live, base, here=here)

    def _fitting_lexical(self, live: Numbers) -> TantivyIndex | None:
        """Return the index that holds exactly these rows, else the newest that can be opened."""
        folders = self._folders.named("bm25")
        folders.sort(key=lambda folder: not np.array_equal(files.peek_numbers(folder), live))
        for folder in folders:
            try:
                return self._open_lexical(folder)
            except UnwritableError:  # it is sound
                raise
            except OutdatedIndexError:
                log.warning(
                    "`%s` was indexed by another version: its bm25 index is rebuilt from the "
                    "journal, once.",
                    self._folders.folder.name,
                )
                files.remove(folder)
            except StoreError as error:
                log.warning("%s Rebuilding it from the journal.", error)
                files.remove(folder)
        return None

    def _open_lexical(self, folder: Path) -> TantivyIndex:
        return TantivyIndex(folder, owner=self._owner)

    def _build_lexical(
        self, generation: int, live: Numbers, base: TantivyIndex | None, *, here: bool
    ) -> TantivyIndex:
        if base is not None and (len(live) <= SMALL or self._is_worn(base.numbers, live)):
            base = None
        new = live if base is None else np.setdiff1d(live, base.numbers, assume_unique=True)

        def build(folder: Path) -> None:
            rows = self._journal.contents(new.tolist())
            build_tantivy(folder, rows, live, owner=self._owner, base=base)

        return self._open_lexical(self._folders.write(f"bm25-{generation}", build, here=here))

    def _is_worn(self, base: Numbers, live: Numbers) -> bool:
        """Return whether so much was removed that bm25's statistics would be off."""
        gone = len(np.setdiff1d(base, live, assume_unique=True))
        return gone > self._settings.rebuild_share * len(live)
