"""Indexing pipeline: convert, cut, embed and commit files in batches, resumable.

The next files are converted in another process while a batch is embedded. Each batch is one
transaction; nothing is visible before the end, and a run that is killed resumes where it stopped.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from indexing.conversions import Conversions
from indexing.converters import ConversionError, EmptyFileError
from indexing.dates import DateCounts, add_counts, counts_to_tell, read_dates
from indexing.documents import CutDocument, cut_document, embed_documents, passage_batches
from indexing.left_out import EMPTY, MOST_LEFT_OUT, missed
from indexing.plan import KEPT_VERSION, LATE, FileSearch, Plan, SourceFile, make_plan
from rag.config import Config
from rag.language.analysis import ANALYZER_VERSION
from rag.models.embedder import Embedder
from rag.stores.contract import SCHEMA, Failure, Manifest, Store, Writer

AHEAD = 8  # files converted ahead of the embedder


@dataclass(frozen=True)
class Indexed:
    """A file that is now in the collection."""

    source: str
    sha256: str
    documents: int
    passages: int


@dataclass
class IndexReport:
    """Outcome of an indexing run.

    Attributes:
        collection: Name of the collection.
        generation: The generation now published.
        indexed: New and changed files, in order.
        unchanged: Files that needed no work.
        removed: Files that have vanished, whose documents were removed.
        left_out: Files of a type that is not indexed, with the reasons.
        empty: Files in which there is nothing to read, with the reasons.
        failures: Files, or parts of files, that could not be indexed.
        notes: What was left out of files and is no loss, such as hidden text and blank pages.
        recovered: Number of documents taken over from an interrupted run.
        dates: Field -> how many of its values were read as dates, and how many fit no form.
        stopped: Whether the run was stopped before its end.
        seconds: Duration of the run.
    """

    collection: str
    generation: int = 0
    indexed: list[Indexed] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    left_out: list[Failure] = field(default_factory=list)
    empty: list[Failure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[Failure] = field(default_factory=list)
    recovered: int = 0
    dates: DateCounts = field(default_factory=dict)
    stopped: bool = False
    seconds: float = 0.0

    @property
    def passages(self) -> int:
        """Passages made in this run."""
        return sum(file.passages for file in self.indexed)

    @property
    def skipped(self) -> list[str]:
        """The sources of the files that are left out."""
        return [each.source for each in self.left_out]


@dataclass
class _ConvertedFile:
    """A converted file, cut into passages that have no vectors yet."""

    file: SourceFile
    documents: list[CutDocument] = field(default_factory=list)
    empty: list[Failure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    dates: DateCounts = field(default_factory=dict)
    notes: list[Failure] = field(default_factory=list)

    @property
    def passages(self) -> int:
        """Number of its passages."""
        return sum(len(document.passages) for document in self.documents)


Progress = Callable[[int, int, str], None]
"""Called with the number of files done, the number of files, and the source just done."""

FileStage = Literal["reading", "embedding", "ready", "failed", "unchanged"]
OnStage = Callable[[SourceFile, FileStage], None]
"""Called when a file enters a stage; for `reading`, from another thread."""


def plan_index(search: FileSearch, store: Store | None) -> Plan:
    """Return the plan that `index_files` would carry out, without carrying it out."""
    held = list(store.documents(pending=True)) if store else []
    return make_plan(search, held, failures=store.failures() if store else [])


def index_paths(
    paths: Sequence[Path],
    store: Store,
    embedder: Embedder,
    config: Config,
    *,
    leave_out: Path,
    progress: Progress = lambda done, total, source: None,
    stop: threading.Event | None = None,
) -> IndexReport:
    """Bring a collection up to date with some files and folders; see `index_files`.

    Args:
        paths: Files and folders.
        store: The collection.
        embedder: The embedder that made the collection.
        config: Limits and sizes.
        leave_out: A folder to skip.
        progress: Called after each file.
        stop: When set, the run ends after the current batch; finished work is published.

    Raises:
        SourceError: If there is nothing to index.
        MismatchError: If the collection was made with other settings.
        LockedError: If somebody else is writing to it.
    """
    search = FileSearch(paths, leave_out)
    with Conversions(config) as conversions:
        return index_files(
            search, store, embedder, config, conversions, progress=progress, stop=stop
        )


def index_files(
    search: FileSearch,
    store: Store,
    embedder: Embedder,
    config: Config,
    conversions: Conversions,
    *,
    progress: Progress = lambda done, total, source: None,
    on_stage: OnStage = lambda file, stage: None,
    stop: threading.Event | None = None,
) -> IndexReport:
    """Bring a collection up to date with the files that a search finds.

    Args:
        search: The files. Documents whose files lay below its paths and are gone now are removed
            from the collection; all others stay.
        store: The collection.
        embedder: The embedder that made the collection.
        config: Sizes.
        conversions: Converts the files.
        progress: Called after each file.
        on_stage: Called for each stage of each file.
        stop: When set, the run ends after the current batch; finished work is published.

    Raises:
        SourceError: If there is nothing to index.
        MismatchError: If the collection was made with other settings.
        LockedError: If another process is writing to it.
    """
    start, stop = time.monotonic(), stop or threading.Event()
    report = IndexReport(store.name)

    def prepare(file: SourceFile) -> _ConvertedFile:
        on_stage(file, "reading")
        return _prepare(file, conversions, embedder, config)

    with store.writer() as writer:
        writer.use(manifest_of(embedder, config, floor=_floor(store, embedder)))
        plan = plan_index(search, store)  # in the lock, as what is not published counts too
        for file in plan.unchanged:
            on_stage(file, "unchanged")
        report.recovered = writer.recovered
        report.unchanged, report.left_out = len(plan.unchanged), plan.left_out
        report.failures += plan.failed
        writer.fail(plan.failed, [str(failure.path) for failure in plan.failed])
        _list_missed(plan, store, writer)
        todo = [*plan.new, *plan.changed]
        held = frozenset(file.key for file in plan.changed)
        done = 0
        with _one_thread() as pool:
            ahead = _ahead(pool, prepare, todo)
            for batch in passage_batches(ahead, lambda file: file.passages, stop=stop):
                _embed(batch, embedder, config, on_stage)
                for prepared in batch:
                    _write(prepared, writer, report, held)
                    done += 1
                    progress(done, len(todo), prepared.file.source)
                _commit(batch, writer, report)
                _tell(batch, report, on_stage)
        report.stopped = done < len(todo)
        if not report.stopped:
            _remove(plan.vanished, writer, report)
        report.generation = writer.publish()
    report.dates = counts_to_tell(report.dates, config.conversion.dates)
    report.seconds = round(time.monotonic() - start, 3)
    return report


def _list_missed(plan: Plan, store: Store, writer: Writer) -> None:
    """List what looks like a document and is left out, unless the collection lists it already."""
    listed = set(store.failures())
    fresh = [each for each in missed(plan.left_out)[:MOST_LEFT_OUT] if each not in listed]
    writer.fail(fresh, [str(each.path) for each in fresh])


def _floor(store: Store, embedder: Embedder) -> float:
    made = store.manifest
    return embedder.floor if made is None or made.floor is None else made.floor


def manifest_of(embedder: Embedder, config: Config, *, floor: float | None = None) -> Manifest:
    """Return the manifest of a collection made with these settings, with the embedder's floor."""
    chunking = config.chunking
    return Manifest(
        schema=SCHEMA,
        analyzer=ANALYZER_VERSION,
        embedder=embedder.files.name,
        embedder_sha256=embedder.files.sha256,
        dimension=embedder.files.dimension,
        length=chunking.length,
        overlap=chunking.overlap,
        context=chunking.context,
        floor=floor,
    )


