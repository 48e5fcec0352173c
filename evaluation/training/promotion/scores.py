"""Scores of a reader, ranker or embedder, old or new, on each question of a promotion set.

A model is None if none is in use: then the sentence reader reads, candidates stay in bm25's order,
and bm25 retrieves the passages.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from haystack import Document

from evaluation.datasets.squad import Question
from evaluation.metrics.answers import cmrc_f1, f1
from evaluation.metrics.retrieval import ndcg
from evaluation.run.reader_evaluation import read_contexts
from evaluation.training.data.examples import DocumentPiece, Example
from evaluation.training.promotion.promotion_set import PromotionQuestion, PromotionSet
from indexing.chunking import embedded_text
from rag.collections import open_temporary
from rag.config import Config, EmbedderConfig
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.language.analysis import language_of, tokens
from rag.models.default_models import ModelRole
from rag.models.embedder import Embedder, Vectors
from rag.models.selection import open_roles
from rag.models.windows import read_text
from rag.stores.filters import matches

K = 10  # ranks that count
CANDIDATES = 20  # passages from bm25, for a ranker
MEASURES: dict[ModelRole, str] = {"reader": "F1", "ranker": "nDCG@10", "embedder": "nDCG@10"}


def score_questions(role: ModelRole, trial: PromotionSet, model: str | None) -> list[float]:
    """Return a model's score on each question, from 0 to 1.

    Args:
        role: Role, which decides the metric: F1 of a reader's best span in a text that answers;
            nDCG@10 of a ranker over bm25's candidates, or of an embedder over all pieces.
        trial: The promotion set.
        model: Name or folder of the model; None is the fallback without one.

    Raises:
        ModelError: If it is missing, damaged, or of another role.
    """
    if role == "reader":
        return score_reader(trial, model)
    return score_ranker(trial, model) if role == "ranker" else score_embedder(trial, model)


# -- readers


def score_reader(trial: PromotionSet, model: str | None) -> list[float]:
    """Return the mean F1 over each question's texts that answer; see `score_questions`."""
    config, reader = Config(), "sentences"
    if model is not None:
        config, reader = Config(reader=ReaderConfig(kind="spans", model=model)), "spans"
    names = [
        [f"{place}:{n}" for n in range(len(each.answers))] for place, each in enumerate(trial.asked)
    ]
    questions = [
        _reading(name, example)
        for each, known in zip(trial.asked, names, strict=True)
        for name, example in zip(known, each.answers, strict=True)
    ]
    said = read_contexts(questions, config, reader=reader).predictions
    return [
        fmean(_f1(example, said[name]) for name, example in zip(known, each.answers, strict=True))
        for each, known in zip(trial.asked, names, strict=True)
    ]


def _reading(name: str, example: Example) -> Question:
    gold = example.text[example.start : example.end]
    return Question(name, example.question, (gold,), example.title, example.text, (example.start,))


def _f1(example: Example, said: str) -> float:
    golds = example.golds or (example.text[example.start : example.end],)
    if language_of(example.question) == "zh":
        return cmrc_f1(said, golds)
    return f1(said, golds, version="1.1")


# -- rankers


def score_ranker(trial: PromotionSet, model: str | None) -> list[float]:
    """Return nDCG@10 of each question's candidates; see `score_questions`."""
    ranker = None
    if model is not None:
        config = Config(ranker=RankerConfig(model=model), reader=ReaderConfig(kind="sentences"))
        ranker = next(iter(open_roles(config).rankers.values()))
    scores = []
    for each, found in _found(trial, CANDIDATES):
        order = list(range(len(found)))
        if ranker is not None and found:
            texts = [read_text(document) for document in found]
            relevance = ranker.relevance(each.question.question, texts) or []
            order.sort(key=lambda place: -relevance[place])
        scores.append(_ndcg(each, [found[place].id for place in order]))
    return scores


def _found(
    trial: PromotionSet, top_k: int
) -> Iterator[tuple[PromotionQuestion, Sequence[Document]]]:
    """Yield each question with its candidates from bm25."""
    for number, pieces in enumerate(trial.pieces):
        some = [each for each in trial.asked if each.number == number]
        if not some:
            continue
        with open_temporary(Config()) as store:
            store.write_documents([_document(piece) for piece in pieces])
            for each in some:
                hits: Sequence[Document] = []
                if tokens(each.question.question):
                    hits = store.bm25_retrieval(
                        each.question.question, top_k=top_k, filters=_filters(each)
                    )
                yield each, hits


def _document(piece: DocumentPiece) -> Document:
    meta = {**piece.meta, "document_id": piece.document_id, "title": piece.title}
    return Document(id=piece.piece_id, content=piece.text, meta=meta)


def _filters(asked: PromotionQuestion) -> dict[str, Any] | None:
    return None if asked.question.filters is None else dict(asked.question.filters)


def _ndcg(asked: PromotionQuestion, ranking: Sequence[str]) -> float:
    return ndcg(ranking, dict.fromkeys(asked.relevant, 1), K)


# -- embedders


def score_embedder(trial: PromotionSet, model: str | None) -> list[float]:
    """Return nDCG@10 of each question over all pieces, exactly; see `score_questions`."""
    if model is None:
        return [_ndcg(each, [hit.id for hit in found]) for each, found in _found(trial, K)]
    embedder = Embedder(EmbedderConfig(model=model))
    scores = []
    for number, pieces in enumerate(trial.pieces):
        some = [each for each in trial.asked if each.number == number]
        if some:
            documents = [_document(piece) for piece in pieces]
            vectors = _embed(embedder, documents)
            scores += [_nearest(embedder, each, documents, vectors) for each in some]
    return scores


def _embed(embedder: Embedder, documents: Sequence[Document]) -> Vectors:
    tokenizer = embedder.files.tokenizer
    return embedder.encode_passages(
        [embedded_text(each, tokenizer, context=True) for each in documents]
    )


def _nearest(
    embedder: Embedder, asked: PromotionQuestion, documents: Sequence[Document], vectors: Vectors
) -> float:
    near = vectors @ embedder.encode_query(asked.question.question)
    order = np.argsort(-near, kind="stable").tolist()
    filters = _filters(asked)
    allowed = (
        documents[place].id for place in order
        if filters is None or matches(filters, documents[place])
    )  # fmt: skip
    return _ndcg(asked, [name for name, _ in zip(allowed, range(K), strict=False)])
