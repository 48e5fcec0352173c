"""The commands `rag train reader|ranker|embedder`; see also `evaluation.training.promotion.cli`."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.cli import DatasetsArgument, JsonOption, RepairOption, SeedOption
from evaluation.training.promotion.cli import (
    CollectionsOption,
    forget,
    promote,
    reembed_promoted,
)
from rag.config import data_folder, load_config
from rag.console import print_json, printable, say, show
from rag.errors import ConfigError

if TYPE_CHECKING:
    from evaluation.training.loop import Progress
    from evaluation.training.options import TrainingOptions
    from evaluation.training.promotion.verdict import Verdict
    from evaluation.training.reader.training import TrainedReader

BASE = "all-MiniLM-L6-v2"
RATE, EMBEDDER_RATE = 1.5e-4, 3e-5
QUESTIONS = 32  # in an embedder's batch
MADE = 2000  # questions from documents
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
DropoutOption = Annotated[
    float,
    typer.Option("--dropout", help="Share of values left out, so that less is learnt by heart.",
                 min=0, max=0.5),
]  # fmt: skip
MaskedOption = Annotated[
    float,
    typer.Option("--masked", help="Share of words hidden, so that less is learnt by heart.",
                 min=0, max=0.5),
]  # fmt: skip
WindowOption = Annotated[
    int | None, typer.Option("--window", help="Tokens read at once; 256, or the base's.", min=32)
]
PromoteOption = Annotated[
    bool,
    typer.Option("--promote", help="Use it instead of the model in use, if it is really better."),
]

MineOption = Annotated[
    str, typer.Option("--mine", help="Who looks for texts that do not answer: bm25, dense or both.")
]
ClozeOption = Annotated[
    list[Path] | None,
    typer.Option("--cloze", help="Documents; questions are made from their sentences."),
]
ClozeQuestionsOption = Annotated[
    int, typer.Option("--cloze-questions", help="Most questions made from documents.", min=1)
]
TeacherOption = Annotated[
    str | None,
    typer.Option("--teacher", help="A ranker that the embedder learns from: a folder or hub name."),
]

train = typer.Typer(
    no_args_is_help=True,
    help="Make a reader, a ranker or an embedder from questions with known answers.",
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
    mine: MineOption = "bm25",
    cloze: ClozeOption = None,
    cloze_questions: ClozeQuestionsOption = MADE,
    learning_rate: RateOption = RATE,
    dropout: DropoutOption = 0.0,
    masked: MaskedOption = 0.0,
    window: WindowOption = None,
    repair: RepairOption = False,
    promoting: PromoteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model that finds the words that answer, and ranks passages as well."""
    options = {"epochs": epochs, "minutes": budget, "seed": seed, "device": device}
    options |= {"learning_rate": learning_rate, "spans": True}
    options |= {"dropout": dropout, "masked": masked}
    what = {"negatives": negatives, "mine": mine, "repair": repair, "evaluated_on": held_out or ()}
    what |= {"cloze": cloze or (), "cloze_questions": cloze_questions, "window": window}
    course = _course("reader", datasets, base, out, options, **what)
    _train_model(course, promoting=promoting, as_json=as_json)


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
    mine: MineOption = "bm25",
    cloze: ClozeOption = None,
    cloze_questions: ClozeQuestionsOption = MADE,
    learning_rate: RateOption = RATE,
    dropout: DropoutOption = 0.0,
    masked: MaskedOption = 0.0,
    window: WindowOption = None,
    repair: RepairOption = False,
    promoting: PromoteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model that ranks passages; judged documents without answers are enough."""
    options = {"epochs": epochs, "minutes": budget, "seed": seed, "device": device}
    options |= {"learning_rate": learning_rate, "spans": False}
    options |= {"dropout": dropout, "masked": masked}
    what = {"negatives": negatives, "mine": mine, "repair": repair, "evaluated_on": held_out or ()}
    what |= {"cloze": cloze or (), "cloze_questions": cloze_questions, "window": window}
    course = _course("ranker", datasets, base, out, options, **what)
    _train_model(course, promoting=promoting, as_json=as_json)


@train.command("embedder")
def embedder(  # noqa: PLR0913 - a command's options
    datasets: DatasetsArgument,
    *,
    base: BaseOption = BASE,
    epochs: EpochsOption = 1.0,
    out: OutOption = None,
    device: DeviceOption = "auto",
    budget: BudgetOption = None,
    seed: SeedOption = 0,
    held_out: HeldOutOption = None,
    negatives: NegativesOption = 2.0,
    mine: MineOption = "both",
    cloze: ClozeOption = None,
    cloze_questions: ClozeQuestionsOption = MADE,
    teacher: TeacherOption = None,
    learning_rate: RateOption = EMBEDDER_RATE,
    repair: RepairOption = False,
    promoting: PromoteOption = False,
    collection: CollectionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model that finds passages by meaning; judged documents are enough."""
    options = {"epochs": epochs, "minutes": budget, "seed": seed, "device": device}
    options |= {"learning_rate": learning_rate, "spans": False, "batch_size": QUESTIONS}
    what = {"negatives": negatives, "mine": mine, "repair": repair, "evaluated_on": held_out or ()}
    what |= {"cloze": cloze or (), "cloze_questions": cloze_questions, "teacher": teacher}
    if collection and not promoting:
        raise ConfigError("--collection: a collection is embedded anew with --promote alone.")
    course = _course("embedder", datasets, base, out, options, **what)
    _train_embedder(course, collection or (), promoting=promoting, as_json=as_json)


