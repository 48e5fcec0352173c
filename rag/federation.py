"""Several collections as one: an engine over engines, with the methods of `RAG`.

Each collection is searched by its own engine, and equal embedders embed a question once. The
passages of all are joined by relevance, the one scale that holds across collections; where it is
not known of every passage they take turns by rank, and in each turn the passage that holds more of
the question's words comes first. A text that stands in several collections takes one place, that of
the best of them. Ranker, reader and generator then see the joined passages as if they came from one
collection.

A collection that cannot be asked is left out, and a step of the trace says so. Passages and
citations have the ids of their collection, and its name beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from rag.engine import RAG
from rag.errors import RagError, StoreError, UnknownFieldError
from rag.federated_search import FederatedSearch, JoinedStore, outside
from rag.language.analysis import language_of
from rag.reading.evidence import Evidence
from rag.schema import (
    AS_CONFIGURED,
    Answer,
    Citation,
    Passage,
    SearchOptions,
    SearchResult,
)
from rag.search import BeforeStep
from rag.stores.contract import Store
from rag.stores.filters import Filter

LANGUAGE_OF = 2000  # characters of a question that tell its language

Cited = TypeVar("Cited", Passage, Citation)


class Federation:
    """Several collections that answer questions together.

    Args:
        engines: Name of a collection -> its engine, at least one; their order decides between
            passages that are equally good. Configuration, generator and models of ranker and
            reader are those of the first.
        left_out: Name of a collection that cannot be opened -> why.
    """

    def __init__(
        self, engines: Mapping[str, RAG], left_out: Mapping[str, RagError] | None = None
    ) -> None:
        self.engines = dict(engines)
        first = next(iter(self.engines.values()))
        self.config = first.config
        self._store = JoinedStore({name: each.store for name, each in engines.items()})
        self._search = FederatedSearch(
            self.config,
            {name: each.searcher for name, each in engines.items()},
            self._store,
            left_out or {},
            roles=first.roles,
            rankers=first.components.rankers,
        )
        self._inner = [self._engine_with(each) for each in self.engines.values()]

    @property
    def collection(self) -> str:
        """Names of the collections, joined by commas."""
        return ", ".join(self.engines)

    def warm_up(self) -> None:
        """Load the models now instead of at the first question."""
        for each in self.engines.values():
            each.warm_up()

    def search(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        before_step: BeforeStep = lambda: None,
    ) -> SearchResult:
        """Return the passages for a question, best first; see `RAG.search`.

        Raises:
            QuestionError: See `RAG.search`.
            RagError: If no collection can be asked; that of the first.
        """
        return _outside(self._for(question).search(question, options, before_step=before_step))

    def search_and_read(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        before_step: BeforeStep = lambda: None,
    ) -> tuple[SearchResult, dict[int, Evidence]]:
        """Return the result of `search`, and sentences that answer; see `RAG.search_and_read`."""
        inner = self._for(question)
        result, best = inner.search_and_read(question, options, before_step=before_step)
        return _outside(result), best

    def ask(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        on_found: Callable[[tuple[Passage, ...]], None] | None = None,
        **arguments: Any,  # noqa: ANN401
    ) -> Answer:
        """Return an answer with its citations; arguments and errors are those of `RAG.ask`."""

        def tell(passages: tuple[Passage, ...]) -> None:
            if on_found is not None:
                on_found(_all_original(passages))

        return _answer_outside(
            self._for(question).ask(question, options, on_found=tell, **arguments)
        )

    def check_filter(self, filters: Filter | None) -> None:
        """Check a filter that is meant for many questions.

        Raises:
            UnknownFieldError: If no collection has a field of it.
        """
        unknown = []
        for each in self.engines.values():
            try:
                each.check_filter(filters)
            except UnknownFieldError as error:
                unknown.append(error)
            except StoreError:
                continue  # each question says so
            else:
                return
        if unknown:
            raise unknown[0]

    # -- internals

    def _engine_with(self, engine: RAG) -> RAG:
        """Return an engine over all collections that reads with the embedder of one of them."""
        first = next(iter(self.engines.values()))
        return RAG(
            self.config,
            cast("Store", self._store),  # what is read of it after a search is there
            embedder=engine.embedder,
            generator=first.generator,
            collection=self.collection,
            roles=first.roles,
            search=self._search,
        )

    def _for(self, question: str) -> RAG:
        """Return the engine whose embedder serves a question's language; the first if none does."""
        language = language_of(question[:LANGUAGE_OF])
        serving = (each for each in self._inner if each.embedder and each.embedder.serves(language))
        return next(serving, self._inner[0])


def _original(each: Cited) -> Cited:
    name, document_id = outside(each.document_id)
    _, passage_id = outside(each.passage_id)
    return replace(each, document_id=document_id, passage_id=passage_id, collection=name)


def _all_original(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    return tuple(map(_original, passages))


def _outside(result: SearchResult) -> SearchResult:
    return replace(result, results=_all_original(result.results))


def _answer_outside(answer: Answer) -> Answer:
    citations = tuple(map(_original, answer.citations))
    return replace(answer, citations=citations, passages=_all_original(answer.passages))
