"""The conversions of one run: every file once, in one worker process.

A sample of the files is converted before the others, as the language of a new collection's
documents decides its embedder; what it gave is kept until the run comes to these files.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from indexing.converters import Conversion, ConversionError, Converter
from rag.config import Config

SAMPLE_SECONDS = 5.0  # for each file of a sample


class Conversions:
    """Converts the files of a run; close it, or use it in a `with` statement.

    Not for use from several threads at once.

    Args:
        config: Limits for reading a file.
    """

    def __init__(self, config: Config) -> None:
        limits = config.conversion
        self._converter = Converter(
            seconds=limits.seconds,
            seconds_per_page=limits.seconds_per_page,
            passwords=[password.get_secret_value() for password in limits.passwords],
            memory_mb=limits.memory_mb,
            max_file_mb=limits.max_file_mb,
        )
        self._sample_seconds = min(SAMPLE_SECONDS, limits.seconds)
        self._kept: dict[Path, Conversion] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker process, and forget what was kept."""
        self._kept.clear()
        self._converter.close()

    def sample(self, path: Path) -> Conversion | None:
        """Return what a file gives within a short time, and keep it for `convert`.

        A failure, or a part, is not kept: `convert` tries again, with all the time that a file may
        take.

        Args:
            path: A file whose hash has been taken; a later one could hide that the file changed.

        Returns:
            None if it gives nothing; `convert` says why.
        """
        try:
            conversion = self._converter.convert(path, seconds=self._sample_seconds)
        except ConversionError:
            return None
        if not conversion.late:
            self._kept[path] = conversion
        return conversion

    def convert(self, path: Path) -> Conversion:
        """Return what a file gives; the sample's conversion, if there is one, is handed out once.

        Raises:
            ConversionError: If it gives no document at all.
        """
        kept = self._kept.pop(path, None)
        return self._converter.convert(path) if kept is None else kept
