"""The model card of a trained model: base, data, schedule and scores."""

import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from evaluation.datasets.schema import Dataset
from evaluation.training.data.sets import Role, TrainingSet
from evaluation.training.loop import Progress, Schedule
from evaluation.training.reader.validation import ValidationScores
from rag.models.model_files import ModelFiles

# Description, settings that name it, and unit of a batch.
WORDS: dict[Role, tuple[str, str, str]] = {
    "reader": ("A reader and ranker", "`reader.model` and `ranker.model`", "windows"),
    "ranker": ("A ranker", "`ranker.model`", "windows"),
    "embedder": ("An embedder", "`embedder.model`", "questions"),
}
LIBRARIES = ("citewell", "torch", "transformers", "tokenizers")


def card(
    role: Role,
    base: ModelFiles,
    data: TrainingSet,
    schedule: Schedule,
    *,
    ended: Progress,
    scores: Sequence[str],
    command: str,
) -> str:
    """Return the card as Markdown.

    Args:
        role: Role of the model.
        base: The base model.
        data: The training set.
        schedule: The planned schedule.
        ended: Final progress of the training.
        scores: Lines with the scores on the held-back questions.
        command: The command line.
    """
    made, use, seen = WORDS[role]
    kinds = Counter(each.kind for each in data.examples)
    lines = [
        f"# {made} for `{data.language or 'unknown'}`",
        "",
        f"Made by `rag train {role}`; set {use} to this folder. Base: `{base.name}`, sha256 "
        f"{base.sha256}.",
        "",
        "## Data",
        "",
        *(_data(dataset) for dataset in data.datasets),
        "",
        f"Examples: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}. "
        "Negatives are what is found in the same documents and holds no gold answer.",
        "",
        "## Training",
        "",
        f"    {command}",
        "",
        f"{ended.step} steps of {schedule.batch_size} {seen} in {ended.seconds / 60:.1f} minutes "
        f"({ended.share:.0%} of what was planned), learning rate {schedule.learning_rate}, "
        f"{_noise(schedule)}seed {schedule.seed}; {_libraries()}.",
        "",
        "## Scores",
        "",
        *scores,
        "",
        "They chose the best weights, so that they flatter a little: measure on questions of your "
        "own with `rag evaluate reader` and `rag evaluate`.",
    ]
    return "\n".join(lines) + "\n"


def _data(dataset: Dataset) -> str:
    made = " made by rules from single sentences" if dataset.synthetic else ""
    return (
        f"- `{dataset.name}`: {len(dataset.questions)} questions{made}, {len(dataset.documents)} "
        f"documents, sha256 of the questions {dataset.questions_sha256[:16]}; licence: "
        f"{licence_of(dataset.path)}"
    )


def licence_of(path: Path) -> str:
    """Return the first line of the licence beside a data set; `not stated` if there is none."""
    folder = path if path.is_dir() else path.parent
    for found in sorted(folder.glob("LICEN[CS]E*")):
        lines = found.read_text(encoding="utf-8", errors="replace").split("\n")
        first = next((line.strip() for line in lines if line.strip()), "")
        if first:
            return f"{first[:80]} (`{found.name}`)"
    return "not stated"


def _noise(schedule: Schedule) -> str:
    dropout = f"dropout {schedule.dropout:g}, " if schedule.dropout else ""
    return dropout + (f"{schedule.masked:g} of the tokens hidden, " if schedule.masked else "")


def _libraries() -> str:
    named = (f"{name} {version(name)}" for name in LIBRARIES)
    return ", ".join([f"python {platform.python_version()}", *named])


def scores_of(measured: ValidationScores) -> list[str]:
    """Return the validation scores of a reader or ranker as lines."""
    lines = []
    if measured.f1 is not None:
        lines.append(
            f"- F1 of the best span, on contexts that answer: {measured.f1:.4f} "
            f"(n = {measured.answers}, held back from the training)"
        )
    if measured.ranked is not None:
        lines.append(
            f"- A text that answers scores above one that does not: {measured.ranked:.4f} "
            f"(n = {measured.pairs} pairs, held back from the training)"
        )
    return lines