def _ahead(
    pool: ThreadPoolExecutor,
    prepare: Callable[[SourceFile], _ConvertedFile],
    files: Sequence[SourceFile],
) -> Iterator[_ConvertedFile]:
    """Yield the files prepared, in order, while the pool prepares the next ones."""
    ahead = [pool.submit(prepare, file) for file in files[:AHEAD]]
    for place in range(len(files)):
        if place + AHEAD < len(files):
            ahead.append(pool.submit(prepare, files[place + AHEAD]))
        yield ahead.pop(0).result()


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """Hold one worker thread; tasks that have not begun are dropped at the end."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(
    file: SourceFile, conversions: Conversions, embedder: Embedder, config: Config
) -> _ConvertedFile:
    prepared = _ConvertedFile(file)
    try:
        conversion = conversions.convert(file.path)
    except EmptyFileError as error:
        prepared.empty.append(Failure(file.source, EMPTY, str(error), file.key))
        return prepared
    except ConversionError as error:
        prepared.failures.append(Failure(file.source, "convert", str(error), file.key))
        return prepared
    stage = LATE if conversion.late else "convert"
    prepared.failures += [
        Failure(file.source, stage, problem, file.key) for problem in conversion.problems
    ]
    prepared.notes = [Failure(file.source, "convert", note, file.key) for note in conversion.notes]
    documents, prepared.dates = read_dates(conversion.documents, config.conversion.dates)
    for converted in documents:
        suffix = f"#{converted.key}" if converted.key else ""
        document = cut_document(
            converted,
            file.file_id + suffix,
            file.source + suffix,
            sha256=file.sha256,
            path=file.key,
            embedder=embedder,
            config=config.chunking,
        )
        prepared.documents.append(document)
    return prepared


def _embed(
    batch: Sequence[_ConvertedFile], embedder: Embedder, config: Config, on_stage: OnStage
) -> None:
    """Embed every passage of a batch."""
    for each in batch:
        if each.documents:
            on_stage(each.file, "embedding")
    documents = [document for each in batch for document in each.documents]
    embedded = iter(embed_documents(documents, embedder, config.chunking))
    for each in batch:
        each.documents = list(islice(embedded, len(each.documents)))


def _write(
    prepared: _ConvertedFile, writer: Writer, report: IndexReport, held: frozenset[str]
) -> None:
    """Replace one file's documents; if it has none any more, they are kept, which is a failure."""
    key = prepared.file.key
    if prepared.documents:
        writer.remove_path(key)
        counts = len(prepared.documents), prepared.passages
        report.indexed.append(Indexed(prepared.file.source, prepared.file.sha256, *counts))
        add_counts(report.dates, prepared.dates)
    elif key in held:
        emptied = [replace(failure, stage="convert") for failure in prepared.empty]
        prepared.failures = [
            replace(failure, reason=failure.reason + KEPT_VERSION)
            for failure in (*emptied, *prepared.failures)
        ]
        prepared.empty = []
    for document in prepared.documents:
        writer.replace(document.stored, document.passages)
    writer.fail([*prepared.failures, *prepared.empty], [key])
    report.failures += prepared.failures
    report.empty += prepared.empty
    report.notes += prepared.notes


