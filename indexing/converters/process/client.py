"""`Converter`: conversion of files in a worker process that may crash, hang or grow."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from indexing.converters.file_checks import MB, ConversionError, EmptyFileError, check_file
from indexing.converters.process.wire import (
    OUT_OF_MEMORY,
    document_from_fields,
    limits_to_fields,
    pack,
    unpack,
)
from indexing.converters.schema import Conversion, PageLimits, page_seconds

_ROOT = Path(__file__).resolve().parents[3]
# A CJK character of two bytes takes six in ASCII JSON, and a record's fields come twice.
_ANSWER_RATIO = 10
_MOST_FATAL_PAGES = 3  # pages that crash the worker, before the file is given up
_GRACE = 2.0  # seconds in which the worker itself ends between two pages, and keeps those read


class PageError(ConversionError):
    """The worker ended at a page.

    Args:
        reason: Why.
        page: Number of the page, from 1.
        pages: Number of pages of the file.
        late: Whether it took too long.
    """

    def __init__(self, reason: str, page: int, pages: int, *, late: bool) -> None:
        super().__init__(reason)
        self.page = page
        self.pages = pages
        self.late = late


class Converter:
    """Converter of files, one at a time; close it, or use it in a `with` statement.

    The worker process is started for the first file, kept for the next ones, and replaced when it
    died, hung or used too much memory. Not safe for use from several threads at once.

    Args:
        seconds: Wall-clock time for one file, the start of a worker included; over 0.
        seconds_per_page: Time added for each page of a file that has pages.
        passwords: Passwords to try on encrypted files.
        memory_mb: Address space of the worker in MiB (not enforced on Windows and macOS).
        max_file_mb: Size limit of a file in MiB; larger files are refused.

    Example:
        >>> with Converter(seconds=20) as converter:
        ...     conversion = converter.convert(Path(__file__).with_name("missing.txt"))
        Traceback (most recent call last):
        indexing.converters.file_checks.ConversionError: the file vanished
    """

    def __init__(
        self,
        *,
        seconds: float = 30,
        seconds_per_page: float = 1,
        passwords: Sequence[str] = (),
        memory_mb: int = 2048,
        max_file_mb: int = 200,
    ) -> None:
        if seconds <= 0 or memory_mb <= 0 or max_file_mb <= 0:
            raise ValueError("seconds, memory_mb and max_file_mb must be over 0")
        self._seconds = seconds
        self._seconds_per_page = seconds_per_page
        self._passwords = tuple(passwords)
        self._memory_mb = memory_mb
        self._max_file_mb = max_file_mb
        self._worker: subprocess.Popen[bytes] | None = None

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
        """End the worker process; a later `convert` starts a new one."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        for pipe in _pipes(worker):
            with contextlib.suppress(OSError):  # from a request that nobody read
                pipe.close()
        worker.wait()

    def convert(self, path: Path, *, seconds: float | None = None) -> Conversion:
        """Return the documents of a file, and the problems with parts of it.

        Args:
            path: A regular file with one of `SUFFIXES`.
            seconds: A shorter limit for this file, whatever its pages; None is the usual one.

        Raises:
            ConversionError: If the file gives no document at all; the reason says what to do.
            EmptyFileError: If there is nothing to read in it.
        """
        check_file(path, self._max_file_mb)
        conversion = self._by_pages(path, seconds)
        if not conversion.documents:
            reasons = conversion.problems
            if not reasons:
                raise EmptyFileError("there is no text in it")
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            raise ConversionError(f"nothing in it can be used: {reasons[0]}{more}")
        return conversion

    def _by_pages(self, path: Path, seconds: float | None) -> Conversion:
        """Convert a file, again without a page that the worker did not survive."""
        limits = PageLimits(
            passwords=self._passwords,
            seconds=self._seconds if seconds is None else seconds,
            seconds_per_page=self._seconds_per_page if seconds is None else 0.0,
        )
        fatal: list[str] = []
        while True:
            try:
                conversion = self._exchange(self._request(path, limits), limits)
            except PageError as error:
                alone = error.pages == 1 or (error.late and error.page == 1)
                if alone or len(fatal) == _MOST_FATAL_PAGES:
                    raise
                if error.late:
                    limits = replace(limits, last=error.page - 1)
                else:
                    fatal.append(f"page {error.page} is damaged: {error}")
                    limits = replace(limits, skip=limits.skip | {error.page})
                continue
            except ConversionError as error:  # the other pages give nothing
                if not fatal:
                    raise
                raise ConversionError("; ".join([*fatal, str(error)])) from error
            conversion.problems[:0] = fatal
            return conversion

    def _request(self, path: Path, limits: PageLimits) -> bytes:
        return pack(
            {
                "path": str(path),
                "suffix": path.suffix.lower(),
                "stem": path.stem,
                "most": self._max_file_mb * MB,
                "pages": limits_to_fields(limits),
            }
        )

    def _exchange(self, request: bytes, limits: PageLimits) -> Conversion:
        worker = self._send(request)
        clock = _Clock(worker, limits)
        finished = False
        try:
            conversion = Conversion()
            last = self._receive(worker, conversion, clock)
            finished = True
        except (ValueError, KeyError, TypeError) as error:
            raise ConversionError("the converter gave an answer that makes no sense") from error
        except EOFError as error:
            late = clock.is_over()
            reason = clock.limit() if late else self._death(worker)
            if clock.page:
                raise PageError(reason, clock.page, clock.pages, late=late) from error
            raise ConversionError(reason) from error
        finally:
            clock.stop()
            if not finished:
                self.close()
        self._finish(last)
        return conversion

    def _send(self, request: bytes) -> "subprocess.Popen[bytes]":
        """Send the request, replacing a worker that died since the last file; return the worker."""
        for _ in range(2):
            if self._worker is None or self._worker.poll() is not None:
                self.close()
                self._worker = self._start()
            try:
                stdin = _pipes(self._worker)[0]
                stdin.write(request)
                stdin.flush()
            except BrokenPipeError:
                self.close()
                continue
            return self._worker
        raise ConversionError("the converter cannot be started")

    def _start(self) -> "subprocess.Popen[bytes]":
        # -P and the path: nothing in the current folder is imported in place of a library
        command = [sys.executable, "-P", "-W", "ignore", "-m", "indexing.converters.process.worker"]
        inherited = os.environ.get("PYTHONPATH")
        paths = [inherited, str(_ROOT)] if inherited else [str(_ROOT)]
        return subprocess.Popen(  # noqa: S603
            [*command, str(self._seconds), str(self._memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C is for the calling process
        )

    def _receive(
        self, worker: "subprocess.Popen[bytes]", conversion: Conversion, clock: "_Clock"
    ) -> dict[str, Any]:
        """Add documents and problems to `conversion`; return the message that ends the answer."""
        left = _ANSWER_RATIO * self._max_file_mb * MB
        stdout = _pipes(worker)[1]
        while True:
            line = stdout.readline(left)
            left -= len(line)
            if left <= 0:
                raise ConversionError(f"its text is over {_ANSWER_RATIO * self._max_file_mb} MB")
            if not line.endswith(b"\n"):
                raise EOFError
            message = unpack(line)
            if "document" in message:
                conversion.documents.append(document_from_fields(message["document"]))
            elif "problem" in message:
                conversion.problems.append(str(message["problem"]))
                conversion.late |= bool(message.get("late"))
            elif "note" in message:
                conversion.notes.append(str(message["note"]))
            elif "page" in message:
                clock.turn(int(message["page"]), int(message["pages"]))
            else:
                return message

    def _finish(self, message: dict[str, Any]) -> None:
        """Raise the worker's error, if any; replace the worker if half of its memory is used."""
        if message.get("memory_mb", 0) > self._memory_mb / 2:
            self.close()
        if "failed" in message:
            kind = EmptyFileError if message.get("empty") else ConversionError
            raise kind(str(message["failed"]))

    def _death(self, worker: "subprocess.Popen[bytes]") -> str:
        code = worker.wait()
        if code == OUT_OF_MEMORY:
            return f"converting it takes more than {self._memory_mb} MB of memory"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the converter crashed on it ({how})"


class _Clock:
    """Ends a worker when the time for its file is over; the time grows with the file's pages."""

    def __init__(self, worker: "subprocess.Popen[bytes]", limits: PageLimits) -> None:
        self._worker, self._limits = worker, limits
        self._started = time.monotonic()
        self._seconds = limits.seconds or 0.0
        self.page = self.pages = 0
        self._timer = self._start()

    def _start(self) -> threading.Timer:
        left = self._started + self._seconds - time.monotonic()
        timer = threading.Timer(max(left, 0.0), self._worker.kill)
        timer.daemon = True
        timer.start()
        return timer

    def turn(self, page: int, pages: int) -> None:
        """Note the page that is read next, 0 behind the last one; the first one gives more time."""
        self.page = page
        if pages and not self.pages:
            self.pages = pages
            self._seconds += self._limits.seconds_per_page * pages + _GRACE
            self.stop()
            self._timer = self._start()

    def is_over(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() - self._started >= self._seconds

    def limit(self) -> str:
        """Return the reason for ending the worker."""
        seconds = self._limits.seconds or 0.0
        if not self.pages:
            return f"converting it takes longer than {seconds:g} s (`conversion.seconds`)"
        seconds += self._limits.seconds_per_page * self.pages
        return (
            f"converting it takes longer than {seconds:g} s "
            f"({page_seconds(self.pages)}), and page {max(self.page, 1)} does not end"
        )

    def stop(self) -> None:
        """Let the worker go on."""
        self._timer.cancel()


def _pipes(worker: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    assert worker.stdin is not None and worker.stdout is not None  # noqa: S101  (both are pipes)
    return worker.stdin, worker.stdout
