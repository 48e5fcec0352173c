"""The components that answer a question, made from a configuration and a store.

The engine calls them one after the other. `build_pipeline` joins components made in the same way to
one Haystack pipeline, which can be drawn and run without the engine; it gives the same passages and
the same evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from haystack import Pipeline

from rag.config import Config, Method
from rag.models.embedder import Embedder
from rag.models.selection import Roles, serving
from rag.reading.sentence_reader import SentenceReader
from rag.reading.span_reader import SpanReader
from rag.retrieval.fusion import Fusion
from rag.retrieval.ranker import Ranker
from rag.retrieval.relevance import RelevanceEstimator
from rag.retrieval.retrievers import Bm25Retriever, DenseRetriever, QueryEmbedder
from rag.stores.contract import Store


@dataclass(frozen=True)
class Components:
    """The Haystack components of one collection.

    Attributes:
        bm25: Finds passages by words.
        embed: Makes the question's vector; None without an embedder.
        dense: Finds passages by that vector; None without an embedder.
        fused: Joins both rankings.
        relevance: Estimates how likely a passage bears on the question; no component of a pipeline.
        rankers: Language of the question -> what puts passages in order.
        span_readers: Language of the question -> what finds the words that answer.
        sentence_reader: Finds the sentences that answer, in any language.
    """

    bm25: Bm25Retriever
    embed: QueryEmbedder | None
    dense: DenseRetriever | None
    fused: Fusion
    relevance: RelevanceEstimator
    rankers: Mapping[str, Ranker]
    span_readers: Mapping[str, SpanReader]
    sentence_reader: SentenceReader

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that the collection can be asked by."""
        return ("bm25",) if self.dense is None else ("bm25", "dense", "hybrid")

    def knows_logits(self, language: str) -> bool:
        """Return whether the ranker for a language was trained here, so that its scores are known.

        Others give logits of a scale of their own.
        """
        ranker = serving(self.rankers, language) or serving(self.rankers, "")
        return ranker is not None and bool(ranker.model.files.own)


def build_components(
    config: Config, store: Store, embedder: Embedder | None, roles: Roles
) -> Components:
    """Return the components; models are loaded when they are first used."""
    candidates, floor = config.retrieval.candidates, partial(similarity_floor, store, embedder)
    return Components(
        bm25=Bm25Retriever(store, candidates),
        embed=QueryEmbedder(embedder) if embedder else None,
        dense=DenseRetriever(store, candidates, embedder) if embedder else None,
        fused=Fusion(
            config.fusion.kind,
            k=config.fusion.k,
            top_k=config.retrieval.top_k,
            depth=candidates,
            floor=floor,
        ),
        relevance=RelevanceEstimator(store, floor),
        rankers=_rankers(config, roles),
        span_readers=_span_readers(config, roles),
        sentence_reader=SentenceReader(store, embedder),
    )


def similarity_floor(store: Store, embedder: Embedder | None) -> float:
    """Return the cosine of unrelated texts: as the collection has it, or the embedder."""
    made = store.manifest
    if made is not None and made.floor is not None:
        return made.floor
    return embedder.floor if embedder is not None else 0.0


def _rankers(config: Config, roles: Roles) -> dict[str, Ranker]:
    """Return a ranker for each language; languages that share a model share the ranker."""
    settings = config.ranker
    if settings is None:
        return {}
    made: dict[int, Ranker] = {}
    for language, model in roles.rankers.items():
        reader = roles.readers.get(language)
        if id(model) not in made:
            made[id(model)] = Ranker(
                model,
                settings.candidates,
                weight=settings.weight,
                answered=SpanReader(reader).answered if reader is model else None,
                enough=config.reader.enough,
            )
    return {language: made[id(model)] for language, model in roles.rankers.items()}


def _span_readers(config: Config, roles: Roles) -> dict[str, SpanReader]:
    settings = config.reader
    made = {
        id(model): SpanReader(model, settings.n_best, settings.longest_answer)
        for model in roles.readers.values()
    }
    return {language: made[id(model)] for language, model in roles.readers.items()}


def build_pipeline(
    config: Config,
    store: Store,
    embedder: Embedder | None,
    roles: Roles,
    *,
    method: Method,
    language: str = "en",
) -> Pipeline:
    """Return one Haystack pipeline from a question to passages and evidence.

    Its inputs are `bm25.query`, `embed.text` and `fused.weights` as far as the method has them, and
    `question` of `ranked` and `read`. A ranker and a span reader are part of it if one serves the
    language; `read` is the last component.

    Args:
        config: Methods, weights and limits.
        store: The collection.
        embedder: The one it was made with; None only for the method bm25.
        roles: The models of ranker and reader.
        method: The method that passages are found by.
        language: Language of the questions, such as `en`.

    Raises:
        ValueError: If the method needs an embedder and there is none.
    """
    components = build_components(config, store, embedder, roles)  # Haystack lets none be shared
    if method not in components.methods:
        raise ValueError(f"the method `{method}` needs an embedder")
    pipeline = Pipeline()
    last: str = "fused" if method == "hybrid" else method
    if method != "dense":
        pipeline.add_component("bm25", components.bm25)
    if components.embed and components.dense and method != "bm25":
        pipeline.add_component("embed", components.embed)
        pipeline.add_component("dense", components.dense)
        pipeline.connect("embed.embedding", "dense.embedding")
    if method == "hybrid":
        pipeline.add_component("fused", components.fused)
        pipeline.connect("bm25.documents", "fused.bm25")
        pipeline.connect("dense.documents", "fused.dense")
    ranker = serving(components.rankers, language)
    if ranker is not None:
        pipeline.add_component("ranked", ranker)
        pipeline.connect(f"{last}.documents", "ranked.documents")
        last = "ranked"
    reader = serving(components.span_readers, language) or components.sentence_reader
    pipeline.add_component("read", reader)
    pipeline.connect(f"{last}.documents", "read.documents")
    return pipeline
