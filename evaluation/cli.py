"""The command `rag evaluate` and its subcommands, from `compare` to `convert`."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evaluation.answers.cli import FORM, answers
from rag.config import load_config
from rag.config.paths import expanded
from rag.console import print_json, say, show
from rag.errors import ConfigError, DatasetError

DEFAULT_COMMAND = "run"

DatasetsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATASET...",
        help="SQuAD JSON, question lines (.jsonl), or a BEIR, SubjQA or articles folder.",
        show_default=False,
        parser=expanded,
    ),
]
CollectionOption = Annotated[
    str | None,
    typer.Option("--collection", help="Ask this collection, not the set's own documents."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for the results; by default a new one under $RAG_HOME.",
        parser=expanded,
    ),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", help="Ask a random sample of so many questions.", min=1)
]
SeedOption = Annotated[int, typer.Option("--seed", help="Start of the random numbers.")]
RepairOption = Annotated[
    bool, typer.Option("--repair", help="Move gold answers that do not stand at their offset.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Configuration file (YAML).", show_default=False, parser=expanded
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class DefaultGroup(TyperGroup):
    """A command group that takes its first argument as a data set unless it names a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's Context
        """Put the default command before arguments that do not begin with a command."""
        if args and args[0] not in (*self.commands, "--help"):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


evaluate = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Measure retrieval and answers on questions with known answers: rag evaluate DATASET...",
)

evaluate.command("answers", epilog=FORM)(answers)


