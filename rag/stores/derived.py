"""The derived indexes of an embedded store: kept in step with the journal, checked, rebuilt."""

import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import StoreConfig
from rag.errors import StoreError
from rag.stores import files
from rag.stores.dense import DenseIndex, build_base, load_base, save_base
from rag.stores.files import Numbers
from rag.stores.journal import Journal
from rag.stores.lexical import LexicalIndex, RankBm25Index, TantivyIndex, build_tantivy

Base = tuple[Any, Numbers]

log = logging.getLogger(__name__)

SMALL = 5_000  # up to here bm25 is built anew each time, so that removed passages never count


class Derived:
    """Makes, finds and checks `bm25-*` and `dense-*` beside a journal.

    Args:
        folder: The collection's folder.
        journal: Its truth.
        settings: Engine, sizes and shares.
    """

    def __init__(self, folder: Path, journal: Journal, settings: StoreConfig) -> None:
        self._folder, self._journal, self._settings = folder, journal, settings
        self._owner = journal.state("owner", "")
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None
        self._opened: tuple[str, Base] | None = None  # the last dense base, by its seal

    def close(self) -> None:
        """Remove what had to be built outside the folder."""
        if self._elsewhere is not None:
            self._elsewhere.cleanup()

    def load(self, generation: int) -> tuple[LexicalIndex, DenseIndex | None]:
        """Return both indexes of a generation, built now if they are not there."""
        return self._lexical(generation), self._dense(generation)

    def update(self, generation: int) -> None:
        """Bring the folders up to a generation that is about to be published.

        Raises:
            StoreError: If there is no space, or the folder cannot be written.
        """
        self._lexical(generation, here=True)
        live = self._journal.numbers(generation, embedded=True)
        folders = self._folders("dense")
        base = files.peek_numbers(folders[0] if folders else self._folder)
        changed = len(np.setxor1d(live, base))
        if changed > self._settings.rebuild_share * len(base):
            self._build_dense(generation, live, here=True)

    def tidy(self, generation: int) -> None:
        """Remove folders that no reader of this generation needs."""
        for name in ("bm25", "dense"):
            for folder in self._folders(name)[2:]:
                if _generation_of(folder) < generation:
                    files.remove(folder)

    def check(self, generation: int) -> list[str]:
        """Return what is wrong with journal and indexes, one line each."""
        problems = [f"journal: {problem}" for problem in self._journal.is_sound()]
        for name, open_folder in (("bm25", self._open_lexical), ("dense", self._load_dense)):
            for folder in self._folders(name)[:1]:
                try:
                    open_folder(folder)
                except StoreError as error:
                    problems.append(f"{name}: {error} It will be rebuilt from the journal.")
        problems += [
            f"journal: the text of passage `{passage_id}` is not what its document says."
            for passage_id in self._journal.misplaced(generation)
        ]
        return problems

    def rebuild(self, generation: int) -> None:
        """Build both folders anew from the journal."""
        for name in ("bm25", "dense"):
            for folder in self._folders(name):
                files.remove(folder)
        self.update(generation)

    # -- bm25

    def _lexical(self, generation: int, *, here: bool = False) -> LexicalIndex:
        live = self._journal.numbers(generation)
        if self._settings.bm25 == "rank-bm25":
            return RankBm25Index(self._journal.contents(live.tolist()))
        base = self._fitting_lexical(live)
        if base is not None and np.array_equal(base.numbers, live):
            return base
        return self._build_lexical(generation, live, base, here=here)

    def _fitting_lexical(self, live: Numbers) -> TantivyIndex | None:
        """Return the index that holds just these rows, else the newest one that can be opened."""
        folders = self._folders("bm25")
        folders.sort(key=lambda folder: not np.array_equal(files.peek_numbers(folder), live))
        for folder in folders:
            try:
                return self._open_lexical(folder)
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

        return self._open_lexical(self._write(f"bm25-{generation}", build, here=here))

    def _is_worn(self, base: Numbers, live: Numbers) -> bool:
        """Tell if so much was removed that bm25's statistics would be off."""
        gone = len(np.setdiff1d(base, live, assume_unique=True))
        return gone > self._settings.rebuild_share * len(live)

    # -- dense

    def _dense(self, generation: int) -> DenseIndex | None:
        live = self._journal.numbers(generation, embedded=True)
        if not len(live):
            return None
        found = self._newest_dense()
        base, numbers = found if found else self._build_dense(generation, live, here=False)
        new = np.setdiff1d(live, numbers, assume_unique=True)
        vectors = self._journal.vectors(new.tolist(), base.d)
        breadth = self._settings.graph_search
        return DenseIndex(base, numbers, live, vectors, graph_search=breadth)

    def _newest_dense(self) -> Base | None:
        for folder in self._folders("dense"):
            try:
                return self._open_dense(folder)
            except StoreError as error:
                log.warning("%s Rebuilding it from the journal.", error)
                files.remove(folder)
        return None

    def _open_dense(self, folder: Path) -> Base:
        """Return a base; the one in memory, if the folder is sealed as the same."""
        seal = files.read_seal(folder)
        if self._opened is None or self._opened[0] != seal:
            self._opened = seal, self._load_dense(folder)
        return self._opened[1]

    def _load_dense(self, folder: Path) -> Base:
        return load_base(folder, owner=self._owner)

    def _build_dense(self, generation: int, live: Numbers, *, here: bool) -> Base:
        vectors = self._journal.vectors(live.tolist(), self._journal.dimension)
        base = build_base(vectors, exact_limit=self._settings.exact_limit)

        def build(folder: Path) -> None:
            save_base(folder, base, live, owner=self._owner)

        self._write(f"dense-{generation}", build, here=here)
        return base, live

    # -- folders

    def _folders(self, name: str) -> list[Path]:
        """Return the folders of an index, newest first."""
        found = [path for path in self._folder.glob(f"{name}-*") if _generation_of(path) >= 0]
        return sorted(found, key=_generation_of, reverse=True)

    def _write(self, name: str, build: Callable[[Path], None], *, here: bool) -> Path:
        """Build a folder beside the journal; else for now elsewhere, unless it must be `here`."""
        folder = self._folder / name
        try:
            build(folder)
        except OSError as error:
            if here:
                raise _unwritable(folder, error) from None
            log.warning("`%s` cannot be written (%s): building a temporary one.", folder, error)
            folder = self._write_elsewhere(name, build)
        return folder

    def _write_elsewhere(self, name: str, build: Callable[[Path], None]) -> Path:
        folder = Path(tempfile.gettempdir())
        try:
            self._elsewhere = self._elsewhere or tempfile.TemporaryDirectory()
            folder = Path(self._elsewhere.name) / name
            build(folder)
        except OSError as error:
            raise _unwritable(folder, error) from None
        return folder


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"`{folder}` cannot be written: {error.strerror or error}. Free some space or change the "
        "permissions, and run the same command again; until then the old state is served."
    )


def _generation_of(folder: Path) -> int:
    """Return the generation in the name of a folder such as `bm25-12`; -1 if there is none."""
    found = re.fullmatch(r"\w+-(\d+)", folder.name)
    return int(found[1]) if found else -1
