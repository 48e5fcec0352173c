"""The command `rag evaluate`, and what goes with it: compare, gate, sweep, questions."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from rag.config import load_config
from rag.console import print_json, printable, say, show
from rag.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    import click

    from evaluation.datasets import Dataset
    from evaluation.results import Results
    from evaluation.systems import System

DEFAULT_COMMAND = "run"

DatasetsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATASET...",
        help="SQuAD JSON, question lines (.jsonl), or a BEIR, SubjQA or articles folder.",
        show_default=False,
    ),
]
CollectionOption = Annotated[
    str | None,
    typer.Option("--collection", help="Ask this collection, not the set's own documents."),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the results; by default a new one under $RAG_HOME."),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", help="Ask a random sample of so many questions.", min=1)
]
SeedOption = Annotated[int, typer.Option("--seed", help="Start of the random numbers.")]
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Move gold answers that do not stand at their offset.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (YAML).", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class DefaultGroup(TyperGroup):
    """A group of commands that takes its first argument for a data set if it names no command."""

    def parse_args(self, ctx: "click.Context", args: list[str]) -> list[str]:
        """Put the default command before arguments that begin with none."""
        if args and args[0] not in (*self.commands, "--help"):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


evaluate = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Measure retrieval and answers on questions with known answers: rag evaluate DATASET...",
)


@evaluate.command(DEFAULT_COMMAND)
def run(
    datasets: DatasetsArgument,
    *,
    systems: Annotated[
        str,
        typer.Option("--systems", help="Methods, or a YAML file of named overrides."),
    ] = "bm25,dense,hybrid",
    collection: CollectionOption = None,
    out: OutOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    repair: RepairOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate systems on data sets (the default: `rag evaluate DATASET...`).

    A run that was stopped goes on where it was when the same command is given again.
    """
    from evaluation.systems import resolve_systems

    chosen = resolve_systems(systems, load_config(config))
    options = {"collection": collection, "out": out, "limit": limit, "seed": seed}
    _evaluate(datasets, chosen, options, repair=repair, as_json=as_json)


