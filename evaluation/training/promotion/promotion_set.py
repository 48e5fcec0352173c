"""What a new model and the one in use are compared on: questions that neither was trained on."""

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
    """A question and what is right.

    Attributes:
        number: Of its set.
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
        """What it shares with other questions."""
        return f"{self.number}:{self.question.cluster or self.question.question_id}"


@dataclass(frozen=True)
class PromotionSet:
    """Questions to compare two models on.

    Attributes:
        asked: The questions, those of one set together.
        pieces: The pieces of each set's documents.
        source: Where the questions come from, in words.
        left_out: Questions that a model was trained on.
    """

    asked: tuple[PromotionQuestion, ...]
    pieces: tuple[tuple[DocumentPiece, ...], ...]
    source: str
    left_out: int = 0

    def usable(self, role: str) -> "PromotionSet":
        """Return it with the questions that can be measured for a role."""
        reads = role == "reader"
        kept = tuple(each for each in self.asked if (each.answers if reads else each.relevant))
        return replace(self, asked=kept)

    def without(self, trained: Collection[str]) -> "PromotionSet":
        """Return it without the questions with these marks."""
        kept = tuple(each for each in self.asked if mark_of(each.question.question) not in trained)
        return replace(self, asked=kept, left_out=self.left_out + len(self.asked) - len(kept))

    @property
    def words(self) -> str:
        """How many questions, and which, in words."""
        gone = f", without {self.left_out} that were trained on" if self.left_out else ""
        return f"{len(self.asked)} questions of {self.source}{gone}"


def make_promotion_set(datasets: Sequence[Dataset], source: str) -> PromotionSet:
    """Return the questions of some sets."""
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
    """Return the questions of sets that were held out.

    Raises:
        DatasetError: If one cannot be read.
    """
    names = ", ".join(f"`{path.name}`" for path in paths)
    return make_promotion_set([load_dataset(path) for path in paths], names)


def promotion_set_of_held_back(data: TrainingSet) -> PromotionSet:
    """Return the questions that were held back from a training."""
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
    """Return what a question is known by among those that a model was trained on."""
    packed = " ".join(question.casefold().split())
    return hashlib.sha256(packed.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def write_trained_on(folder: Path, questions: Iterable[str]) -> None:
    """Write beside a model what questions it was trained on.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    marks = sorted({mark_of(question) for question in questions})
    (folder / TRAINED_ON).write_text(json.dumps(marks) + "\n", encoding="utf-8")


def trained_on(model: str) -> frozenset[str]:
    """Return the marks of the questions a model was trained on; empty if it does not say.

    Args:
        model: Name or folder.

    Raises:
        ModelError: If it is nowhere, or says it in another form.
    """
    path = find_model(model, setting="--promote").folder / TRAINED_ON
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(map(str, json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"`{path}` is damaged: {error}.") from None


def check_enough(trial: PromotionSet) -> None:
    """Refuse questions that are too few.

    Raises:
        DatasetError: Says how many there are, and what to give.
    """
    if len(trial.asked) < FEWEST:
        raise DatasetError(
            f"--promote compares on at least {FEWEST} questions with known answers or judgements "
            f"that were not trained on; there are {trial.words}. Give a larger set, or a set that "
            "is not trained on with --held-out."
        )
