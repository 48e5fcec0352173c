"""The commands `rag train reader` and `rag train ranker`; see also `promotion_cli`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.cli import DatasetsArgument, JsonOption, RepairOption, SeedOption
from evaluation.training.promotion_cli import forget, promote
from rag.config import data_folder
from rag.console import print_json, printable, say, show
from rag.errors import ConfigError

if TYPE_CHECKING:
    from evaluation.training.course import Trained
    from evaluation.training.loop import Progress
    from evaluation.training.promotion import Verdict

BASE = "all-MiniLM-L6-v2"
RATE = 1.5e-4
SAID_EVERY = 20.0  # seconds

BaseOption = Annotated[
    str, typer.Option("--base", help="Model to begin from: a folder, package or hub name.")
]
EpochsOption = Annotated[
    float, typer.Option("--epochs", help="Times that everything is seen.", min=0.01)
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder of the new model; by default under $RAG_HOME.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
BudgetOption = Annotated[
    float | None,
    typer.Option("--budget", help="Minutes; the training is planned to end by then.", min=0.01),
]
HeldOutOption = Annotated[
    list[Path] | None,
    typer.Option("--held-out", help="A set to be measured on: its questions are not trained on."),
]
NegativesOption = Annotated[
    float,
    typer.Option("--negatives", help="Texts that do not answer, for each question.", min=0),
]
RateOption = Annotated[
    float, typer.Option("--learning-rate", help="The highest of the training.", min=1e-7, max=1)
]
PromoteOption = Annotated[
    bool,
    typer.Option("--promote", help="Use it instead of the model in use, if it is really better."),
]

train = typer.Typer(
    no_args_is_help=True, help="Make a reader or a ranker from questions with known answers."
)
train.command("promote")(promote)
train.command("forget")(forget)


@train.command("reader")
def reader(  # noqa: PLR0913 - a command's options
    datasets: DatasetsArgument,
    *,
    base: BaseOption = BASE,
    epochs: EpochsOption = 2.0,
    out: OutOption = None,
    device: DeviceOption = "auto",
    budget: BudgetOption = None,
    seed: SeedOption = 0,
    held_out: HeldOutOption = None,
    negatives: NegativesOption = 1.0,
    learning_rate: RateOption = RATE,
    repair: RepairOption = False,
    promoting: PromoteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model that finds the words that answer, and ranks passages as well."""
    options = {"epochs": epochs, "minutes": budget, "seed": seed, "device": device}
    options["learning_rate"] = learning_rate
    _run("reader", datasets, base, out, options, held_out, negatives, repair, promoting, as_json)


@train.command("ranker")
def ranker(  # noqa: PLR0913 - a command's options
    datasets: DatasetsArgument,
    *,
    base: BaseOption = BASE,
    epochs: EpochsOption = 2.0,
    out: OutOption = None,
    device: DeviceOption = "auto",
    budget: BudgetOption = None,
    seed: SeedOption = 0,
    held_out: HeldOutOption = None,
    negatives: NegativesOption = 2.0,
    learning_rate: RateOption = RATE,
    repair: RepairOption = False,
    promoting: PromoteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model that ranks passages; judged documents without answers are enough."""
    options = {"epochs": epochs, "minutes": budget, "seed": seed, "device": device}
    options["learning_rate"] = learning_rate
    _run("ranker", datasets, base, out, options, held_out, negatives, repair, promoting, as_json)


def _run(  # noqa: PLR0913, PLR0917 - what both commands were given
    role: Any,  # noqa: ANN401
    datasets: list[Path],
    base: str,
    out: Path | None,
    options: dict[str, Any],
    held_out: list[Path] | None,
    negatives: float,
    repair: bool,
    promoting: bool,
    as_json: bool,
) -> None:
    from evaluation.launch import watched
    from evaluation.training.course import Course, train_model
    from evaluation.training.loop import Schedule
    from evaluation.training.promotion import Examination

    if options["device"] not in ("auto", "cpu", "mps") and not options["device"].startswith("cuda"):
        raise ConfigError(f"--device: expected auto, cpu, cuda or mps (got {options['device']})")
    course = Course(
        role=role,
        paths=datasets,
        base=base,
        out=out or data_folder() / "models" / f"{role}-{datasets[0].stem}",
        schedule=Schedule(**options, spans=role == "reader"),
        negatives=negatives,
        evaluated_on=held_out or (),
        repair=repair,
        command=" ".join(["rag", *sys.argv[1:]]),
    )
    examination = Examination(role, held_out or ()) if promoting else None
    with watched("negatives") as mined:
        done = train_model(
            course,
            told=_teller(),
            mined=mined,
            checked=examination.prepare if examination else lambda data: None,
        )
    verdict = examination.pass_judgement(done.out, say) if examination else None
    _print(done, verdict, as_json=as_json)


def _print(done: "Trained", verdict: "Verdict | None", *, as_json: bool) -> None:
    from evaluation.training.promotion import verdict_json, verdict_line

    found = {"f1": done.measured.f1, "ranked": done.measured.ranked}
    if as_json:
        facts = {"out": str(done.out), "steps": done.ended.step, "lost": done.lost, **found}
        print_json(facts | (verdict_json(verdict) if verdict else {}))
        return
    for name, value in found.items():
        if value is not None:
            show(f"{name} {value:.4f}, held back from the training")
    show(f"Model: {printable(str(done.out))}")
    if done.lost:
        say(f"{done.lost} questions were left out: no answer or judgement of them could be used.")
    if verdict:
        show(verdict_line(verdict))
        return
    say("Next: rag evaluate reader FILE.json --reader spans, with `reader.model` set to it.")


def _teller() -> Any:  # noqa: ANN401 - a function of what the loop tells
    """Return what says on stderr, now and then, where a training is."""
    last = time.monotonic()

    def tell(now: "Progress") -> None:
        nonlocal last
        if now.checked is None and time.monotonic() - last < SAID_EVERY:
            return
        last = time.monotonic()
        say(progress_line(now))

    return tell


def progress_line(now: "Progress") -> str:
    """Return where a training is, in one line."""
    left = now.seconds / now.share - now.seconds if now.share else 0.0
    minutes = f"{left / 60:.1f} min left"
    score = "" if now.checked is None else f", held back {now.checked:.4f} (best {now.best:.4f})"
    return f"{now.share:4.0%}, step {now.step}, {minutes}, loss {now.loss:.3f}{score}"
