"""The commands `rag train reader|ranker|embedder`; see also `evaluation.training.promotion.cli`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evaluation.training.command_options import (
    EmbedderOptions,
    PairOptions,
    SharedOptions,
    takes,
)
from evaluation.training.promotion.cli import forget, promote, reembed_promoted
from rag.config import data_folder, load_config
from rag.console import print_json, printable, say, show
from rag.errors import ConfigError, ModelError, first_line

if TYPE_CHECKING:
    from evaluation.training.data.negatives import Mine
    from evaluation.training.data.sets import Role
    from evaluation.training.embedder.training import TrainedEmbedder
    from evaluation.training.loop import Progress, Schedule
    from evaluation.training.options import TrainingOptions
    from evaluation.training.promotion.verdict import Verdict
    from evaluation.training.reader.training import TrainedReader

QUESTIONS = 32  # in an embedder's batch
SAID_EVERY = 20.0  # seconds
MINES: tuple["Mine", ...] = ("bm25", "dense", "both")

train = typer.Typer(
    no_args_is_help=True,
    help="Make a reader, a ranker or an embedder from questions with known answers.",
)
train.command("promote")(promote)
train.command("forget")(forget)


@train.command("reader")
@takes(PairOptions, negatives=1.0)
def reader(options: PairOptions) -> None:
    """Train a model that finds the words that answer, and ranks passages as well."""
    _train_pair_model("reader", options)


@train.command("ranker")
@takes(PairOptions)
def ranker(options: PairOptions) -> None:
    """Train a model that ranks passages; judged documents without answers are enough."""
    _train_pair_model("ranker", options)


@train.command("embedder")
@takes(EmbedderOptions, epochs=1.0, mine="both")
def embedder(options: EmbedderOptions) -> None:
    """Train a model that finds passages by meaning; judged documents are enough."""
    from evaluation.launch import watched
    from evaluation.training.embedder.training import train_embedder
    from evaluation.training.promotion.verdict import PromotionTest

    if options.collection and not options.promote:
        raise ConfigError("--collection: a collection is embedded again with --promote alone.")
    wanted = _embedder_training(options)
    examination = PromotionTest("embedder", wanted.evaluated_on) if options.promote else None
    with watched("preparing") as mined:
        done = train_embedder(
            wanted,
            told=_teller(),
            mined=mined,
            checked=examination.prepare if examination else lambda data: None,
        )
    _export(done.out)
    verdict = examination.pass_judgement(done.out, say) if examination else None
    collections = options.collection or ()
    renewed = reembed_promoted(verdict, collections, load_config()) if verdict else []
    _print_embedder(done, verdict, renewed, as_json=options.as_json)


def _train_pair_model(role: "Role", options: PairOptions) -> None:
    from evaluation.launch import watched
    from evaluation.training.promotion.verdict import PromotionTest
    from evaluation.training.reader.training import train_model

    wanted = _pair_training(role, options)
    examination = PromotionTest(role, wanted.evaluated_on) if options.promote else None
    with watched("negatives") as mined:
        done = train_model(
            wanted,
            told=_teller(),
            mined=mined,
            checked=examination.prepare if examination else lambda data: None,
        )
    _export(done.out)
    verdict = examination.pass_judgement(done.out, say) if examination else None
    _print(done, verdict, as_json=options.as_json)


def _export(folder: Path) -> None:
    """Make a trained model ready to run without torch, if no graph that there is serves it."""
    from rag.models.model_files import find_model
    from rag.models.onnx_graphs import find_graph, graph_kind

    files = find_model(str(folder), setting="--out")
    kind = graph_kind(files)
    if find_graph(files, kind) is not None:
        return
    from rag.models.onnx_export import export_graph

    try:
        export_graph(files, kind)
    except (ModelError, OSError) as error:  # the model itself is whole
        say(f"Note: {first_line(error)}")


def _pair_training(role: "Role", options: PairOptions) -> "TrainingOptions":
    from evaluation.training.loop import Schedule

    shared = options.shared
    schedule = Schedule(
        epochs=shared.epochs,
        minutes=shared.budget,
        learning_rate=options.learning_rate,
        seed=shared.seed,
        device=shared.device,
        spans=role == "reader",
        dropout=options.dropout,
        masked=options.masked,
    )
    return _training(role, shared, schedule, repair=options.repair, window=options.window)


def _embedder_training(options: EmbedderOptions) -> "TrainingOptions":
    from evaluation.training.loop import Schedule

    shared = options.shared
    schedule = Schedule(
        epochs=shared.epochs,
        minutes=shared.budget,
        batch_size=QUESTIONS,
        learning_rate=options.learning_rate,
        seed=shared.seed,
        device=shared.device,
        spans=False,
    )
    teacher, repair = options.teacher, options.repair
    return _training("embedder", shared, schedule, repair=repair, teacher=teacher)


def _training(
    role: "Role",
    shared: SharedOptions,
    schedule: "Schedule",
    *,
    repair: bool,
    window: int | None = None,
    teacher: str | None = None,
) -> "TrainingOptions":
    """Return what a training is told; `ConfigError` if a device or a method is unknown."""
    from evaluation.training.options import TrainingOptions

    device = shared.device
    if device not in ("auto", "cpu", "mps") and not device.startswith("cuda"):
        raise ConfigError(f"--device: expected auto, cpu, cuda or mps (got {device})")
    if shared.mine not in MINES:
        raise ConfigError(f"--mine: expected bm25, dense or both (got {shared.mine})")
    return TrainingOptions(
        role=role,
        paths=shared.datasets,
        base=shared.base,
        out=shared.out or data_folder() / "models" / f"{role}-{shared.datasets[0].stem}",
        schedule=schedule,
        negatives=shared.negatives,
        evaluated_on=shared.held_out or (),
        repair=repair,
        mine=shared.mine,
        cloze=shared.cloze or (),
        cloze_questions=shared.cloze_questions,
        teacher=teacher,
        window=window,
        command=" ".join(["rag", *sys.argv[1:]]),
    )


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


def _print_embedder(
    done: "TrainedEmbedder",
    verdict: "Verdict | None",
    renewed: list[dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    from evaluation.training.promotion.verdict import verdict_json, verdict_line

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


def _teller() -> Callable[["Progress"], None]:
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
