"""Options of a training run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.training.data.negatives import Mine
from evaluation.training.data.sets import Role
from evaluation.training.loop import Schedule

LENGTH, STRIDE = 256, 64  # tokens of a window, where the base can take as many


HEADS: dict[Role, list[str]] = {
    "reader": ["spans", "null", "relevance"],
    "ranker": ["relevance"],
    "embedder": ["embedding"],
}


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training run: role, data, base model and schedule.

    Attributes:
        role: `reader` (which ranks as well), `ranker` or `embedder`.
        paths: Training data sets.
        base: Name or folder of the base model.
        out: Folder of the new model; it must not exist.
        schedule: Duration, learning rate and regularisation.
        negatives: Hard negatives per question.
        evaluated_on: Evaluation sets, whose questions must not be in the training data.
        repair: Move answers that are not at their offset.
        mine: Retrieval method of hard-negative mining: bm25, dense or both.
        cloze: Source documents of cloze questions.
        cloze_questions: Maximum number of cloze questions.
        teacher: Name or folder of the ranker that teaches an embedder, or None.
        window: Tokens of a window of a reader or ranker; None is as many as the base had, or 256.
        command: Command line, for the model card.
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
