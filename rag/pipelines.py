"""Haystack pipelines made from a configuration and a store; they hold no state of their own.

The engine alone knows the names of their sockets.
"""

from haystack import Pipeline

from rag.config import Config, Method
from rag.embedders import Embedder, QueryEmbedder
from rag.fusion import Fusion
from rag.rankers import Ranker
from rag.readers import SentenceReader
from rag.retrievers import Bm25Retriever, DenseRetriever
from rag.roles import Roles
from rag.span_reader import SpanReader
from rag.stores.base import Store


def build_search(
    config: Config, store: Store, embedder: Embedder | None, method: Method
) -> Pipeline:
    """Return the pipeline from a query to passages.

    Its inputs are `bm25.query` and `embed.text`, as far as the method has them; the passages are
    the output `documents` of `fused`, or of the one retriever there is.
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


def build_rank(config: Config, roles: Roles) -> Pipeline:
    """Return the pipeline from a question and passages to their order: the component `ranked`.

    Without a ranker it is empty.
    """
    pipeline = Pipeline()
    if roles.ranker is not None and config.ranker is not None:
        pipeline.add_component("ranked", Ranker(roles.ranker, config.ranker.candidates))
    return pipeline


def build_read(store: Store, embedder: Embedder | None) -> Pipeline:
    """Return the pipeline from a question and passages to evidence: the component `read`."""
    pipeline = Pipeline()
    pipeline.add_component("read", SentenceReader(store, embedder))
    return pipeline


def build_spans(config: Config, roles: Roles) -> Pipeline:
    """Return the pipeline from a question and passages to spans: the component `read`.

    Without a reader's model it is empty.
    """
    pipeline = Pipeline()
    if roles.reader is not None:
        reader = config.reader
        pipeline.add_component(
            "read", SpanReader(roles.reader, reader.n_best, reader.longest_answer)
        )
    return pipeline
