"""The embedded collections of a data folder: listed, opened, deleted."""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rag import files
from rag.config import Config
from rag.errors import StoreError, UnwritableError

if TYPE_CHECKING:
    from rag.stores.embedded.store import EmbeddedStore

JOURNAL = "journal.db"
GONE = ".deleted"  # ending of a folder that is being deleted


class EmbeddedCatalog:
    """One folder for each collection; see `rag.stores.contract.Catalog`.

    Args:
        root: The data folder.
        config: The configuration, with the search settings.
    """

    def __init__(self, root: Path, config: Config) -> None:
        self._root, self._config = root, config
        self.place = f"`{root}`"

    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        folder = self._root / "collections"
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path.name for path in found if (path / JOURNAL).is_file())

    def holds(self, name: str) -> bool:
        """Return whether there is a collection of this name, finished or not."""
        return (self.folder_of(name) / JOURNAL).is_file()

    def folder_of(self, name: str) -> Path:
        """Return the folder of a collection, whether it exists or not."""
        return self._root / "collections" / name

    def identity_of(self, name: str) -> str:
        """Return device and inode of the journal, which differ for another collection."""
        facts = (self.folder_of(name) / JOURNAL).stat()
        return f"{facts.st_dev}:{facts.st_ino}"

    def changed_at(self, name: str) -> float | None:
        """Return when the journal was last written, in seconds since the epoch."""
        times = []
        for path in self.folder_of(name).glob(f"{JOURNAL}*"):
            with suppress(OSError):  # a writer may be cleaning up
                times.append(path.stat().st_mtime)
        return max(times, default=None)

    def open(self, name: str, *, create: bool) -> "EmbeddedStore":
        """Return the store of a collection."""
        return self._open(self.folder_of(name), create=create)

    def open_scratch(self, name: str) -> "EmbeddedStore":
        """Return a store outside the list of collections, created if it does not exist."""
        return self._open(self._root / "evaluation" / name, create=True)

    def _open(self, folder: Path, *, create: bool) -> "EmbeddedStore":
        from rag.stores.embedded.store import EmbeddedStore

        weight = self._config.retrieval.title_weight
        return EmbeddedStore(
            folder, create=create, settings=self._config.store, title_weight=weight
        )

    def delete(self, name: str) -> bool:
        """Delete a collection, even a damaged one; return whether there was one.

        It works on a full disk. A deletion that is interrupted leaves the whole collection, or
        none, and the next one removes what is left of it.

        Raises:
            LockedError: If another process is writing to it.
            StoreError: If it cannot be deleted.
        """
        from rag.stores.embedded.lock import hold

        self._sweep()
        folder = self.folder_of(name)
        if not folder.is_dir():
            return False
        gone = folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}{GONE}")
        try:
            with hold(folder, freeing=True):
                if not _rename(folder, gone):
                    _remove_in_place(folder)
        except OSError as error:
            kind = UnwritableError if files.is_unwritable(error) else StoreError
            raise kind(
                f"`{folder}` cannot be deleted: {error.strerror or error}. Change the permissions, "
                "or make the disk writable, and try again."
            ) from None
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _sweep(self) -> None:
        """Remove what interrupted deletions have left."""
        for left in (self._root / "collections").glob(f".*{GONE}"):
            shutil.rmtree(left, ignore_errors=True)


def _rename(folder: Path, gone: Path) -> bool:
    """Rename a folder; return False if the disk lacks the space for a new name."""
    try:
        folder.rename(gone)
    except OSError as error:
        if not files.is_full(error):
            raise
        return False
    return True


def _remove_in_place(folder: Path) -> None:
    """Remove a collection: first the indexes, which can be built again, then the journal."""
    for pattern in ("bm25-*", "dense-*"):
        for index in folder.glob(pattern):
            shutil.rmtree(index, ignore_errors=True)
    (folder / JOURNAL).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