@evaluate.command(DEFAULT_COMMAND)
def run(  # noqa: PLR0913 - a command's options
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
    from evaluation.launch import Launch, evaluate_paths
    from evaluation.run.systems import resolve_systems

    chosen = resolve_systems(systems, load_config(config))
    options = Launch(chosen, collection, out, limit, seed=seed, repair=repair)
    evaluate_paths(datasets, options, as_json=as_json)


@evaluate.command("sweep")
def sweep(  # noqa: PLR0913 - a command's options
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
    from evaluation.launch import Launch, evaluate_paths
    from evaluation.run.systems import sweep_systems

    chosen = sweep_systems(over, load_config(config))
    options = Launch(chosen, collection, out, limit, seed=seed, repair=repair)
    evaluate_paths(datasets, options, as_json=as_json)


@evaluate.command("compare")
def compare(
    run_a: Annotated[
        Path, typer.Argument(help="Folder of a finished run.", show_default=False, parser=expanded)
    ],
    run_b: Annotated[
        Path, typer.Argument(help="What it is compared with.", show_default=False, parser=expanded)
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for comparison.html, .md, .json.", parser=expanded),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs on the same questions, with significance."""
    from dataclasses import asdict

    from evaluation.report import write_comparison
    from evaluation.results.comparison import compare_runs
    from evaluation.results.schema import load_results
    from evaluation.results.terminal_tables import comparison_lines
    from evaluation.run.run_files import json_text, write_file

    a, b = load_results(run_a), load_results(run_b)
    found = compare_runs(a, b)
    content = {"a": str(run_a), "b": str(run_b), "comparisons": [asdict(each) for each in found]}
    if out is not None:
        write_file(out / "comparison.json", json_text(content))
        write_comparison(a, b, out, comparisons=found, names=(str(run_a), str(run_b)))
    if as_json:
        print_json(content)
    else:
        show("\n".join(comparison_lines(found)))


@evaluate.command("gate")
def gate(
    run: Annotated[
        Path, typer.Argument(help="Folder of a finished run.", show_default=False, parser=expanded)
    ],
    *,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="The run it must not fall behind.", parser=expanded),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option("--fail-under", help="metric=value or SYSTEM:metric=value; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for a report with these values.", parser=expanded),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fail, with status 1, if a run is worse than a baseline or below a value."""
    from evaluation.report import write_report
    from evaluation.results import comparison as comparing
    from evaluation.results.schema import load_results

    floors = dict(_floor(rule) for rule in fail_under or ())
    if baseline is None and not floors:
        raise ConfigError("nothing to hold the run against: give --baseline or --fail-under")
    before = load_results(baseline) if baseline else None
    results = load_results(run)
    broken = comparing.gate(results, before, floors)
    if out is not None:
        write_report(results, out, thresholds=floors)
    if as_json:
        print_json({"passed": not broken, "violations": broken})
    else:
        show("\n".join(broken) or "Passed.")
    if broken:
        raise typer.Exit(1)


@evaluate.command("reader")
def reader(
    datasets: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATASET...", help="SQuAD JSON files.", show_default=False, parser=expanded
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option("--reader", help="sentences or spans; by default as configured.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for predictions.json and na_prob.json.", parser=expanded
        ),
    ] = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the reader alone on the gold contexts; the official SQuAD script takes the files."""
    from evaluation.launch import read_questions, watched
    from evaluation.run.reader_evaluation import read_contexts, reading_lines, write_reading

    settings = load_config(config)
    questions = read_questions(datasets, limit, seed)
    with watched("reading") as progress:
        reading = read_contexts(questions, settings, reader=name, progress=progress)
    if out is not None:
        write_reading(out, reading)
    if as_json:
        print_json(reading.to_dict())
    else:
        show("\n".join(reading_lines(reading)))


@evaluate.command("questions")
def questions(
    *,
    out: Annotated[
        Path, typer.Option("--out", help="File to write (SQuAD 2.0 JSON).", parser=expanded)
    ],
    collection: Annotated[
        str, typer.Option("--collection", help="Collection to ask about.")
    ] = "default",
    n: Annotated[int, typer.Option("--n", help="Number of questions.", min=1)] = 200,
    seed: SeedOption = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a question set from a collection's own documents, a quarter of it unanswerable.

    With a `generator` configured, the language model writes about half of it.
    """
    from evaluation.launch import watched
    from evaluation.question_making.question_set import make_questions
    from evaluation.run.run_files import json_text, write_file
    from rag.collections import open_generator, open_store

    if out.exists():
        raise DatasetError(f"`{out}` exists. Nothing was overwritten; give another --out.")
    settings = load_config(config)
    generator = open_generator(settings)
    store = open_store(collection, settings)
    try:
        with watched("writing") as progress:
            made = make_questions(store, n, seed=seed, generator=generator, progress=progress)
    finally:
        store.close()
    write_file(out, json_text(made.content))
    counts = {"answerable": made.answerable, "unanswerable": made.unanswerable}
    if generator is not None:
        counts |= {"by_model": made.written}
        say(
            f"The language model was asked about {made.asked} passages; {made.written} of its "
            "questions passed the checks and are in the set."
        )
    if as_json:
        print_json({"out": str(out), **counts})
        return
    show(f"Wrote {made.answerable} answerable and {made.unanswerable} unanswerable questions.")
    if made.answerable + made.unanswerable < n:
        say(f"The documents gave no more than these; {n} were asked for.")
    say(f"They are synthetic. Next: rag evaluate {out} --collection {collection}")


@evaluate.command("convert")
def convert(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Any form with gold answers.",
            show_default=False,
            parser=expanded,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="File to write (.json).", show_default=False, parser=expanded
        ),
    ],
    *,
    repair: RepairOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a data set with gold answers as SQuAD 2.0 JSON, for other tools and for training."""
    from evaluation.datasets import load_dataset, squad_json
    from evaluation.run.run_files import json_text, write_file

    if out.exists():
        raise DatasetError(f"`{out}` exists. Nothing was overwritten; give another file.")
    if out.suffix != ".json":
        raise DatasetError(f"OUT: expected a file that ends in .json (got {out})")
    loaded = load_dataset(dataset, repair=repair)
    write_file(out, json_text(squad_json(loaded)))
    unanswerable = sum(not each.answers for each in loaded.questions)
    if as_json:
        counts = {"questions": len(loaded.questions), "unanswerable": unanswerable}
        print_json({"out": str(out), **counts, "documents": len(loaded.documents)})
        return
    show(
        f"Wrote {len(loaded.questions)} questions, {unanswerable} of them unanswerable, and "
        f"{len(loaded.documents)} documents."
    )
    for note in loaded.notes:
        say(note)


def _floor(rule: str) -> tuple[str, float]:
    name, _, value = rule.rpartition("=")
    try:
        least = float(value)
    except ValueError:
        name, least = "", 0.0
    if not name or not math.isfinite(least):
        raise ConfigError(f"--fail-under: expected metric=value (got {rule!r})")
    return name, least
