"""Preparation of systems: collections opened, models loaded, gold evidence located."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from evaluation.datasets.schema import Dataset
from evaluation.run.caches import CachedEmbedder, CachedStore, QuestionCache
from evaluation.run.corpus import (
    PLAIN,
    Corpus,
    Progress,
    corpus_embedder,
    open_collection,
    open_corpus,
)
from evaluation.run.question_run import QuestionTask, SystemUnderTest
from evaluation.run.relevance import Places, check_documents, judge
from evaluation.run.slices import slices_of
from evaluation.run.systems import System, override
from rag.collections import open_generator, open_store
from rag.config import EmbedderConfig
from rag.models.default_models import AUTO

if TYPE_CHECKING:
    from rag.models.embedder import Embedder


@dataclass(frozen=True)
class PreparedSystem:
    """A system that is ready for questions, with its questions.

    Attributes:
        under_test: The system.
        corpus: Its collection.
        tasks: Its questions, in order, with gold evidence located in its collection.
        manifest: Manifest of the collection.
        passages: Number of passages in the collection.
    """

    under_test: SystemUnderTest
    corpus: Corpus
    tasks: tuple[QuestionTask, ...]
    manifest: Mapping[str, Any]
    passages: int

    @property
    def facts(self) -> dict[str, Any]:
        """Identity of the system for resuming a run, JSON-ready."""
        return {
            "config": self.under_test.system.config.model_dump(mode="json"),
            "manifest": dict(self.manifest),
            "passages": self.passages,
            "collection": self.corpus.name.removesuffix(PLAIN),
            "generation": self.corpus.store.generation,
        }


def prepare(
    dataset: Dataset,
    systems: Sequence[System],
    *,
    collection: str | None,
    answers: bool,
    progress: Progress,
    stack: ExitStack,
) -> list[PreparedSystem]:
    """Return all systems, prepared; those with equal collections and models share them.

    Args:
        dataset: The data set.
        systems: Systems to prepare, at least one.
        collection: Existing collection to query, or None for throw-away collections.
        answers: Whether the run has answers.
        progress: Called while documents are indexed.
        stack: Exit stack that closes the collections.

    Raises:
        RagError: If documents cannot be indexed, or a model or collection does not fit.
    """
    shared = QuestionCache()
    chosen: dict[str, EmbedderConfig] = {}
    embedders: dict[str, Embedder] = {}
    corpora: dict[str, Corpus] = {}
    located: dict[str, tuple[QuestionTask, ...]] = {}
    made = []
    for system in systems:
        wanted = f"{system.config.embedder} {system.config.conversion}"
        if wanted not in chosen:
            chosen[wanted] = _embedder_of(system, dataset, collection)
        settings = chosen[wanted]
        embedder = embedders.get(settings.model_dump_json()) or load_embedder(settings)
        embedders[settings.model_dump_json()] = embedder
        key = _corpus_settings(system)
        if key not in corpora:
            vectors = any(other.needs_vectors for other in systems if _same_cut(other, system))
            corpora[key] = (
                open_collection(collection, system.config)
                if collection is not None
                else open_corpus(
                    dataset, system.config, embedder, vectors=vectors, progress=progress
                )
            )
            stack.callback(corpora[key].store.close)
        corpus = corpora[key]
        if corpus.name not in located:
            located[corpus.name] = _tasks(dataset, corpus)
        under_test = _bench(system, corpus, embedder, shared, answers=answers)
        manifest = corpus.store.manifest
        made.append(
            PreparedSystem(
                under_test=under_test,
                corpus=corpus,
                tasks=located[corpus.name],
                manifest=asdict(manifest) if manifest else {},
                passages=corpus.store.count_documents(),
            )
        )
    return made


def _embedder_of(system: System, dataset: Dataset, collection: str | None) -> EmbedderConfig:
    """Return the embedder's settings; `auto` follows the collection, or the documents."""
    from rag.models.embedder import embedder_settings

    settings = system.config.embedder
    if settings.model != AUTO:
        return settings
    if collection is not None:
        store = open_store(collection, system.config)
        made_with = store.manifest.embedder if store.manifest else None
        store.close()
        return embedder_settings(settings, made_with=made_with)
    return corpus_embedder(dataset, system.config)


def load_embedder(settings: EmbedderConfig) -> "Embedder":
    """Return the embedder of these settings; its weights are loaded on first use."""
    from rag.models.embedder import Embedder

    return Embedder(settings)


def _same_cut(one: System, other: System) -> bool:
    return (one.config.chunking, one.config.embedder) == (
        other.config.chunking,
        other.config.embedder,
    )


def _corpus_settings(system: System) -> str:
    """Return all settings that a collection depends on; equal ones share rankings."""
    config = system.config
    sections = (config.chunking, config.embedder, config.store)
    weight = f"{config.retrieval.title_weight}"
    return "\n".join([*(section.model_dump_json() for section in sections), weight])


def _tasks(dataset: Dataset, corpus: Corpus) -> tuple[QuestionTask, ...]:
    store = corpus.store
    sources = {info.document_id: info.source for info in store.documents()}
    if dataset.matching == "documents":
        check_documents(dataset, set(sources), corpus.name)
    texts = None
    lengths = {each.document_id: len(each.text) for each in dataset.documents}
    if not corpus.is_own and dataset.matching == "spans":
        texts = {name: (source, store.text_of(name)) for name, source in sources.items()}
        lengths = {name: len(text) for name, (_, text) in texts.items()}
    places = Places(dataset, texts)
    tasks = []
    for question in dataset.questions:
        judgement = judge(question, dataset, places)
        spans = judgement.spans
        position = spans[0].start / max(lengths.get(spans[0].document_id, 1), 1) if spans else None
        tasks.append(QuestionTask(question, judgement, slices_of(question, position)))
    return tuple(tasks)


def _bench(
    system: System, corpus: Corpus, embedder: "Embedder", shared: QuestionCache, *, answers: bool
) -> SystemUnderTest:
    from rag.engine import RAG

    config = system.config
    is_forced = config.generator is None
    if is_forced:
        config = override(config, {"abstention.precision": 0.0}, where=system.name)
    depth = max(config.retrieval.candidates, config.retrieval.top_k)
    rag = RAG(
        config,
        cast("Any", CachedStore(corpus.store, shared, depth)),
        embedder=cast("Any", CachedEmbedder(embedder, shared)),
        generator=open_generator(system.config),
        collection=corpus.name,
        roles=shared.roles(config),
    )
    return SystemUnderTest(system, rag, shared, is_forced=is_forced, answers=answers)
