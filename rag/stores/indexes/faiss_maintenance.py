"""Maintenance of the FAISS index derived from a store's vectors: updated, checked, rebuilt."""

import logging
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag import files
from rag.config import StoreConfig
from rag.errors import StoreError
from rag.files import Numbers
from rag.stores.indexes.faiss_index import FaissIndex, Vectors, build_base, load_base, save_base
from rag.stores.indexes.folders import IndexFolders

Base = tuple[Any, Numbers]

log = logging.getLogger(__name__)


class VectorSource(Protocol):
    """Permanent storage of the vectors."""

    @property
    def owner(self) -> str:
        """Identity of the collection."""

    def dimension_of(self, numbers: Numbers) -> int:
        """Return the length of the vectors of some rows, which is the same for all."""

    def numbers(self, generation: int, *, embedded: bool = False) -> Numbers:
        """Return the row numbers visible in a generation, ascending."""

    def vectors(self, numbers: list[int], dimension: int) -> Vectors:
        """Return vectors by row number, as rows of length 1; those that are gone are zero."""


class DerivedFaissIndex:
    """Builder and checker of `dense-*` in a folder.

    Args:
        folders: The folders of the indexes.
        source: The store's vectors.
        settings: Sizes and shares.
    """

    def __init__(self, folders: IndexFolders, source: VectorSource, settings: StoreConfig) -> None:
        self._folders, self._source, self._settings = folders, source, settings
        self._opened: tuple[str, Base] | None = None  # the last base, by its seal

    def load(self, generation: int) -> FaissIndex | None:
        """Return the index of a generation, built now if missing; None without vectors."""
        live = self._source.numbers(generation, embedded=True)
        if not len(live):
            return None
        found = self._newest(live)
        base, numbers = found if found else self._build(generation, live, here=False)
        new = np.setdiff1d(live, numbers, assume_unique=True)
        vectors = self._source.vectors(new.tolist(), base.d)
        breadth = self._settings.graph_search
        return FaissIndex(base, numbers, live, vectors, graph_search=breadth)

    def update(self, generation: int) -> None:
        """Build a folder for a generation about to be published, if the newest differs too much.

        Raises:
            StoreError: If there is no space, or the folder cannot be written.
        """
        live = self._source.numbers(generation, embedded=True)
        folders = self._folders.named("dense")
        base = files.peek_numbers(folders[0] if folders else self._folders.folder)
        changed = len(np.setxor1d(live, base))
        if changed > self._settings.rebuild_share * len(base):
            self._build(generation, live, here=True)

    def check(self) -> list[str]:
        """Return the problems of the newest folder, one line each."""
        for folder in self._folders.named("dense")[:1]:
            try:
                self._load(folder)
            except StoreError as error:
                return [f"dense: {error} It will be rebuilt."]
        return []

    def _newest(self, live: Numbers) -> Base | None:
        """Return the newest base that shares rows with `live`, and so has the same embedder."""
        for folder in self._folders.named("dense"):
            try:
                base, numbers = self._open(folder)
            except StoreError as error:
                log.warning("%s Rebuilding it.", error)
                files.remove(folder)
                continue
            if np.isin(numbers, live, assume_unique=True).any():
                return base, numbers
        return None

    def _open(self, folder: Path) -> Base:
        """Return a base; from memory if the folder has the same seal."""
        seal = files.read_seal(folder)
        if self._opened is None or self._opened[0] != seal:
            self._opened = seal, self._load(folder)
        return self._opened[1]

    def _load(self, folder: Path) -> Base:
        return load_base(folder, owner=self._source.owner)

    def _build(self, generation: int, live: Numbers, *, here: bool) -> Base:
        vectors = self._source.vectors(live.tolist(), self._source.dimension_of(live))
        base = build_base(vectors, exact_limit=self._settings.exact_limit)

        def build(folder: Path) -> None:
            save_base(folder, base, live, owner=self._source.owner)

        self._folders.write(f"dense-{generation}", build, here=here)
        return base, live
