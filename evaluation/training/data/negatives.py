"""Hard negatives: what bm25 or an embedder finds for a question and does not answer it.

A piece that a judgement calls relevant, that overlaps the evidence, or that holds one of the gold
answers may be right after all, and is left out. So is one that an embedder puts nearly as near to
the question as a piece that answers.
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

DEPTH = 20  # passages looked at for each question and method
TOO_NEAR = 0.95  # share of the score of what answers, above which a piece may answer as well
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
    """Return pairs of a question and a piece that is ranked high and that does not answer.

    With an embedder, a candidate whose score is above .95 times that of the piece that answers
    (the least of several) is left out, whoever found it.

    Args:
        dataset: The questions; their filters hold here as well.
        pieces: All pieces of the set's documents.
        each: Most negatives of a question; .5 is one for every second question.
        seed: Draws among the best.
        mine: Who looks for them.
        encode: The embedder; needed unless bm25 alone looks.
        progress: Told about each question.

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
    """Hold a function that gives the ids of the pieces that are ranked high for a question."""
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
    """Return the highest score that a piece may have and still count as wrong, by question."""
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
                document=piece.document_id,
            )
