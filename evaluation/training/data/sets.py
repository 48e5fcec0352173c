"""Training sets: examples to train on and examples held back, checked before any time is spent."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from evaluation.datasets import load_dataset
from evaluation.datasets.schema import Dataset
from evaluation.training.data.examples import Example, cut_documents, positives
from evaluation.training.data.negatives import Mine, mine_negatives
from evaluation.training.data.neighbours import Encoder
from rag.errors import DatasetError
from rag.language.analysis import language_of

Role = Literal["reader", "ranker", "embedder"]
Progress = Callable[[int, int, str], None]
HELD_BACK = 0.05  # share of the clusters
MOST_HELD_BACK = 300  # examples
FEW_CLUSTERS = 20  # with fewer, single questions are held back, not clusters


@dataclass(frozen=True)
class TrainingSet:
    """Training examples, and held-back examples that select the best weights.

    Attributes:
        examples: Training examples.
        held_back: Examples of other clusters, or at least of other questions.
        datasets: Data sets of the examples.
        language: Language of most questions.
        lost: Number of questions without a usable answer or judgement.
    """

    examples: tuple[Example, ...]
    held_back: tuple[Example, ...]
    datasets: tuple[Dataset, ...]
    language: str
    lost: int


@dataclass(frozen=True)
class Mining:
    """Options of hard-negative mining.

    Attributes:
        each: Negatives per question.
        mine: Retrieval method: bm25, dense or both.
        encoder: Returns the embedder for a language; required unless the method is bm25 alone.
        progress: Called while negatives are mined.
    """

    each: float = 1
    mine: Mine = "bm25"
    encoder: Callable[[str], Encoder] | None = None
    progress: Progress = lambda done, total, what: None


def load_training_set(
    paths: Sequence[Path],
    role: Role,
    *,
    mining: Mining,
    seed: int,
    evaluated_on: Sequence[Path] = (),
    repair: bool = False,
    made: Sequence[Dataset] = (),
    most_held_back: int = MOST_HELD_BACK,
) -> TrainingSet:
    """Return the training set of some data sets.

    Args:
        paths: The data sets, in any format of `evaluation.datasets`.
        role: Role of the model, which decides which examples are required.
        mining: Options of hard-negative mining.
        seed: Random seed.
        evaluated_on: Evaluation sets of the model, whose questions must not be in the training
            data.
        repair: Move answers that are not at their offset.
        made: Data sets made from documents, as additional training data.
        most_held_back: Maximum number of held-back examples of a reader or ranker.

    Raises:
        DatasetError: If a set cannot be read, holds a question of the evaluation, or there is
            nothing to learn: no answer for a reader, only one kind for a ranker, nothing relevant
            for an embedder.
    """
    datasets = (*(load_dataset(path, repair=repair) for path in paths), *made)
    check_apart(datasets, [load_dataset(path) for path in evaluated_on])
    asked = [question for dataset in datasets for question in dataset.questions]
    languages = Counter(language_of(question.question) for question in asked)
    language = languages.most_common(1)[0][0]
    encode = mining.encoder(language) if mining.encoder and mining.mine != "bm25" else None
    examples: list[Example] = []
    lost = 0
    for number, dataset in enumerate(datasets):
        found = _examples(dataset, mining, seed, encode)
        used = {each.question_id for each in found}
        lost += sum(question.question_id not in used for question in dataset.questions)
        examples += [_named(each, number) for each in found]
    _check_kinds(examples, role, paths)
    trained, held = _split(examples, seed)
    if role != "embedder":  # an embedder is validated on questions
        held = _some(held, seed, most_held_back)
    return TrainingSet(trained, held, datasets, language, lost)


def _some(held: Sequence[Example], seed: int, most: int) -> tuple[Example, ...]:
    """Return a sample of the examples, whole questions, in their order."""
    by_question = Counter(each.question_id for each in held)
    names = sorted(by_question)
    random.Random(seed).shuffle(names)  # noqa: S311 - not for secrets
    kept: set[str] = set()
    count = 0
    for name in names:
        if count + by_question[name] > most and kept:
            break
        kept.add(name)
        count += by_question[name]
    return tuple(each for each in held if each.question_id in kept)


def _named(example: Example, number: int) -> Example:
    """Return an example whose question and document ids are unique across data sets."""
    return replace(
        example,
        question_id=f"{number}:{example.question_id}",
        document=f"{number}:{example.document}",
    )


def _examples(dataset: Dataset, mining: Mining, seed: int, encode: Encoder | None) -> list[Example]:
    pieces = cut_documents(dataset.documents)
    known = positives(dataset, pieces)
    wrong = mine_negatives(
        dataset,
        pieces,
        each=mining.each,
        seed=seed,
        mine=mining.mine,
        encode=encode,
        progress=mining.progress,
    )
    return known + wrong


def check_apart(trained: Sequence[Dataset], evaluated: Sequence[Dataset]) -> None:
    """Check that no training question is in an evaluation set.

    Raises:
        DatasetError: If there are any; says how many, and names one.
    """
    for held in evaluated:
        asked = {_packed(question.question) for question in held.questions}
        for dataset in trained:
            both = [each for each in dataset.questions if _packed(each.question) in asked]
            if both:
                raise DatasetError(
                    f"{len(both)} questions of `{dataset.path}` are in `{held.path}` as well, such "
                    f"as `{both[0].question[:80]}`: take them out of the training set."
                )


def _packed(text: str) -> str:
    return " ".join(text.casefold().split())


def _check_kinds(examples: Sequence[Example], role: Role, paths: Sequence[Path]) -> None:
    kinds = {each.kind for each in examples}
    names = ", ".join(f"`{path}`" for path in paths)
    if role == "reader" and "answer" not in kinds:
        raise DatasetError(
            f"{names}: no answer stands where a document says it; a reader learns from such. Give "
            "a set with answers and their places, such as a SQuAD file."
        )
    if role != "reader" and not kinds & {"answer", "relevant"}:
        raise DatasetError(f"{names}: no document is relevant to any question; nothing to learn.")
    if role == "ranker" and "negative" not in kinds:
        raise DatasetError(
            f"{names}: there is no document that does not answer, only ones that do; a ranker "
            "learns from both. Give a set with more documents."
        )


def _split(
    examples: Sequence[Example], seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return the training examples and the held-back ones; neither is empty."""
    clusters = {each.cluster for each in examples}
    by_cluster = len(clusters) >= FEW_CLUSTERS

    def key(example: Example) -> bytes:
        name = example.cluster if by_cluster else example.question_id
        return hashlib.sha256(f"{seed}:{name}".encode(errors="backslashreplace")).digest()

    keys = sorted({key(each) for each in examples})
    if len(keys) < 2:
        raise DatasetError("one question is too few to learn from: some must be held back.")
    cut = keys[max(0, round(len(keys) * HELD_BACK) - 1)]
    held = tuple(each for each in examples if key(each) <= cut)
    trained = tuple(each for each in examples if key(each) > cut)
    return trained, held