def _commit(batch: Sequence[_ConvertedFile], writer: Writer, report: IndexReport) -> None:
    """Commit a batch; a document that the store refuses is a failure of its file."""
    refused = {each.document_id: each.reason for each in writer.commit()}
    if not refused:
        return
    for prepared in batch:
        failures = [
            Failure(stored.source, "store", refused[stored.document_id], prepared.file.key)
            for stored in (document.stored for document in prepared.documents)
            if stored.document_id in refused
        ]
        if failures:
            prepared.failures += failures
            report.failures += failures
            writer.fail(prepared.failures, [prepared.file.key])
            _uncount(prepared, set(refused), report)
    writer.commit()


def _tell(batch: Sequence[_ConvertedFile], report: IndexReport, on_stage: OnStage) -> None:
    """Say which files of a batch are in the collection now."""
    indexed = {file.source for file in report.indexed}
    for prepared in batch:
        on_stage(prepared.file, "ready" if prepared.file.source in indexed else "failed")


def _remove(vanished: Mapping[str, list[str]], writer: Writer, report: IndexReport) -> None:
    """Remove the documents of files that are gone, and what was listed as failed of them."""
    report.removed = sorted(key for key, ids in vanished.items() if ids)
    for path, document_ids in vanished.items():
        writer.remove(document_ids)
        writer.fail([], [path])


def _uncount(prepared: _ConvertedFile, refused: set[str], report: IndexReport) -> None:
    """Report only the documents of a file that the store accepted."""
    place = next(n for n, each in enumerate(report.indexed) if each.source == prepared.file.source)
    taken = [
        len(document.passages)
        for document in prepared.documents
        if document.stored.document_id not in refused
    ]
    file = report.indexed.pop(place)
    if taken:
        report.indexed.insert(place, replace(file, documents=len(taken), passages=sum(taken)))
