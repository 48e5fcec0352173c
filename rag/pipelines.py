"""Haystack pipelines built from a configuration and a store; they hold no state of their own.

Only the engine uses the names of their sockets.
"""

from typing import Any

from haystack import Pipeline

from rag.config import Config, Method
from rag.models.embedder import Embedder
from rag.models.selection import Roles
from rag.reading.sentence_reader import SentenceReader
from rag.reading.span_reader import SpanReader
from rag.retrieval.fusion import Fusion
from rag.retrieval.ranker import Ranker
from rag.retrieval.retrievers import Bm25Retriever, DenseRetriever, QueryEmbedder
from rag.stores.contract import Store


def build_search(
    config: Config, store: Store, embedder: Embedder | None, method: Method
) -> Pipeline:
    """Return the pipeline from a query to passages.

    Its inputs are `bm25.query` and `embed.text`, as far as the method has them; the passages are
    the output `documents` of `fused`, or of the only retriever.
    """
    pipeline = Pipeline()
    if method != "dense":
        pipeline.add_component("bm25", Bm25Retriever(store, config.retrieval.candidates))
    if method != "bm25":
        if embedder is None:
            raise ValueError(f"the method `{method}` needs an embedder")
        pipeline.add_component("embed", QueryEmbedder(embedder))
        dense = DenseRetriever(store, config.retrieval.candidates, embedder)
        pipeline.add_component("dense", dense)
        pipeline.connect("embed.embedding", "dense.embedding")
    if method == "hybrid":
        pipeline.add_component("fused", Fusion(config.fusion.k, config.retrieval.top_k))
        pipeline.connect("bm25.documents", "fused.bm25")
        pipeline.connect("dense.documents", "fused.dense")
    return pipeline


def build_ranks(config: Config, roles: Roles) -> dict[str, Pipeline]:
    """Return, by language, the pipeline from a question and passages to their order.

    Its component is `ranked`.
    """
    if config.ranker is None:
        return {}
    made: dict[int, Pipeline] = {}
    for language, model in roles.rankers.items():
        if id(model) in made:
            continue
        reader = roles.readers.get(language)
        ranker = Ranker(
            model,
            config.ranker.candidates,
            weight=config.ranker.weight,
            answered=SpanReader(reader).answered if reader is model else None,
            enough=config.reader.enough,
        )
        made[id(model)] = _of_one("ranked", ranker)
    return {language: made[id(model)] for language, model in roles.rankers.items()}


def build_read(store: Store, embedder: Embedder | None) -> Pipeline:
    """Return the pipeline from a question and passages to evidence: the component `read`."""
    return _of_one("read", SentenceReader(store, embedder))


def build_spans(config: Config, roles: Roles) -> dict[str, Pipeline]:
    """Return, by language, the pipeline from a question and passages to spans.

    Its component is `read`.
    """
    settings = config.reader
    made: dict[int, Pipeline] = {}
    for model in roles.readers.values():
        if id(model) not in made:
            reader = SpanReader(model, settings.n_best, settings.longest_answer)
            made[id(model)] = _of_one("read", reader)
    return {language: made[id(model)] for language, model in roles.readers.items()}


def _of_one(name: str, component: Any) -> Pipeline:  # noqa: ANN401 - Haystack has no type for it
    pipeline = Pipeline()
    pipeline.add_component(name, component)
    return pipeline