def _course(
    role: Any,  # noqa: ANN401
    datasets: list[Path],
    base: str,
    out: Path | None,
    options: dict[str, Any],
    **what: Any,  # noqa: ANN401 - fields of TrainingOptions
) -> "TrainingOptions":
    from evaluation.training.loop import Schedule
    from evaluation.training.options import TrainingOptions

    device, mine = options["device"], what["mine"]
    if device not in ("auto", "cpu", "mps") and not device.startswith("cuda"):
        raise ConfigError(f"--device: expected auto, cpu, cuda or mps (got {device})")
    if mine not in ("bm25", "dense", "both"):
        raise ConfigError(f"--mine: expected bm25, dense or both (got {mine})")
    return TrainingOptions(
        role=role,
        paths=datasets,
        base=base,
        out=out or data_folder() / "models" / f"{role}-{datasets[0].stem}",
        schedule=Schedule(**options),
        command=" ".join(["rag", *sys.argv[1:]]),
        **what,
    )


def _train_model(course: "TrainingOptions", *, promoting: bool, as_json: bool) -> None:
    from evaluation.launch import watched
    from evaluation.training.promotion.verdict import PromotionTest
    from evaluation.training.reader.training import train_model

    examination = PromotionTest(course.role, course.evaluated_on) if promoting else None
    with watched("negatives") as mined:
        done = train_model(
            course,
            told=_teller(),
            mined=mined,
            checked=examination.prepare if examination else lambda data: None,
        )
    verdict = examination.pass_judgement(done.out, say) if examination else None
    _print(done, verdict, as_json=as_json)


def _print(done: "TrainedReader", verdict: "Verdict | None", *, as_json: bool) -> None:
    from evaluation.training.promotion.verdict import verdict_json, verdict_line

    found = {"f1": done.measured.f1, "ranked": done.measured.ranked}
    if as_json:
        facts = {"out": str(done.out), "steps": done.ended.step, "lost": done.lost, **found}
        print_json(facts | (verdict_json(verdict) if verdict else {}))
        return
    for name, value in found.items():
        if value is not None:
            show(f"{name} {value:.4f}, held back from the training")
    _tell_end(done.out, done.lost)
    if verdict:
        show(verdict_line(verdict))
        return
    say("Next: rag evaluate reader FILE.json --reader spans, with `reader.model` set to it.")


def _train_embedder(
    course: "TrainingOptions", collections: Sequence[str], *, promoting: bool, as_json: bool
) -> None:
    from evaluation.launch import watched
    from evaluation.training.embedder.training import train_embedder
    from evaluation.training.promotion.verdict import PromotionTest, verdict_json, verdict_line

    examination = PromotionTest("embedder", course.evaluated_on) if promoting else None
    with watched("preparing") as mined:
        done = train_embedder(
            course,
            told=_teller(),
            mined=mined,
            checked=examination.prepare if examination else lambda data: None,
        )
    verdict = examination.pass_judgement(done.out, say) if examination else None
    renewed = reembed_promoted(verdict, collections, load_config()) if verdict else []
    if as_json:
        facts = {"out": str(done.out), "steps": done.ended.step, "lost": done.lost}
        facts |= {"before": done.before, "mrr": done.after, "questions": done.questions}
        facts |= verdict_json(verdict) if verdict else {}
        print_json(facts | ({"reembedded": renewed} if renewed else {}))
        return
    show(
        f"MRR@10 {done.after:.4f}, before {done.before:.4f}, of {done.held_back} questions held "
        f"back from the training in {done.pool} texts"
    )
    _tell_end(done.out, done.lost)
    if verdict:
        show(verdict_line(verdict))
        return
    if done.after <= done.before:
        say("It is no better than its base: train on more questions, or keep the base.")
    say("Next: index again with `embedder.model` set to it, and rag evaluate.")


def _tell_end(out: Path, lost: int) -> None:
    show(f"Model: {printable(str(out))}")
    if lost:
        say(f"{lost} questions were left out: no answer or judgement of them could be used.")


def _teller() -> Any:  # noqa: ANN401 - a function of what the loop tells
    """Return a callback that reports progress on stderr at intervals."""
    last = time.monotonic()

    def tell(now: "Progress") -> None:
        nonlocal last
        if now.checked is None and time.monotonic() - last < SAID_EVERY:
            return
        last = time.monotonic()
        say(progress_line(now))

    return tell


def progress_line(now: "Progress") -> str:
    """Return the progress of a training in one line."""
    left = now.seconds / now.share - now.seconds if now.share else 0.0
    minutes = f"{left / 60:.1f} min left"
    score = "" if now.checked is None else f", held back {now.checked:.4f} (best {now.best:.4f})"
    return f"{now.share:4.0%}, step {now.step}, {minutes}, loss {now.loss:.3f}{score}"
