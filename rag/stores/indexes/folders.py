"""Folders of derived indexes, `NAME-GENERATION`: listed by age, written in place or elsewhere."""

import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from rag import files
from rag.errors import StoreError, UnwritableError

log = logging.getLogger(__name__)


class IndexFolders:
    """The folders of derived indexes below one folder.

    Args:
        folder: The parent folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove indexes that had to be built outside the folder."""
        if self._elsewhere is not None:
            self._elsewhere.cleanup()

    def named(self, name: str) -> list[Path]:
        """Return the folders of an index, newest first."""
        found = [path for path in self.folder.glob(f"{name}-*") if _generation_of(path) >= 0]
        return sorted(found, key=_generation_of, reverse=True)

    def tidy(self, name: str, generation: int) -> None:
        """Remove the folders of an index that no reader of this generation needs."""
        for folder in self.named(name)[2:]:
            if _generation_of(folder) < generation:
                files.remove(folder)

    def write(self, name: str, build: Callable[[Path], None], *, here: bool) -> Path:
        """Build a folder in place, or, unless `here` is set, elsewhere if that fails.

        Raises:
            StoreError: If there is no space, or nothing can be written.
        """
        folder = self.folder / name
        try:
            build(folder)
        except OSError as error:
            if here:
                raise _unwritable(folder, error) from None
            log.warning("`%s` cannot be written (%s): building a temporary one.", folder, error)
            folder = self._write_elsewhere(name, build)
        return folder

    def _write_elsewhere(self, name: str, build: Callable[[Path], None]) -> Path:
        folder = self.folder / name
        try:
            self._elsewhere = self._elsewhere or files.temporary_folder()
            folder = Path(self._elsewhere.name) / name
            build(folder)
        except OSError as error:
            raise _unwritable(folder, error) from None
        return folder


def _unwritable(folder: Path, error: OSError) -> StoreError:
    kind = UnwritableError if files.is_unwritable(error) else StoreError
    return kind(
        f"`{folder}` cannot be written: {error.strerror or error}. Free some space or change the "
        "permissions, and run the same command again; until then the old state is served."
    )


def _generation_of(folder: Path) -> int:
    """Return the generation in the name of a folder such as `bm25-12`; -1 if there is none."""
    found = re.fullmatch(r"\w+-(\d+)", folder.name)
    return int(found[1]) if found else -1
