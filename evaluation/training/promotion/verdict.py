"""A new model takes the place of the one in use only if it is better, and not by chance.

Both answer the same questions, which neither was trained on; the test is paired, over documents
where questions share them, and two-sided. Questions that were held back from a training chose its
best weights, which flatters the new model a little: sets of `--held-out` do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from evaluation.results.comparison import compare_values
from evaluation.training.data.sets import TrainingSet
from evaluation.training.promotion.installed_models import install, name_of
from evaluation.training.promotion.promotion_set import (
    PromotionSet,
    check_enough,
    promotion_set_of_files,
    promotion_set_of_held_back,
    trained_on,
)
from evaluation.training.promotion.scores import MEASURES, score_questions
from rag.errors import DatasetError
from rag.language.analysis import language_of
from rag.models.default_models import ModelRole, model_for

LEVEL = 0.05  # of significance, two-sided
NOTHING: dict[ModelRole, str] = {  # what is used where no model is
    "reader": "sentences",
    "ranker": "the order of bm25",
    "embedder": "bm25 alone",
}


@dataclass(frozen=True)
class Verdict:
    """What a new model scored beside the one in use, and what came of it.

    Attributes:
        role: What both do.
        language: For which language.
        measure: What was measured, one value a question.
        questions: On what.
        n: How many questions.
        new: The new model.
        old: The one in use, or what is used without one.
        new_mean: Mean of the new one.
        old_mean: Mean of the old one.
        difference: New less old.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Of the paired test, two-sided.
        promoted: Whether the new one is in use now.
        name: What the configuration calls it then.
    """

    role: str
    language: str
    measure: str
    questions: str
    n: int
    new: str
    old: str
    new_mean: float
    old_mean: float
    difference: float
    low: float
    high: float
    p: float
    promoted: bool = False
    name: str | None = None


def judge(
    role: ModelRole,
    language: str,
    trial: PromotionSet,
    *,
    names: tuple[str, str],
    scores: tuple[Sequence[float], Sequence[float]],
) -> Verdict:
    """Return how a new model compares with an old one; nothing is installed.

    Args:
        role: What both do.
        language: For which language.
        trial: The questions.
        names: Of the new and of the old one.
        scores: Of the new and of the old one, one value a question in the trial's order.
    """
    new, old = (list(map(float, each)) for each in scores)
    clusters = [each.cluster for each in trial.asked]
    found = compare_values(MEASURES[role], names, (new, old, clusters), 0)
    return Verdict(
        role=role,
        language=language,
        measure=MEASURES[role],
        questions=trial.words,
        n=len(new),
        new=names[0],
        old=names[1],
        new_mean=fmean(new),
        old_mean=fmean(old),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
    )


def is_better(verdict: Verdict) -> bool:
    """Tell if the new model is better, and not by chance."""
    return verdict.difference > 0 and verdict.p < LEVEL


class PromotionTest:
    """A comparison that is prepared before a training, so that nothing is trained in vain.

    Args:
        role: What is trained.
        held_out: Sets to compare on; none are the questions that the training holds back.
    """

    def __init__(self, role: ModelRole, held_out: Sequence[Path] = ()) -> None:
        self.role, self.held_out = role, held_out
        self.language = ""
        self.old: str | None = None
        self._trial: PromotionSet | None = None

    def prepare(self, data: TrainingSet) -> None:
        """Choose the questions, once it is known what is trained on.

        Raises:
            DatasetError: If they are too few, or in another language; says what to give.
            ModelError: If the model in use is damaged.
        """
        trial = (
            promotion_set_of_files(self.held_out)
            if self.held_out
            else promotion_set_of_held_back(data)
        )
        self.prepare_trial(trial, data.language)

    def prepare_trial(
        self, trial: PromotionSet, language: str = "", *, new: str | None = None
    ) -> None:
        """Take questions that are chosen already; those that a model was trained on are left out.

        Args:
            trial: The questions.
            language: Of the new model; none is that of most questions.
            new: The new model, if it is there already.

        Raises:
            DatasetError: See `prepare`.
            ModelError: If a model is missing or damaged.
        """
        trial = trial.usable(self.role)
        asked = [language_of(each.question.question) for each in trial.asked]
        common = max(sorted(set(asked)), key=asked.count, default="")
        self.language = language or common
        if common and common != self.language:
            raise DatasetError(
                f"the questions to compare on are in `{common}`, the model is for "
                f"`{self.language}`: give a --held-out in that language."
            )
        if not self.language:
            raise DatasetError(f"the language of {trial.source} is not known: give other sets.")
        self.old = model_for(self.role, self.language)
        for model in (self.old, new):
            trial = trial if model is None else trial.without(trained_on(model))
        check_enough(trial)
        self._trial = trial

    def pass_judgement(self, new: Path, told: Callable[[str], None] = lambda what: None) -> Verdict:
        """Measure both models, and install the new one if it is better.

        Args:
            new: Folder of the new model.
            told: Told what is measured now.

        Raises:
            ModelError: If a model cannot be used, or the new one cannot be installed; the one in
                use stays then.
        """
        assert self._trial is not None  # noqa: S101 - prepared
        trial, old = self._trial, self.old or NOTHING[self.role]
        told(f"measuring {new} on {trial.words}")
        ours = score_questions(self.role, trial, str(new))
        told(f"measuring {old} on the same")
        theirs = score_questions(self.role, trial, self.old)
        found = judge(self.role, self.language, trial, names=(str(new), old), scores=(ours, theirs))
        if not is_better(found):
            return found
        install(new, self.role, self.language)
        name = name_of(self.role, self.language)
        return Verdict(**{**asdict(found), "promoted": True, "name": name})


def verdict_line(found: Verdict) -> str:
    """Return a verdict in one line."""
    said = (
        f"{found.measure} {found.new_mean:.4f}, of `{found.old}` {found.old_mean:.4f}; difference "
        f"{found.difference:+.4f} (95 % interval {found.low:+.4f} to {found.high:+.4f}, p "
        f"{found.p:.2g}) on {found.questions}"
    )
    if found.promoted:
        return f"Promoted: {said}. `{found.name}` is used for `{found.language}` from now on."
    return f"Not promoted: {said}. `{found.old}` is kept."


def verdict_json(found: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON-ready values."""
    shown = asdict(found)
    return {"promoted": shown.pop("promoted"), "comparison": shown}
