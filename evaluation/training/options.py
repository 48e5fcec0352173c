"""What a training is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.training.data.negatives import Mine
from evaluation.training.data.sets import Role
from evaluation.training.loop import Schedule

if TYPE_CHECKING:
    pass


LENGTH, STRIDE = 256, 64  # tokens of a window, where the base can take as many


HEADS: dict[Role, list[str]] = {
    "reader": ["spans", "null", "relevance"],
    "ranker": ["relevance"],
    "embedder": ["embedding"],
}


@dataclass(frozen=True)
class TrainingOptions:
    """What is to be trained.

    Attributes:
        role: `reader` (which ranks as well), `ranker` or `embedder`.
        paths: Data sets.
        base: Name or folder of the model it begins from.
        out: Folder of the new model; it must not exist.
        schedule: How long and how fast.
        negatives: Hard negatives of each question.
        evaluated_on: Sets whose questions must not be trained on.
        repair: Move answers that do not stand at their offset.
        mine: Who looks for negatives.
        cloze: Documents that questions are made from.
        cloze_questions: Most of those.
        teacher: A ranker that an embedder learns from, or None.
        window: Tokens of a window of a reader or ranker; None is as many as the base had, or 256.
        command: What was typed, for the card.
    """

    role: Role
    paths: Sequence[Path]
    base: str
    out: Path
    schedule: Schedule
    negatives: float = 1
    evaluated_on: Sequence[Path] = ()
    repair: bool = False
    mine: Mine = "bm25"
    cloze: Sequence[Path] = ()
    cloze_questions: int = 2000
    teacher: str | None = None
    window: int | None = None
    command: str = ""
