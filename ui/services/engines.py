"""Open collections, each opened once and shared by all threads, and their models."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.collections import identity_of, join_engines, open_generator, open_rag
from rag.config import Config, EmbedderConfig
from rag.language.analysis import matched_spans
from rag.models.selection import Roles, open_roles
from rag.retrieval.question_checks import check_length
from rag.retrieval.ranking_depth import NO_QUESTION
from rag.schema import AS_CONFIGURED, Passage, SearchOptions, Stage

if TYPE_CHECKING:
    from rag.answers.generators import Generator
    from rag.engine import RAG
    from rag.federation import Federation
    from rag.models.embedder import Embedder
    from rag.reading.evidence import Evidence
    from rag.stores.contract import Store

MOST_OPEN = 32  # collections


@dataclass(frozen=True)
class Hit:
    """A search result: a passage with its best sentence and the question's words.

    Attributes:
        collection: Collection of the passage.
        passage: The passage.
        answer: Offsets in the passage's text of the sentence that answers best, if there is one.
        confidence: Probability that this sentence answers the question.
        terms: Offsets in the passage's text of the question's words, ascending.
    """

    collection: str
    passage: Passage
    answer: tuple[int, int] | None
    confidence: float | None
    terms: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class CombinedResult:
    """Results of a search in one or several collections.

    Attributes:
        results: Results, best first; those of several collections are ordered as
            `rag.federation` says.
        stages: Collection -> its steps, with milliseconds; those that all share are with each.
        total_ms: Total time in milliseconds.
        notes: Notes of the steps.
    """

    results: tuple[Hit, ...]
    stages: Mapping[str, tuple[Stage, ...]]
    total_ms: float
    notes: tuple[str, ...]


class Engines:
    """Open collections and the models they share.

    Args:
        config: Configuration of models, methods and limits.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._open: OrderedDict[str, tuple[str, RAG]] = OrderedDict()
        self._embedders: dict[str, Embedder] = {}
        self._generator: Generator | None = None
        self._has_generator = False
        self._roles: Roles | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close every collection."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][1].store.close()

    def embedder(self, settings: EmbedderConfig) -> "Embedder":
        """Return the embedder of some settings, made once.

        Args:
            settings: Its settings.

        Raises:
            ModelError: If its files are missing.
        """
        from rag.models.embedder import Embedder

        with self._lock:
            if settings.model not in self._embedders:
                self._embedders[settings.model] = Embedder(settings)
            return self._embedders[settings.model]

    def embedder_of(self, store: "Store") -> "Embedder":
        """Return the configured embedder; for `auto` that of the collection.

        Raises:
            ModelError: If its files are missing.
        """
        from rag.models.embedder import embedder_settings

        made_with = store.manifest.embedder if store.manifest else None
        return self.embedder(embedder_settings(self.config.embedder, made_with=made_with))

    @property
    def generator(self) -> "Generator | None":
        """Configured generator, made once; None if there is none.

        Raises:
            ModelError: If its files are missing.
        """
        with self._lock:
            if not self._has_generator:
                self._generator = open_generator(self.config)
                self._has_generator = True
            return self._generator

    @property
    def roles(self) -> Roles:
        """Configured models of ranker and reader, made once.

        Raises:
            ModelError: If their files are missing.
        """
        with self._lock:
            if self._roles is None:
                self._roles = open_roles(self.config)
            return self._roles

    def warm_up(self) -> None:
        """Load the models before the first question.

        For `auto` that is the embedder for English; another is loaded with its first collection.
        """
        from rag.models.embedder import embedder_settings

        self.embedder(embedder_settings(self.config.embedder)).warm_up()
        self.roles.warm_up()
        if self.generator is not None:
            self.generator.warm_up()

    def rag(self, collection: str) -> "RAG":
        """Return the engine of a collection; one recreated under its name is reopened.

        Raises:
            CollectionError: If it does not exist, or nothing was ever published in it.
            MismatchError: If it was made with another embedder.
            ModelError: If a configured model is missing.
        """
        with self._lock:
            identity = identity_of(collection, self.config)
            held = self._open.get(collection)
            if held is not None and held[0] == identity:
                self._open.move_to_end(collection)
                return held[1]
            self.drop(collection)
            rag = open_rag(
                collection,
                self.config,
                embedder=self.embedder,
                generator=self.generator,
                roles=self.roles,
            )
            self._open[collection] = (identity, rag)
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
            return rag

    def engine(self, collections: Sequence[str]) -> "RAG | Federation":
        """Return the engine of one or several collections, at least one; see `rag`.

        Of several, those that cannot be opened are left out, and the trace says so.

        Raises:
            RagError: If none can be opened; that of the first.
        """
        names = list(dict.fromkeys(collections))
        return self.rag(names[0]) if len(names) == 1 else join_engines(names, self.rag)

    def drop(self, collection: str) -> None:
        """Release a collection; running questions keep it open until they end."""
        with self._lock:
            self._open.pop(collection, None)

    def check_question(self, question: str) -> None:
        """Check that a question can be asked of any collection.

        Raises:
            QuestionError: If it is empty or too long.
        """
        check_length(question, self.config)

    def search(
        self,
        question: str,
        collections: Sequence[str],
        options: SearchOptions = AS_CONFIGURED,
        *,
        read: bool = True,
        before_step: Callable[[], None] = lambda: None,
    ) -> CombinedResult:
        """Return the passages for a question in some collections, best first.

        Args:
            question: Question or keywords.
            collections: Where to look, at least one.
            options: The way each collection is searched.
            read: Whether to look for the sentences that answer, which takes longer than to find
                the passages.
            before_step: Called before each step; what it raises ends the search.

        Raises:
            QuestionError: If the question or the filter cannot be used.
            CollectionError: If none of the collections can be asked; otherwise those that cannot
                are left out, and a note says so.
            StoreError: Likewise.
            UnknownFieldError: Likewise, if none has a field of the filter.
            ValueError: If no collection is named.
        """
        if not collections:
            raise ValueError("name at least one collection")
        engine = self.engine(collections)
        sentences: Mapping[int, Evidence] = {}
        if read:
            result, sentences = engine.search_and_read(question, options, before_step=before_step)
        else:
            result = engine.search(question, options, before_step=before_step)
        asked = result.gist or question
        hits = tuple(_hit(asked, each, sentences.get(each.rank)) for each in result.results)
        stages, total_ms = result.trace.stages, result.trace.total_ms
        named = dict.fromkeys(each.collection for each in result.results)
        of_each = {
            name: tuple(stage for stage in stages if stage.collection in (None, name))
            for name in named
        }
        notes = [stage.note for stage in stages if stage.note and stage.note != NO_QUESTION]
        return CombinedResult(hits, of_each, total_ms, tuple(dict.fromkeys(notes)))


def _hit(question: str, passage: Passage, best: "Evidence | None") -> Hit:
    return Hit(
        passage.collection,
        passage,
        (best.start, best.end) if best else None,
        round(best.score, 4) if best else None,
        matched_spans(question, passage.text),
    )
