"""Hard negatives: pieces that bm25 or an embedder ranks high and that do not answer the question.

A piece that is judged relevant, that overlaps the evidence, or that contains a gold answer may be
right after all, and is left out. So is one whose embedding is nearly as close to the question as
that of a piece that answers.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from haystack import Document

from evaluation.datasets.schema import Dataset, JudgedQuestion
from evaluation.training.data.examples import DocumentPiece, Example, find_answer, positives
from evaluation.training.data.neighbours import Encoder, Neighbours
from rag.collections import open_temporary
from rag.config import Config
from rag.language.analysis import tokens
from rag.models.windows import prefix

DEPTH = 20  # candidates per question and method
TOO_NEAR = 0.95  # share of a positive's score above which a candidate may be a positive as well
Progress = Callable[[int, int, str], None]
Mine = Literal["bm25", "dense", "both"]


def mine_negatives(
    dataset: Dataset,
    pieces: Sequence[DocumentPiece],
    *,
    each: float,
    seed: int,
    mine: Mine = "bm25",
    encode: Encoder | None = None,
    progress: Progress = lambda done, total, what: None,
) -> list[Example]:
    """Return negative examples: a question with a high-ranked piece that does not answer it.

    With an embedder, a candidate whose score is above .95 times that of the positive piece (the
    lowest of several) is left out, whichever method found it.

    Args:
        dataset: The questions; their filters apply here as well.
        pieces: All pieces of the data set's documents.
        each: Maximum number of negatives per question; .5 is one for every second question.
        seed: Random seed of the selection among the best.
        mine: Retrieval method: bm25, dense or both.
        encode: The embedder; required unless the method is bm25 alone.
        progress: Called after each question.

    Reference:
        Moreira et al., NV-Retriever: Improving text embedding models with effective hard-negative
        mining (2024), section 4: positive-aware mining, TopK-PercPos with 95 %.
    """
    if each == 0 or len(pieces) < 2:
        return []
    by_id = {piece.piece_id: piece for piece in pieces}
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    asked = [question for question in dataset.questions if tokens(question.question)]
    found: list[Example] = []
    with _finders(dataset, pieces, asked, mine=mine, encode=encode) as find:
        for done, question in enumerate(asked, start=1):
            wrong = list(_wrong(question, (by_id[name] for name in find(question))))
            count = int(each) + (draw.random() < each % 1)
            found += draw.sample(wrong, min(count, len(wrong)))
            progress(done, len(asked), "negatives")
    return found


@contextmanager
def _finders(
    dataset: Dataset,
    pieces: Sequence[DocumentPiece],
    asked: Sequence[JudgedQuestion],
    *,
    mine: Mine,
    encode: Encoder | None,
) -> Iterator[Callable[[JudgedQuestion], list[str]]]:
    """Provide a function that returns the ids of the pieces that rank high for a question."""
    documents = [_document(piece) for piece in pieces]
    near = None if mine == "bm25" else _neighbours(pieces, documents, asked, encode)
    limits = {} if near is None else _limits(dataset, pieces, asked, near)
    with open_temporary(Config()) as store:
        if mine != "dense":
            store.write_documents(documents)

        def find(question: JudgedQuestion) -> list[str]:
            ids: list[str] = []
            if mine != "dense":
                hits = store.bm25_retrieval(
                    question.question, top_k=DEPTH, filters=_filters(question)
                )
                ids = [hit.id for hit in hits]
            if near is None:
                return ids
            limit = limits.get(question.question_id, float("inf"))
            both = dict.fromkeys([*ids, *near.nearest(question)])
            return [name for name in both if near.score(question, name) <= limit]

        yield find


def _neighbours(
    pieces: Sequence[DocumentPiece],
    documents: Sequence[Document],
    asked: Sequence[JudgedQuestion],
    encode: Encoder | None,
) -> Neighbours:
    if encode is None:
        raise ValueError("dense neighbours need an embedder")
    texts = [prefix(piece.title) + piece.text for piece in pieces]
    return Neighbours(encode, documents, texts, asked, depth=DEPTH)


def _limits(
    dataset: Dataset,
    pieces: Sequence[DocumentPiece],
    asked: Sequence[JudgedQuestion],
    near: Neighbours,
) -> dict[str, float]:
    """Return question id -> highest score of a piece that still counts as negative."""
    ids = {(piece.document_id, piece.text): piece.piece_id for piece in pieces}
    by_id = {question.question_id: question for question in asked}
    limits: dict[str, float] = {}
    for right in positives(dataset, pieces):
        question = by_id.get(right.question_id)
        if right.kind in ("answer", "relevant") and question is not None:
            score = near.score(question, ids[right.document, right.text])
            limit = TOO_NEAR * score if score > 0 else score
            limits[right.question_id] = min(limit, limits.get(right.question_id, limit))
    return limits


def _filters(question: JudgedQuestion) -> dict[str, object] | None:
    return None if question.filters is None else dict(question.filters)


def _document(piece: DocumentPiece) -> Document:
    meta = {**piece.meta, "document_id": piece.document_id, "title": piece.title}
    return Document(id=piece.piece_id, content=piece.text, meta=meta)


def _wrong(question: JudgedQuestion, pieces: Iterator[DocumentPiece]) -> Iterator[Example]:
    """Yield the negative examples among the candidates."""
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
                document=piece.document_id,
            )
