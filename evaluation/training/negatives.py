"""Hard negatives: what bm25 finds for a question and does not answer it.

A piece that a judgement calls relevant, that overlaps the evidence, or that holds one of the gold
answers may be right after all, and is left out.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from haystack import Document

from evaluation.datasets.schema import Dataset, JudgedQuestion
from evaluation.training.examples import Example, Piece, find_answer
from rag.collections import open_temporary
from rag.config import Config
from rag.text import tokens

DEPTH = 20  # passages looked at for each question
Progress = Callable[[int, int, str], None]


def mine_negatives(
    dataset: Dataset,
    pieces: Sequence[Piece],
    *,
    each: float,
    seed: int,
    progress: Progress = lambda done, total, what: None,
) -> list[Example]:
    """Return pairs of a question and a piece that bm25 ranks high and that does not answer.

    Args:
        dataset: The questions; their filters hold here as well.
        pieces: All pieces of the set's documents.
        each: Most negatives of a question; .5 is one for every second question.
        seed: Draws among the best.
        progress: Told about each question.
    """
    if each == 0 or len(pieces) < 2:
        return []
    by_id = {piece.piece_id: piece for piece in pieces}
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    found: list[Example] = []
    with open_temporary(Config()) as store:
        store.write_documents([_document(piece) for piece in pieces])
        asked = [question for question in dataset.questions if tokens(question.question)]
        for done, question in enumerate(asked, start=1):
            hits = store.bm25_retrieval(question.question, top_k=DEPTH, filters=_filters(question))
            wrong = list(_wrong(question, (by_id[hit.id] for hit in hits)))
            count = int(each) + (draw.random() < each % 1)
            found += draw.sample(wrong, min(count, len(wrong)))
            progress(done, len(asked), "negatives")
    return found


def _filters(question: JudgedQuestion) -> dict[str, object] | None:
    return None if question.filters is None else dict(question.filters)


def _document(piece: Piece) -> Document:
    meta = {**piece.meta, "document_id": piece.document_id, "title": piece.title}
    return Document(id=piece.piece_id, content=piece.text, meta=meta)


def _wrong(question: JudgedQuestion, pieces: Iterator[Piece]) -> Iterator[Example]:
    """Yield the pieces that surely do not answer."""
    relevant = {name for name, grade in question.grades.items() if grade > 0}
    relevant |= {gold.document_id for places in question.evidence for gold in places}
    relevant.add(question.home)
    for piece in pieces:
        right = piece.document_id in relevant or find_answer(piece.text, question.answers)
        if not right and piece.text.strip():
            yield Example(
                question_id=question.question_id,
                question=question.question,
                title=piece.title,
                text=piece.text,
                kind="negative",
                cluster=question.cluster or question.question_id,
                golds=question.answers,
            )
