"""The command `rag index`, and the options that commands share."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexing.file_lists import failure_json, missed_first, show_bounded
from rag.collections import (
    collection_exists,
    open_store,
)
from rag.config import Config, data_folder, load_config
from rag.config.paths import expanded
from rag.console import print_json, printable, say, show
from rag.models.default_models import AUTO

if TYPE_CHECKING:
    from indexing.pipeline import IndexReport
    from indexing.plan import FileSearch, Plan

PARTIAL = 2
INTERRUPTED = 130

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Configuration file (YAML).", show_default=False, parser=expanded
    ),
]
CollectionOption = Annotated[str, typer.Option("--collection", help="Name of the collection.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DatesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dates",
        help="Form of dates in fields, as %d.%m.%Y, or when=%d.%m.%Y for one field. They become "
        "ISO 8601, for filters; unchanged files are read again. May be given several times.",
        show_default=False,
    ),
]


def index(
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders.", show_default=False, parser=expanded)
    ],
    *,
    collection: CollectionOption = "default",
    dates: DatesOption = None,
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and stop.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Index documents, so that they can be asked about.

    Unchanged files cost nothing, changed ones are replaced, and files that have vanished from the
    folders given are removed. Files that cannot be read are listed, and so are those of other
    types or without any text; the status is 2 if any failed or look like documents.
    """
    from indexing.dates import with_forms
    from indexing.left_out import missed
    from indexing.plan import FileSearch

    settings = with_forms(load_config(config), dates or [])
    search = FileSearch(paths, leave_out=data_folder(), again=bool(dates))
    if dry_run:
        _print_plan(search, collection, settings, as_json=as_json)
        return
    report = _index(search, collection, settings)
    if as_json:
        print_json(_report_json(report))
    else:
        _print_report(report)
    for failure in report.failures:
        say(f"failed: {failure.source}: {failure.reason}")
    if report.stopped:
        say("Stopped before the end; what is done is kept. Run the same command to go on.")
        raise typer.Exit(INTERRUPTED)
    if report.failures or missed(report.left_out):
        raise typer.Exit(PARTIAL)


def _index(search: "FileSearch", collection: str, settings: Config) -> "IndexReport":
    from indexing.collection_language import settings_for
    from indexing.conversions import Conversions
    from indexing.pipeline import index_files
    from indexing.plan import make_plan
    from rag.models.embedder import Embedder

    if not collection_exists(
        collection, settings
    ):  # nothing to index must not leave an empty collection behind
        make_plan(search, [])
    if settings.embedder.model != AUTO:
        Embedder(settings.embedder)  # a missing model must not leave an empty collection behind
    store = open_store(collection, settings, create=True)
    try:
        with Conversions(settings) as conversions:
            embedder = Embedder(settings_for(search, store, settings, conversions))
            with progress_bar() as progress, _stopping() as stop:
                return index_files(
                    search, store, embedder, settings, conversions, progress=progress, stop=stop
                )
    finally:
        store.close()


def _print_plan(search: "FileSearch", collection: str, settings: Config, *, as_json: bool) -> None:
    from indexing.pipeline import plan_index

    store = None
    if collection_exists(collection, settings):
        store = open_store(collection, settings)
    try:
        plan = plan_index(search, store)
    finally:
        if store:
            store.close()
    listed = _plan_json(plan)
    if as_json:
        left_out = [failure_json(each) for each in plan.left_out]
        print_json({"collection": collection, "dry_run": True, **listed, "left_out": left_out})
        return
    for state in ("new", "changed", "removed"):
        for source in listed[state]:
            show(f"{state}: {source}")
    for failure in plan.failed:
        show(f"failed: {failure.source}: {failure.reason}")
    show_bounded("left out", missed_first(plan.left_out))
    counts = {state: len(sources) for state, sources in listed.items()}
    show(", ".join(f"{count} {state}" for state, count in counts.items()) + "; nothing was done.")


def _plan_json(plan: "Plan") -> dict[str, list[str]]:
    return {
        "new": [file.source for file in plan.new],
        "changed": [file.source for file in plan.changed],
        "unchanged": [file.source for file in plan.unchanged],
        "removed": sorted(plan.vanished),
        "skipped": plan.skipped,
        "failed": [failure.source for failure in plan.failed],
    }


def _report_json(report: "IndexReport") -> dict[str, Any]:
    dates = report.dates.items()  # none without forms of dates
    return {
        "collection": report.collection,
        "generation": report.generation,
        "counts": {
            "indexed": len(report.indexed),
            "passages": report.passages,
            "unchanged": report.unchanged,
            "removed": len(report.removed),
            "skipped": len(report.skipped),
            "empty": len(report.empty),
            "failed": len(report.failures),
            "recovered": report.recovered,
        },
        **({"dates": {name: asdict(each) for name, each in dates}} if dates else {}),
        "stopped": report.stopped,
        "seconds": report.seconds,
        "indexed": [asdict(file) for file in report.indexed],
        "removed": report.removed,
        "skipped": report.skipped,
        "left_out": [failure_json(each) for each in report.left_out],
        "empty": [failure_json(each) for each in report.empty],
        "notes": [failure_json(note) for note in report.notes],
        "failures": [failure_json(failure) for failure in report.failures],
    }


def _print_report(report: "IndexReport") -> None:
    if report.recovered:
        show(f"Went on with an interrupted run: {report.recovered} documents were done already.")
    empty = f"empty {len(report.empty)}, " if report.empty else ""
    show(
        f"Indexed {len(report.indexed)} files ({report.passages} passages) in "
        f"{report.seconds:.1f} s; unchanged {report.unchanged}, removed {len(report.removed)}, "
        f"skipped {len(report.skipped)}, {empty}failed {len(report.failures)}."
    )
    show(f"Collection `{report.collection}`, generation {report.generation}.")
    for name, count in report.dates.items():
        kept = f", {count.left} fit no form and stay as they are" if count.left else ""
        kept = kept if count.read or count.left else "; no document has such a field"
        show(f"Dates in `{printable(name)}`: {count.read} read{kept}.")
    show_bounded("left out", missed_first(report.left_out))
    show_bounded("empty", report.empty)
    show_bounded("note", report.notes)


@contextmanager
def progress_bar() -> Iterator[Any]:
    """Show a progress bar on stderr if it is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[at]}"),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None, at="")

        def update(done: int, total: int, source: str) -> None:
            bar.update(task, completed=done, total=total, at=printable(source)[-60:])

        yield update


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Stop the run after its batch on the first Ctrl-C or SIGTERM, at once on the second."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("Stopping after this batch (once more to stop at once) ...")

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
