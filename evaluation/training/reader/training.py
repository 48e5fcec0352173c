"""The training of a reader or ranker, from data sets to the installed model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.training.card import card, scores_of
from evaluation.training.data.neighbours import Encoder
from evaluation.training.data.sets import TrainingSet
from evaluation.training.installation import checkpoints, installing, written
from evaluation.training.loop import Progress, train
from evaluation.training.options import HEADS, LENGTH, STRIDE, TrainingOptions
from evaluation.training.preparation import (
    check_language,
    load_data,
    load_tokenizer,
    refuse_existing,
)
from evaluation.training.promotion.promotion_set import write_trained_on
from evaluation.training.reader.features import make_features
from evaluation.training.reader.objective import ReaderObjective
from evaluation.training.reader.regularisation import make_harder
from evaluation.training.reader.validation import ValidationScores, calibrate, measure
from rag.errors import DatasetError, ModelError, first_line
from rag.models.calibration import Calibration, write_calibration
from rag.models.model_files import ModelFiles, find_model
from rag.models.reader_ranker import ReaderRanker, reader_ranker_from_encoder, save_reader_ranker
from rag.models.runtime import pick_device
from rag.models.windows import WindowCutter

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class TrainedReader:
    """A finished training.

    Attributes:
        out: Folder of the model.
        ended: Final progress of the training.
        measured: Validation scores on the held-back examples.
        examples: Number of training examples.
        lost: Number of unusable questions.
    """

    out: Path
    ended: Progress
    measured: ValidationScores
    examples: int
    lost: int


def train_model(
    options: TrainingOptions,
    *,
    told: Callable[[Progress], None] = lambda now: None,
    mined: Callable[[int, int, str], None] = lambda done, total, what: None,
    checked: Callable[[TrainingSet], None] = lambda data: None,
) -> TrainedReader:
    """Train a model and install it; a killed training resumes where it stopped.

    Args:
        options: Options of the training.
        told: Called after each step.
        mined: Called while negatives are mined.
        checked: Called with the training set before the training; raises to stop it.

    Raises:
        DatasetError: If there is nothing to learn from the data sets.
        ModelError: If the base cannot be used, or the disk is full; nothing is installed then.
    """
    refuse_existing(options.out)
    base = find_model(options.base, setting="--base")
    tokenizer = load_tokenizer(base)
    cutter = cutter_of(base, tokenizer.backend_tokenizer, options.window)
    model = _load_base(base, options.schedule.seed)
    hiding = make_harder(model.encoder, tokenizer, base.name, options.schedule)
    data = load_data(options, lambda language: _embedder_for(language, options), mined)
    check_language(base, tokenizer.backend_tokenizer, data)
    _check_classes(options, data)
    checked(data)
    features = make_features(data.examples, cutter)
    held = make_features(data.held_back, cutter)
    spans = options.role == "reader"
    with written(options.out), checkpoints(options, base, data) as folder:
        ended = train(
            model,
            ReaderObjective(features, options.schedule, hiding),
            options.schedule,
            folder=folder,
            measure=lambda now: measure(now, data.held_back, held, spans=spans).score,
            told=told,
        )
        _check_finite(model)
        measured = measure(model, data.held_back, held, spans=spans)
        text = card(options.role, base, data, options.schedule, ended=ended,
                    scores=scores_of(measured), command=options.command)  # fmt: skip
        _install(
            options.out,
            model,
            facts=_facts(options, data, cutter),
            tokenizer=tokenizer,
            calibration=calibrate(model, data.held_back, held) if spans else None,
            text=text,
            asked=[each.question for each in data.examples],
        )
    return TrainedReader(options.out, ended, measured, len(data.examples), data.lost)


def _embedder_for(language: str, options: TrainingOptions) -> Encoder:
    """Return the embedder for a language, for dense negatives of a reader or ranker."""
    from evaluation.training.embedder.model import load_embedding
    from rag.models.default_models import model_for

    name = model_for("embedder", language)
    if name is None:
        raise ModelError(f"--mine: there is no embedder for `{language}`; take bm25.")
    device = pick_device(options.schedule.device)
    return load_embedding(find_model(name, setting="--mine")).to(device).eval()


def _load_base(base: ModelFiles, seed: int) -> ReaderRanker:
    import torch
    from safetensors import SafetensorError

    torch.manual_seed(seed)  # for the initial weights of new heads
    where = f"--base: `{base.name}` in `{base.folder}`"
    if base.read("config.json").get("is_encoder_decoder"):
        raise ModelError(f"{where} is no encoder alone; give one, such as all-MiniLM-L6-v2.")
    try:
        model = reader_ranker_from_encoder(base.folder)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(f"{where} is no encoder that can be trained: {reason}") from error
    if not is_finite(model):
        raise ModelError(f"{where} holds weights that are no numbers: it is damaged.")
    return model


def _check_classes(options: TrainingOptions, data: TrainingSet) -> None:
    """Check that there are examples of both classes: one alone teaches a constant output.

    Raises:
        DatasetError: If a class is missing; names it.
    """
    kinds = {each.kind for each in data.examples}
    right = kinds & ({"answer"} if options.role == "reader" else {"answer", "relevant"})
    wrong = kinds & {"negative", "no answer"}
    if right and wrong:
        return
    names = ", ".join(f"`{path}`" for path in options.paths)
    lacks = "answers" if not right else "does not answer"
    hint = "more questions" if not right else "more documents, or --negatives above 0"
    raise DatasetError(
        f"{names}: of {len(data.examples)} examples to train on none {lacks}, and from one kind "
        f"alone nothing can be learnt. Give {hint}."
    )


def is_finite(model: ReaderRanker) -> bool:
    """Return whether all weights are finite."""
    return all(bool(each.isfinite().all()) for each in model.parameters())


def _check_finite(model: ReaderRanker) -> None:
    if not is_finite(model):
        raise ModelError(
            "the training went astray: its weights are no numbers any more. Nothing was "
            "installed; give a smaller --learning-rate and another --out."
        )


def cutter_of(base: ModelFiles, tokenizer: "Tokenizer", window: int | None) -> WindowCutter:
    """Return the window cutter of a model, with the given window size or the model's own.

    Raises:
        ModelError: If the window is larger than the model's limit.
    """
    # RoBERTa's positions start at 2, so that its configuration alone would allow two too many.
    places = base.read("config.json").get("max_position_embeddings") or window or LENGTH
    places = min(places, base.read("tokenizer_config.json").get("model_max_length") or places)
    if window and window > places:
        raise ModelError(f"--window: `{base.name}` reads at most {places} tokens (got {window}).")
    length = window or int(base.own.get("length") or min(LENGTH, places))
    stride = min(int(base.own.get("stride") or STRIDE), length // 4)
    return WindowCutter(tokenizer, length=length, stride=stride, longest_question=length // 4)


def _facts(options: TrainingOptions, data: TrainingSet, cutter: WindowCutter) -> dict[str, Any]:
    """Return a model's own values for its `config.json`."""
    return {
        "heads": HEADS[options.role],
        "languages": [data.language],
        "length": cutter.length,
        "stride": cutter.stride,
    }


def _install(
    out: Path,
    model: ReaderRanker,
    *,
    facts: dict[str, Any],
    tokenizer: Any,  # noqa: ANN401 - transformers' own type
    calibration: Calibration | None,
    text: str,
    asked: Sequence[str],
) -> None:
    """Write the model next to its place and move it there when it is complete."""
    with installing(out) as half:
        save_reader_ranker(model, half, facts=facts)
        tokenizer.save_pretrained(half)
        if calibration is not None:
            write_calibration(half, calibration)
        write_trained_on(half, asked)
        (half / "README.md").write_text(text, encoding="utf-8")
