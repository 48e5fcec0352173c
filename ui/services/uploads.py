"""Index jobs in the background: uploaded files, and updates of known files.

One job runs at a time, as the embedder would be shared anyway; the others wait in order. Committed
batches of a job stay, however it ends.
"""

import logging
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from indexing.plan import SourceFile
from rag import files as disk
from rag.collections import open_store
from rag.config import Config, data_folder
from rag.errors import RagError, UnwritableError
from rag.stores.contract import Store
from ui.services.engines import Engines
from ui.services.errors import BusyError, NotFoundError, UploadError
from ui.services.library import Library
from ui.services.names import check_content, safe_name

log = logging.getLogger(__name__)

MB = 2**20
KEPT_SECONDS = 3600.0  # seconds for which a finished job is kept
PER_OWNER = 4  # queued and running jobs of one owner
GONE = "the file is no longer there; what was indexed from it is kept until you remove it"

FileStage = Literal["queued", "reading", "embedding", "ready", "unchanged", "failed", "cancelled"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class FileState:
    """Stage of one file, and its failure if any; a file that is not `taken` is not stored."""

    name: str
    stage: FileStage
    reason: str | None = None
    taken: bool = True

    @property
    def can_retry(self) -> bool:
        """Whether it can be retried without another upload."""
        return self.taken and self.stage in ("failed", "cancelled")


@dataclass(frozen=True)
class IndexSnapshot:
    """The current state of a job; `version` grows with every change.

    `error` says why the whole job failed, and `failure` is the expected error behind it; failures
    of single files are in their own states.
    """

    job_id: str
    collection: str
    version: int
    state: JobState
    files: tuple[FileState, ...]
    error: str | None = None
    failure: RagError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ("queued", "running")

    @property
    def done(self) -> int:
        """Number of finished files."""
        return sum(file.stage not in ("queued", "reading", "embedding") for file in self.files)


@dataclass
class _IndexJob:
    owner: str
    now: IndexSnapshot
    paths: list[Path]
    names: Mapping[str, str]  # key of a path -> name shown
    changed: threading.Condition = field(default_factory=threading.Condition)
    stop: threading.Event = field(default_factory=threading.Event)
    ended: float | None = None

    def change(self, **values: Any) -> None:  # noqa: ANN401
        with self.changed:
            self.now = replace(self.now, version=self.now.version + 1, **values)
            self.changed.notify_all()

    def set_stage(self, name: str, stage: FileStage, reason: str | None = None) -> None:
        """Set the stage of a file; a refused file of the same name is left unchanged."""
        with self.changed:
            files = list(self.now.files)
            places = [at for at, each in enumerate(files) if each.name == name]
            taken = [at for at in places if files[at].stage != "failed"] or places
            at = taken[0] if taken else len(files)
            files[at : at + 1] = [FileState(name, stage, reason)]
            self.change(files=tuple(files))


class IndexJobs:
    """Index jobs of all owners.

    Args:
        config: Configuration of limits (`server`) and models.
        engines: Engines, whose embedder is shared with the questions.
        library: Access rights to collections, and folders of uploads.
    """

    def __init__(self, config: Config, engines: Engines, library: Library) -> None:
        self._config, self._engines, self._library = config, engines, library
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._jobs: dict[str, _IndexJob] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop after the current batch, which is kept, and wait for it."""
        for job in list(self._jobs.values()):
            job.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def upload(self, owner: str, collection: str, files: Sequence[tuple[str, bytes]]) -> str:
        """Store files and start to index them; return the job's id.

        A file replaces an earlier upload of the same name. Files that cannot be accepted are listed
        as failed, and do not prevent the others from being indexed.

        Args:
            owner: Owner who uploads.
            collection: Name of the collection.
            files: Name and content of each file.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
            UploadError: If there is no file, or too many.
            UnwritableError: If no file can be stored, as the disk is full or read-only.
            BusyError: If too many jobs are waiting.
        """
        self._library.check(owner, collection)
        most = self._config.server.max_files
        if not 1 <= len(files) <= most:
            raise UploadError(f"choose 1 to {most} files (got {len(files)}).")
        self._check_room(owner)
        folder = (self._library.uploads / collection).absolute()
        disk.make_folder(folder)
        states: list[FileState] = []
        paths: list[Path] = []
        names: dict[str, str] = {}
        full: UnwritableError | None = None
        for given, content in files:
            try:
                path = self._keep(folder, given, content, taken=set(paths))
            except (UploadError, UnwritableError) as error:
                full = full or (error if isinstance(error, UnwritableError) else None)
                states.append(FileState(given[:200], "failed", str(error), taken=False))
                continue
            paths.append(path)
            names[str(path)] = path.name
            states.append(FileState(path.name, "queued"))
        if full is not None and not paths:
            raise full
        return self._submit(owner, collection, states, paths, names)

    def update(self, owner: str, collection: str, paths: Sequence[str] = ()) -> str:
        """Index files that a collection holds or lists as failed again; return the job's id.

        Args:
            owner: Owner who asks.
            collection: Name of the collection.
            paths: Paths to index, as in `DocumentRow.path`, `Failure.path` and `left_over`; none
                means all.

        Raises:
            NotFoundError: If the collection, or one of the paths in it, does not exist or belongs
                to another owner.
            UploadError: If there is no file to index.
            BusyError: If too many jobs are waiting.
        """
        held = {row.path: row.source.partition("#")[0]
                for row in self._library.documents(owner, collection) if row.path}  # fmt: skip
        held |= {each.path: each.source
                 for each in self._library.failures(owner, collection) if each.path}  # fmt: skip
        held |= {path: Path(path).name for path in self.left_over(owner, collection)}
        unknown = [path for path in paths if path not in held]
        if unknown:
            raise NotFoundError(f"there is no file `{unknown[0][:80]}` in the collection.")
        names = {path: name for path, name in held.items() if not paths or path in paths}
        if not names:
            raise UploadError("the collection holds no file that could be looked at again.")
        self._check_room(owner)
        states = [FileState(name, "queued") for name in names.values()]
        return self._submit(owner, collection, states, [Path(path) for path in names], names)

    def left_over(self, owner: str, collection: str) -> list[str]:
        """Return uploaded files that were never indexed: cancelled, or interrupted by a restart.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        known = {row.path for row in self._library.documents(owner, collection)}
        known |= {failure.path for failure in self._library.failures(owner, collection)}
        with self._lock:
            open_ = [job for job in self._jobs.values() if job.now.is_open]
        known |= {str(path) for job in open_ for path in job.paths}
        found = self._library.uploaded(collection)
        return sorted(str(path) for path in found if str(path) not in known)

    def discard(self, owner: str, collection: str) -> None:
        """Delete the uploaded files that were never indexed.

        Raises:
            NotFoundError: If the collection does not exist or belongs to another owner.
        """
        for path in self.left_over(owner, collection):
            Path(path).unlink(missing_ok=True)

    def retry(self, owner: str, job_id: str) -> str:
        """Retry the failed and remaining files of an ended job; return the new id.

        Files that were never accepted have to be uploaded again.

        Raises:
            NotFoundError: If the job or its collection does not exist or belongs to another owner.
            UploadError: If none of its files can be retried.
            BusyError: If too many jobs are waiting.
        """
        job = self._job(owner, job_id)
        self._library.check(owner, job.now.collection)
        left = {file.name for file in job.now.files if file.can_retry}
        names = {key: name for key, name in job.names.items() if name in left}
        paths = [path for path in job.paths if str(path) in names]
        if job.now.is_open or not paths:
            raise UploadError("no file of it can be tried again; upload it once more.")
        self._check_room(owner)
        states = [FileState(names[str(path)], "queued") for path in paths]
        return self._submit(owner, job.now.collection, states, paths, names)

    def snapshot(self, owner: str, job_id: str) -> IndexSnapshot:
        """Return the current state of a job.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        return self._job(owner, job_id).now

    def wait(self, owner: str, job_id: str, seen: int, timeout: float) -> IndexSnapshot:
        """Return the first snapshot newer than a version, or the current one after a time-out.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        job = self._job(owner, job_id)
        with job.changed:
            job.changed.wait_for(lambda: job.now.version > seen or not job.now.is_open, timeout)
            return job.now

    def cancel(self, owner: str, job_id: str) -> None:
        """Cancel a job after the current batch; committed batches stay.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self._job(owner, job_id).stop.set()

    def recent(self, owner: str, collection: str | None = None) -> list[IndexSnapshot]:
        """Return an owner's jobs, newest first, finished ones for an hour."""
        with self._lock:
            return [
                job.now
                for job in reversed(self._jobs.values())
                if job.owner == owner and collection in (None, job.now.collection)
            ]

    # -- inside

    def _job(self, owner: str, job_id: str) -> _IndexJob:
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise NotFoundError("this upload does not exist, or it is not yours.")
        return job

    def _check_room(self, owner: str) -> None:
        with self._lock:
            now = time.monotonic()
            for job_id, job in list(self._jobs.items()):
                if job.ended is not None and now - job.ended > KEPT_SECONDS:
                    del self._jobs[job_id]
            open_ = [job for job in self._jobs.values() if job.now.is_open]
        limits = self._config.server
        if len(open_) >= limits.queue or sum(j.owner == owner for j in open_) >= PER_OWNER:
            raise BusyError("other uploads are still being indexed; try again in a moment.")

    def _keep(self, folder: Path, given: str, content: bytes, *, taken: set[Path]) -> Path:
        """Write an uploaded file atomically, replacing an older one of its name."""
        name = safe_name(given)
        limit = self._config.server.max_upload_mb
        if len(content) > limit * MB:
            raise UploadError(f"it has {len(content) / MB:.1f} MB, and the limit is {limit} MB")
        check_content(name, content)
        path = folder / name
        if path in taken:
            raise UploadError("another file of this upload has the same name")
        partial = folder / f".{uuid.uuid4().hex}.part"
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            disk.remove(partial)
            kind = UnwritableError if disk.is_unwritable(error) else UploadError
            raise kind(f"it cannot be stored: {error.strerror}") from error
        return path

    def _submit(
        self,
        owner: str,
        collection: str,
        states: Sequence[FileState],
        paths: Sequence[Path],
        names: Mapping[str, str],
    ) -> str:
        now = IndexSnapshot(uuid.uuid4().hex, collection, 1, "queued", tuple(states))
        job = _IndexJob(owner, now, list(paths), names)
        with self._lock:
            self._jobs[now.job_id] = job
        self._pool.submit(self._work, job)
        return now.job_id

    def _work(self, job: _IndexJob) -> None:
        state: JobState = "done"
        error: str | None = None
        failure: RagError | None = None
        try:
            if job.paths and not job.stop.is_set():
                job.change(state="running")
                self._index(job)
        except RagError as problem:
            state, error, failure = "failed", str(problem), problem
        except Exception:  # the thread's border: the person learns of any error
            number = uuid.uuid4().hex[:8]
            log.exception("indexing failed, error %s", number)
            state, error = "failed", f"something went wrong on the server (error {number})."
        left: FileStage = "failed" if error else "cancelled"
        for file in job.now.files:
            if file.stage in ("queued", "reading", "embedding"):
                job.set_stage(file.name, left, error)
                state = state if error else "cancelled"
        job.ended = time.monotonic()
        job.change(state=state, error=error, failure=failure)

    def _index(self, job: _IndexJob) -> None:
        """Index a job's files; uploaded ones are shown by their names, others by their paths."""
        collection = job.now.collection
        gone = [path for path in job.paths if not path.exists()]
        for path in gone:
            job.set_stage(job.names[str(path)], "failed", GONE)
        left = [path for path in job.paths if path not in gone]
        uploaded = [path for path in left if self._library.is_upload(collection, str(path))]
        others = [path for path in left if path not in uploaded]
        folder = (self._library.uploads / collection).absolute()
        store = open_store(collection, self._config)
        try:
            for paths, shown_from in ((uploaded, folder), (others, None)):
                if paths and not job.stop.is_set():
                    self._index_some(job, store, paths, shown_from)
        finally:
            store.close()

    def _index_some(
        self, job: _IndexJob, store: Store, paths: Sequence[Path], shown_from: Path | None
    ) -> None:
        from indexing.collection_language import settings_for
        from indexing.conversions import Conversions
        from indexing.pipeline import index_files
        from indexing.plan import FileSearch

        def on_stage(file: SourceFile, stage: FileStage) -> None:
            job.set_stage(job.names.get(file.key, file.source), stage)

        search = FileSearch(paths, data_folder() / "collections", shown_from)
        with Conversions(self._config) as conversions:
            settings = settings_for(search, store, self._config, conversions)
            report = index_files(
                search,
                store,
                self._engines.embedder(settings),
                self._config,
                conversions,
                on_stage=on_stage,
                stop=job.stop,
            )
        indexed = {file.source for file in report.indexed}
        for failure in (*report.failures, *report.empty):
            stage: FileStage = "ready" if failure.source in indexed else "failed"
            job.set_stage(job.names.get(failure.path or "", failure.source), stage, failure.reason)
