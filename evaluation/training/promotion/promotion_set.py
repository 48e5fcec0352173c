"""Promotion sets: questions to compare two models, in neither's training data."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.datasets import load_dataset
from evaluation.datasets.schema import Dataset, JudgedQuestion
from evaluation.training.data.examples import DocumentPiece, Example, cut_documents, positives
from evaluation.training.data.sets import TrainingSet
from rag.errors import DatasetError, ModelError
from rag.models.model_files import find_model

FEWEST = 20  # questions that can show a difference
TRAINED_ON = "trained_on.json"  # beside a model's weights


@dataclass(frozen=True)
class PromotionQuestion:
    """A question and its relevant texts.

    Attributes:
        number: Index of its data set.
        question: The question.
        answers: Texts that answer it, each with the place of the answer.
        relevant: Ids of the pieces that answer it, or are about it.
    """

    number: int
    question: JudgedQuestion
    answers: tuple[Example, ...]
    relevant: frozenset[str]

    @property
    def cluster(self) -> str:
        """Cluster of the question."""
        return f"{self.number}:{self.question.cluster or self.question.question_id}"


@dataclass(frozen=True)
class PromotionSet:
    """Questions for the comparison of two models.

    Attributes:
        asked: The questions, grouped by data set.
        pieces: The pieces of each data set's documents.
        source: Origin of the questions, in words.
        left_out: Number of questions left out because they were in a model's training data.
    """

    asked: tuple[PromotionQuestion, ...]
    pieces: tuple[tuple[DocumentPiece, ...], ...]
    source: str
    left_out: int = 0

    def usable(self, role: str) -> "PromotionSet":
        """Return the set with only the questions that apply to a role."""
        reads = role == "reader"
        kept = tuple(each for each in self.asked if (each.answers if reads else each.relevant))
        return replace(self, asked=kept)

    def without(self, trained: Collection[str]) -> "PromotionSet":
        """Return the set without the questions with these marks."""
        kept = tuple(each for each in self.asked if mark_of(each.question.question) not in trained)
        return replace(self, asked=kept, left_out=self.left_out + len(self.asked) - len(kept))

    @property
    def words(self) -> str:
        """Number and origin of the questions, in words."""
        gone = f", without {self.left_out} that were trained on" if self.left_out else ""
        return f"{len(self.asked)} questions of {self.source}{gone}"


def make_promotion_set(datasets: Sequence[Dataset], source: str) -> PromotionSet:
    """Return the promotion set of data sets."""
    asked: list[PromotionQuestion] = []
    cut = [tuple(cut_documents(dataset.documents)) for dataset in datasets]
    for number, (dataset, pieces) in enumerate(zip(datasets, cut, strict=True)):
        places: dict[tuple[str, str], list[str]] = {}
        for piece in pieces:
            places.setdefault((piece.title, piece.text), []).append(piece.piece_id)
        known: dict[str, list[Example]] = {}
        for example in positives(dataset, pieces):
            known.setdefault(example.question_id, []).append(example)
        for question in dataset.questions:
            found = known.get(question.question_id, [])
            right = [each for each in found if each.kind in ("answer", "relevant")]
            relevant = {name for each in right for name in places[each.title, each.text]}
            answers = tuple(each for each in right if each.kind == "answer")
            asked.append(PromotionQuestion(number, question, answers, frozenset(relevant)))
    return PromotionSet(tuple(asked), tuple(cut), source)


def promotion_set_of_files(paths: Sequence[Path]) -> PromotionSet:
    """Return the promotion set of held-out data sets.

    Raises:
        DatasetError: If one cannot be read.
    """
    names = ", ".join(f"`{path.name}`" for path in paths)
    return make_promotion_set([load_dataset(path) for path in paths], names)


def promotion_set_of_held_back(data: TrainingSet) -> PromotionSet:
    """Return the promotion set of the questions held back from a training."""
    used = {each.question_id for each in data.examples}
    marks = {mark_of(each.question) for each in data.examples}
    datasets = []
    for number, dataset in enumerate(data.datasets):
        kept = tuple(
            each for each in dataset.questions
            if f"{number}:{each.question_id}" not in used and mark_of(each.question) not in marks
        )  # fmt: skip
        datasets.append(replace(dataset, questions=kept))
    return make_promotion_set(datasets, "the training sets, held back")


def mark_of(question: str) -> str:
    """Return the mark that identifies a question in a model's `trained_on.json`."""
    packed = " ".join(question.casefold().split())
    return hashlib.sha256(packed.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def write_trained_on(folder: Path, questions: Iterable[str]) -> None:
    """Write the marks of a model's training questions to its `trained_on.json`.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    marks = sorted({mark_of(question) for question in questions})
    (folder / TRAINED_ON).write_text(json.dumps(marks) + "\n", encoding="utf-8")


def trained_on(model: str) -> frozenset[str]:
    """Return the marks of a model's training questions; empty if they are not recorded.

    Args:
        model: Name or folder of the model.

    Raises:
        ModelError: If the model is missing, or its record has another format.
    """
    path = find_model(model, setting="--promote").folder / TRAINED_ON
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(map(str, json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"`{path}` is damaged: {error}.") from None


def check_enough(trial: PromotionSet) -> None:
    """Check that a promotion set has enough questions.

    Raises:
        DatasetError: If there are too few; says how many, and which option to give.
    """
    if len(trial.asked) < FEWEST:
        raise DatasetError(
            f"--promote compares on at least {FEWEST} questions with known answers or judgements "
            f"that were not trained on; there are {trial.words}. Give a larger set, or a set that "
            "is not trained on with --held-out."
        )
