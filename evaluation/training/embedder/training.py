"""The training of an embedder, from data sets to the installed model."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.training.card import card
from evaluation.training.data.neighbours import Encoder
from evaluation.training.data.sets import TrainingSet
from evaluation.training.embedder.model import (
    EmbedderNetwork,
    EmbedderObjective,
    load_embedding,
    save_embedding,
)
from evaluation.training.embedder.pairs import QuestionTexts, gather
from evaluation.training.embedder.teacher import open_teacher, teach
from evaluation.training.embedder.validation import CUTOFF, ValidationPool, make_validation_pool
from evaluation.training.installation import checkpoints, installing, written
from evaluation.training.loop import CHECKS, Progress, Schedule, train
from evaluation.training.options import HEADS, TrainingOptions
from evaluation.training.preparation import (
    check_language,
    check_served,
    load_data,
    load_tokenizer,
    refuse_existing,
)
from evaluation.training.promotion.promotion_set import write_trained_on
from rag.errors import DatasetError
from rag.models.model_files import ModelFiles, find_model
from rag.models.runtime import pick_device

MEASURING = 0.15  # share of a time budget
PROBED = 32  # texts that estimate the time per text
Mined = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TrainedEmbedder:
    """A finished training.

    Attributes:
        out: Folder of the model.
        ended: Final progress of the training.
        before: MRR@10 of the base on the held-back questions.
        after: MRR@10 of the new model.
        questions: Number of training questions.
        held_back: Number of held-back questions.
        pool: Number of texts in the validation pool.
        lost: Number of unusable questions.
    """

    out: Path
    ended: Progress
    before: float
    after: float
    questions: int
    held_back: int
    pool: int
    lost: int


def train_embedder(
    options: TrainingOptions,
    *,
    told: Callable[[Progress], None] = lambda now: None,
    mined: Mined = lambda done, total, what: None,
    checked: Callable[[TrainingSet], None] = lambda data: None,
) -> TrainedEmbedder:
    """Train an embedder and install it; a killed training resumes where it stopped.

    Args:
        options: Options of the training.
        told: Called after each step.
        mined: Called while negatives are mined and while the teacher scores texts.
        checked: Called with the training set before the training; raises to stop it.

    Raises:
        DatasetError: If there is nothing to learn from the data sets.
        ModelError: If base or teacher cannot be used, or the disk is full; nothing is installed
            then.
    """
    refuse_existing(options.out)
    base = find_model(options.base, setting="--base")
    tokenizer = load_tokenizer(base)
    teacher = open_teacher(options.teacher, options.schedule.device) if options.teacher else None
    model = load_embedding(base).to(pick_device(options.schedule.device)).eval()

    def encoder(language: str) -> Encoder:
        check_served(base, language)  # before the time is spent
        return model

    data = load_data(options, encoder, mined)
    check_language(base, tokenizer.backend_tokenizer, data)
    checked(data)
    asked = gather(data.examples, taught=teacher is not None)
    held = gather(data.held_back)
    _check(asked, held, options.paths)
    with written(options.out), checkpoints(options, base, data) as folder:
        most = _affordable(model, asked, options.schedule, folder)
        pool = make_validation_pool(held, data.datasets, seed=options.schedule.seed, most=most)
        if teacher is not None:
            asked = teach(asked, teacher, folder=folder, progress=mined)
        before = pool.measure(model)
        ended = train(
            model,
            EmbedderObjective(asked, options.schedule),
            options.schedule,
            folder=folder,
            measure=pool.measure,
            told=told,
        )
        done = _done(options, ended, asked, pool, data, before=before)
        _install(options, base, data, model, done)
    return done


def _check(
    asked: Sequence[QuestionTexts], held: Sequence[QuestionTexts], paths: Sequence[Path]
) -> None:
    """Check that there are questions to train on and held-back ones to select weights."""
    names = ", ".join(f"`{path}`" for path in paths)
    if not asked or not held:
        what = "trained on" if not asked else "held back"
        raise DatasetError(f"{names}: no question that is {what} has a text that answers it.")


def _affordable(
    model: EmbedderNetwork, asked: Sequence[QuestionTexts], schedule: Schedule, folder: Path
) -> int | None:
    """Return the size of the validation pool that leaves most of a time budget for training.

    It is stored with the checkpoints: scores of another pool would not be comparable.
    """
    if schedule.minutes is None:
        return None
    path = folder / "pool.json"
    if not path.is_file():
        texts = [text.text for each in asked[:PROBED] for text in (*each.right, *each.wrong)]
        start = time.monotonic()
        model.encode_passages(texts[:PROBED])
        each_takes = (time.monotonic() - start) / len(texts[:PROBED])
        seconds = MEASURING * 60 * schedule.minutes / (CHECKS + 1)
        path.write_text(json.dumps(int(seconds / each_takes)), encoding="utf-8")
    return int(json.loads(path.read_text(encoding="utf-8")))


def _done(
    options: TrainingOptions,
    ended: Progress,
    asked: Sequence[QuestionTexts],
    pool: ValidationPool,
    data: TrainingSet,
    *,
    before: float,
) -> TrainedEmbedder:
    return TrainedEmbedder(
        out=options.out,
        ended=ended,
        before=before,
        after=ended.best or 0.0,  # of the selected weights
        questions=len(asked),
        held_back=len(pool.questions),
        pool=len(pool.texts),
        lost=data.lost,
    )


def _install(
    options: TrainingOptions,
    base: ModelFiles,
    data: TrainingSet,
    model: EmbedderNetwork,
    done: TrainedEmbedder,
) -> None:
    languages = base.own.get("languages") or [data.language]
    text = card(
        options.role,
        base,
        data,
        options.schedule,
        ended=done.ended,
        scores=_scores(done, options),
        command=options.command,
    )
    with installing(options.out) as half:
        save_embedding(model, half, facts={"heads": HEADS[options.role], "languages": languages})
        write_trained_on(half, [each.question for each in data.examples])
        (half / "README.md").write_text(text, encoding="utf-8")


def _scores(done: TrainedEmbedder, options: TrainingOptions) -> list[str]:
    among = f"n = {done.held_back} questions, held back from the training, in {done.pool} texts"
    lines = [f"- MRR@{CUTOFF}: {done.after:.4f}, that of the base {done.before:.4f} ({among})"]
    if options.teacher:
        lines.append(f"- Teacher: `{options.teacher}`")
    return lines
