"""Synthetic question sets from the documents of a collection.

Answerable questions come from single sentences (`cloze`), spread over documents and kinds; if there
is a language model, it writes about half of them (`model_written`). A quarter is unanswerable from
the searched documents (`unanswerable`). The set is marked synthetic: its questions share the
documents' words, so retrieval looks better on it than on people's questions.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evaluation.question_making.candidates import (
    Block,
    Candidate,
    blocks_of,
    distinct,
    in_turns,
    spread,
)
from evaluation.question_making.model_written import Progress, Writing, write_questions
from evaluation.question_making.unanswerable import (
    Unanswerable,
    with_evidence_removed,
    with_names_swapped,
)
from rag.answers.prompts import QUESTION, QUESTION_ZH
from rag.errors import DatasetError
from rag.stores.contract import DocumentInfo

if TYPE_CHECKING:
    from rag.answers.generators import Generator

UNANSWERABLE_SHARE = 0.25
WRITTEN_SHARE = 0.5  # of the questions that start from an answer, if there is a model


class Texts(Protocol):
    """The part of a store's interface that is used here."""

    def documents(self) -> Iterator[DocumentInfo]:
        """Yield every document."""

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document."""


@dataclass(frozen=True)
class QuestionSet:
    """A synthetic question set: SQuAD 2.0's JSON and its numbers of questions by sort.

    A language model wrote `written` of them, from `asked` passages.
    """

    content: dict[str, Any]
    answerable: int
    unanswerable: int
    written: int = 0
    asked: int = 0


def make_questions(
    store: Texts,
    n: int,
    *,
    seed: int = 0,
    generator: "Generator | None" = None,
    progress: Progress = lambda done, total, what: None,
) -> QuestionSet:
    """Return a set of at most `n` questions about a collection.

    Args:
        store: The collection.
        n: Number of questions, a quarter of them unanswerable as far as the documents allow.
        seed: Random seed of the selection.
        generator: The language model, or None for rules alone.
        progress: Called with the number of questions the model has written, after each passage.

    Raises:
        DatasetError: If no sentence of the collection yields a question.
        ModelError: If the model cannot be loaded, or fails.
    """
    random_ = random.Random(seed)  # noqa: S311 - a sample, no secret
    documents = [(info, store.text_of(info.document_id)) for info in store.documents()]
    texts = {info.document_id: text for info, text in documents}
    blocks = [
        block
        for info, text in documents
        for block in blocks_of(info.document_id, info.source, info.title, text)
    ]
    order = spread(blocks, random_)
    writing = _written(blocks, n, random_, generator, progress)
    written = [each for each in distinct([*order, *writing.kept]) if each.origin == "model"]
    if not order and not written:
        raise DatasetError(
            "the collection has no sentence with a number, a date, a name or a definition in "
            "English or Chinese, so no question can be made from it. Index other documents."
        )
    most = round(min(n, len(order) + len(written)) * UNANSWERABLE_SHARE)
    without = _unanswerable(order, written, texts, random_, most)
    gone = {each.made_from for each in without if each.filters}
    left = [each for each in _alternating(written, order) if each not in gone]
    kept = left[: n - len(without)]
    return QuestionSet(
        _squad(kept, without, prompted=generator is not None),
        len(kept),
        len(without),
        sum(each.origin == "model" for each in [*kept, *(one.made_from for one in without)]),
        writing.asked,
    )


def _written(
    blocks: Sequence[Block],
    n: int,
    random_: random.Random,
    generator: "Generator | None",
    progress: Progress,
) -> Writing:
    """Return the model's questions about paragraphs spread over documents, for both sorts."""
    if generator is None:
        return Writing()
    shuffled = random_.sample(blocks, len(blocks))
    spread = in_turns((each.document_id, each) for each in shuffled)
    removed = n * UNANSWERABLE_SHARE / 2
    wanted = round((n * (1 - UNANSWERABLE_SHARE) + removed) * WRITTEN_SHARE)
    return write_questions(spread, generator, wanted, progress=progress)


def _unanswerable(
    order: Sequence[Candidate],
    written: Sequence[Candidate],
    texts: dict[str, str],
    random_: random.Random,
    most: int,
) -> list[Unanswerable]:
    """Return unanswerable questions, as far as possible half of each kind."""
    swapped = with_names_swapped(order, texts, random_, most)
    pool = _alternating(written[::-1], order[::-1])[::-1]
    most_removed = most - min(len(swapped), most // 2)
    removed = with_evidence_removed(pool, texts, random_, most_removed)
    return [*swapped[: most - len(removed)], *removed]


def _alternating(first: Sequence[Candidate], second: Sequence[Candidate]) -> list[Candidate]:
    return in_turns([*((0, each) for each in first), *((1, each) for each in second)])


def _squad(
    kept: Sequence[Candidate], without: Sequence[Unanswerable], *, prompted: bool
) -> dict[str, Any]:
    rows = [(each.block, _answerable_entry(each)) for each in kept]
    rows += [(each.block, _unanswerable_entry(each)) for each in without]
    articles: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for number, (block, entry) in enumerate(rows, start=1):
        name = "lm" if entry["origin"] == "model" else "synthetic"
        qas = articles.setdefault(block.source, {}).setdefault(block.context, [])
        qas.append({"id": f"{name}-{number:04d}", **entry})
    data = [
        {
            "title": source,
            "paragraphs": [{"context": context, "qas": qas} for context, qas in contexts.items()],
        }
        for source, contexts in articles.items()
    ]
    prompts = {each.name: each.version for each in (QUESTION, QUESTION_ZH)} if prompted else {}
    return {
        "version": "v2.0",
        "synthetic": True,
        **({"prompts": prompts} if prompts else {}),
        "data": data,
    }


def _answerable_entry(each: Candidate) -> dict[str, Any]:
    return {
        "question": each.question,
        "is_impossible": False,
        "answers": [{"text": each.answer, "answer_start": each.start}],
        "kind": each.kind,
        "origin": each.origin,
    }


def _unanswerable_entry(each: Unanswerable) -> dict[str, Any]:
    return {
        "question": each.question,
        "is_impossible": True,
        "answers": [],
        "kind": each.kind,
        "origin": each.made_from.origin,
        **({"filters": dict(each.filters)} if each.filters else {}),
    }
