"""Verdict on a new model: it replaces the one in use only if it is significantly better.

Both answer the same questions, which are in neither's training data; the test is paired, over
documents where questions share them, and two-sided. Questions held back from a training selected
its best weights, which favours the new model a little: sets of `--held-out` do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from evaluation.results.comparison import compare_values
from evaluation.results.conventions import SIGNIFICANCE_LEVEL
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

NOTHING: dict[ModelRole, str] = {  # fallbacks without a model
    "reader": "sentences",
    "ranker": "the order of bm25",
    "embedder": "bm25 alone",
}


@dataclass(frozen=True)
class Verdict:
    """Comparison of a new model with the one in use, and the decision.

    Attributes:
        role: Role of both models.
        language: Language of both models.
        measure: Name of the metric, with one value per question.
        questions: Origin of the questions.
        n: Number of questions.
        new: The new model.
        old: The model in use, or the fallback without one.
        new_mean: Mean score of the new model.
        old_mean: Mean score of the old model.
        difference: New minus old.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        p: P-value of the paired test, two-sided.
        promoted: Whether the new model is in use now.
        name: Name of the promoted model in the configuration.
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
    """Return the verdict on a new model against an old one; nothing is installed.

    Args:
        role: Role of both models.
        language: Language of both models.
        trial: The promotion set.
        names: Names of the new and of the old model.
        scores: Scores of the new and of the old model, one value per question, in order.
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
    """Return whether the new model is significantly better."""
    return verdict.difference > 0 and verdict.p < SIGNIFICANCE_LEVEL


class PromotionTest:
    """Comparison with the model in use, prepared before a training so that none is in vain.

    Args:
        role: Role of the model.
        held_out: Data sets for the comparison; none means the training's held-back questions.
    """

    def __init__(self, role: ModelRole, held_out: Sequence[Path] = ()) -> None:
        self.role, self.held_out = role, held_out
        self.language = ""
        self.old: str | None = None
        self._trial: PromotionSet | None = None

    def prepare(self, data: TrainingSet) -> None:
        """Choose the questions, given the training set.

        Raises:
            DatasetError: If they are too few, or in another language; says which option to give.
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
        """Use a given promotion set, without the questions of a model's training data.

        Args:
            trial: The promotion set.
            language: Language of the new model; None is that of most questions.
            new: The new model, if it exists already.

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
        """Score both models, and install the new one if it is better.

        Args:
            new: Folder of the new model.
            told: Called with a message before each measurement.

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
