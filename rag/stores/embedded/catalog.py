"""The embedded collections of a data folder: listed, opened, deleted."""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config
from rag.errors import StoreError

if TYPE_CHECKING:
    from rag.stores.embedded.store import EmbeddedStore

JOURNAL = "journal.db"


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

        Raises:
            LockedError: If another process is writing to it.
            StoreError: If it cannot be deleted.
        """
        from rag.stores.embedded.lock import hold

        folder = self.folder_of(name)
        if not folder.is_dir():
            return False
        gone = folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}.deleted")
        try:
            with hold(folder):
                folder.rename(gone)
        except OSError as error:
            raise StoreError(f"`{folder}` cannot be deleted: {error.strerror}.") from None
        shutil.rmtree(gone, ignore_errors=True)
        return True