@evaluate.command("sweep")
def sweep(
    datasets: DatasetsArgument,
    *,
    over: Annotated[
        list[str],
        typer.Option("--over", help="A key and its values, as in retrieval.top_k=3,5,10."),
    ],
    collection: CollectionOption = None,
    out: OutOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    repair: RepairOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate every combination of some configuration values."""
    from evaluation.systems import sweep_systems

    chosen = sweep_systems(over, load_config(config))
    options = {"collection": collection, "out": out, "limit": limit, "seed": seed}
    _evaluate(datasets, chosen, options, repair=repair, as_json=as_json)


@evaluate.command("compare")
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of a finished run.", show_default=False)],
    run_b: Annotated[Path, typer.Argument(help="What it is compared with.", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for comparison.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs on the same questions, with significance."""
    from dataclasses import asdict

    from evaluation.compare import compare_runs
    from evaluation.outputs import json_text, write_file
    from evaluation.results import load_results
    from evaluation.tables import comparison_lines

    found = compare_runs(load_results(run_a), load_results(run_b))
    content = {"a": str(run_a), "b": str(run_b), "comparisons": [asdict(each) for each in found]}
    if out is not None:
        write_file(out / "comparison.json", json_text(content))
    if as_json:
        print_json(content)
    else:
        show("\n".join(comparison_lines(found)))


@evaluate.command("gate")
def gate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", show_default=False)],
    *,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="The run it must not fall behind.")
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option("--fail-under", help="metric=value or SYSTEM:metric=value; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fail, with status 1, if a run is worse than a baseline or below a value."""
    from evaluation import compare as comparing
    from evaluation.results import load_results

    floors = dict(_floor(rule) for rule in fail_under or ())
    if baseline is None and not floors:
        raise ConfigError("nothing to hold the run against: give --baseline or --fail-under")
    before = load_results(baseline) if baseline else None
    broken = comparing.gate(load_results(run), before, floors)
    if as_json:
        print_json({"passed": not broken, "violations": broken})
    else:
        show("\n".join(broken) or "Passed.")
    if broken:
        raise typer.Exit(1)


@evaluate.command("questions")
def questions(
    *,
    out: Annotated[Path, typer.Option("--out", help="File to write (SQuAD 2.0 JSON).")],
    collection: Annotated[
        str, typer.Option("--collection", help="Collection to ask about.")
    ] = "default",
    n: Annotated[int, typer.Option("--n", help="Number of questions.", min=1)] = 200,
    seed: SeedOption = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a question set from a collection's own documents, a quarter of it unanswerable."""
    from evaluation.outputs import json_text, write_file
    from evaluation.questions import make_questions
    from rag.collections import open_store

    if out.exists():
        raise DatasetError(f"`{out}` exists. Nothing was overwritten; give another --out.")
    store = open_store(collection, load_config(config))
    try:
        made = make_questions(store, n, seed=seed)
    finally:
        store.close()
    write_file(out, json_text(made.content))
    counts = {"answerable": made.answerable, "unanswerable": made.unanswerable}
    if as_json:
        print_json({"out": str(out), **counts})
        return
    show(f"Wrote {made.answerable} answerable and {made.unanswerable} unanswerable questions.")
    if made.answerable + made.unanswerable < n:
        say(f"The documents gave no more than these; {n} were asked for.")
    say(f"They are synthetic. Next: rag evaluate {out} --collection {collection}")


def _evaluate(
    paths: list[Path],
    systems: "list[System]",
    options: dict[str, Any],
    *,
    repair: bool,
    as_json: bool,
) -> None:
    from evaluation.datasets import load_dataset

    limit, seed = options["limit"], options["seed"]
    loaded = [load_dataset(path, repair=repair).sample(limit, seed) for path in paths]
    names = [dataset.name for dataset in loaded]
    if len(set(names)) < len(names):
        raise DatasetError(f"two data sets have the same name: {', '.join(names)}.")
    rows = []
    for dataset in loaded:
        folder = _folder(dataset, systems, options, alone=len(loaded) == 1)
        results = _run(dataset, systems, options, folder)
        rows.append(_summary(results, folder))
        _report(results, folder)
        if not as_json:
            from evaluation.tables import result_lines

            show("\n".join(result_lines(results)))
            show(f"Results: {folder}\n")
    if as_json:
        print_json({"runs": rows})


def _run(
    dataset: "Dataset", systems: "list[System]", options: dict[str, Any], folder: Path
) -> "Results":
    import sys

    from evaluation.runner import Options, run_evaluation

    with _progress("indexing") as indexing, _progress(dataset.name) as asking:
        return run_evaluation(
            dataset,
            systems,
            Options(
                out=folder,
                seed=options["seed"],
                limit=options["limit"],
                collection=options["collection"],
                command=["rag", *sys.argv[1:]],
                indexing=indexing,
                asking=asking,
            ),
        )


def _folder(
    dataset: "Dataset", systems: "list[System]", options: dict[str, Any], *, alone: bool
) -> Path:
    """Where the results go: what was asked for, or a folder named by what the run consists of."""
    from evaluation.datasets.schema import sha256_of
    from rag.config import data_folder

    if options["out"] is not None:
        out: Path = options["out"]
        return out if alone else out / dataset.name
    settings = [[each.name, each.config.model_dump(mode="json")] for each in systems]
    facts = [dataset.questions_sha256, dataset.qrels_sha256, settings]
    key = sha256_of([*facts, options["seed"], options["limit"], options["collection"]])
    return data_folder() / "runs" / f"{dataset.name}-{key[:8]}"


def _report(results: "Results", folder: Path) -> None:
    try:
        from evaluation.report import write_report
    except ImportError:
        return
    write_report(results, folder)


def _summary(results: "Results", folder: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "dataset": asdict(results.dataset),
        "out": str(folder),
        "systems": {
            system.name: {
                "metrics": {name: asdict(mean) for name, mean in system.metrics.items()},
                "errors": dict(system.errors),
            }
            for system in results.systems
        },
        "comparisons": [asdict(each) for each in results.comparisons],
    }


def _floor(rule: str) -> tuple[str, float]:
    name, _, value = rule.rpartition("=")
    try:
        least = float(value)
    except ValueError:
        name, least = "", 0.0
    if not name or not math.isfinite(least):
        raise ConfigError(f"--fail-under: expected metric=value (got {rule!r})")
    return name, least


@contextmanager
def _progress(what: str) -> Iterator[Any]:
    """Show a bar with the time that remains on stderr, if somebody is looking."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn(printable(what)[:40]),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    started = False

    def update(done: int, total: int, _: str) -> None:
        nonlocal started
        if not started:
            bar.start()
            bar.add_task("", total=total)
            started = True
        bar.update(bar.task_ids[0], completed=done, total=total)
        if done == total:
            bar.stop()

    try:
        yield update
    finally:
        if started:
            bar.stop()
