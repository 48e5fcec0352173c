"""Search of one collection: retrieval, fusion and ranking.

Each step is a component of `rag.pipelines`. The result keeps Haystack documents for the readers,
and has them as passages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Protocol

from haystack import Document
from haystack.errors import FilterError

from rag.config import Config
from rag.errors import QuestionError, StaleError
from rag.models.embedder import Embedder
from rag.models.selection import Roles, serving
from rag.pipelines import Components
from rag.retrieval.copies import count_copies, identity_of
from rag.retrieval.filter_checks import check_filter_fields
from rag.retrieval.long_questions import with_gist
from rag.retrieval.passages import as_passage, stage_scores
from rag.retrieval.query import Query, build_query
from rag.retrieval.question_checks import check_length, check_question
from rag.retrieval.ranker import Ranker
from rag.retrieval.ranking_depth import ranking_depth
from rag.schema import Method, Passage, SearchOptions, Stage, StageScore, Turn
from rag.stores.contract import Store
from rag.stores.filters import Filter, join_filters

BeforeStep = Callable[[], None]  # called before each step of a question; may raise to end it
ATTEMPTS = 3  # a generation may be replaced while it is read


@dataclass(frozen=True)
class Retrieved:
    """Result of a search as Haystack documents: all of them, and those of each stage."""

    documents: list[Document]
    rankings: Mapping[str, Sequence[Document]]
    stages: tuple[Stage, ...]
    generation: int
    copies: Mapping[str, int]  # passage id -> number of others that read the same
    relevances: Mapping[str, float] = field(default_factory=dict)  # passage id -> probability
    collection: str = ""
    irrelevant: tuple[Document, ...] = ()  # those found, if none is relevant enough
    # passage id -> ranks and scores that `rankings` has not: those within its own collection
    earlier: Mapping[str, Mapping[str, StageScore]] = field(default_factory=dict)

    @cached_property
    def nearest(self) -> tuple[Passage, ...]:
        """The passages, or if none is relevant enough those that come nearest, best first."""
        if self.documents or not self.irrelevant:
            return self.passages
        return replace(self, documents=list(self.irrelevant), irrelevant=()).passages

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The passages, best first."""
        scores, copies = stage_scores(self.rankings), self.copies
        return tuple(
            as_passage(
                rank,
                each,
                {**self.earlier.get(each.id, {}), **scores[identity_of(each)]},
                copies=copies.get(each.id, 0),
                relevance=self.relevances.get(each.id),
                collection=self.collection,
            )
            for rank, each in enumerate(self.documents, 1)
        )


Embedded = dict[str, dict[str, Any]]  # embedder -> its output for the question


class QuestionSearch(Protocol):
    """Search of one or several collections, as the engine uses it."""

    def query(self, question: str, history: Sequence[Turn] = (), *, asks: bool = False) -> Query:
        """Return the query for a question; see `PassageSearch.query`."""

    def find(
        self,
        query: Query,
        options: SearchOptions,
        before_step: BeforeStep,
        *,
        deadline: float | None = None,
        early: bool = False,
        embedded: Embedded | None = None,
    ) -> Retrieved:
        """Return passages, best first; see `PassageSearch.find`."""


class PassageSearch:
    """Retrieval, fusion and ranking of the passages of one collection.

    Args:
        config: Methods, weights and limits.
        store: The collection.
        components: Its components.
        embedder: The embedder it was made with; None only for the method bm25.
        roles: Models of ranker and reader.
        filters: Restriction of every question, besides the question's own filters.
        collection: Name of the collection.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        components: Components,
        *,
        embedder: Embedder | None,
        roles: Roles,
        filters: Filter | None,
        collection: str = "",
    ) -> None:
        self.config, self.store, self.components = config, store, components
        self.embedder, self.roles, self.filters = embedder, roles, filters
        self.collection = collection

    def query(self, question: str, history: Sequence[Turn] = (), *, asks: bool = False) -> Query:
        """Return the query for a question; see `rag.retrieval.query.build_query`.

        Raises:
            QuestionError: If the question is empty or too long.
        """
        check_length(question, self.config)
        return with_gist(build_query(question, history, asks=asks), self.store)

    def find(
        self,
        query: Query,
        options: SearchOptions,
        before_step: BeforeStep,
        *,
        deadline: float | None = None,
        early: bool = False,
        embedded: Embedded | None = None,
    ) -> Retrieved:
        """Return passages, best first, ranked where that is wanted and pays.

        Args:
            query: The question.
            options: Method, number of passages, filters, ranking.
            before_step: Called before each step; what it raises ends the search.
            deadline: Time on the monotonic clock at which ranking ends.
            early: Whether ranking may end once the answer is certain.
            embedded: Vectors of the question that are known, to which its own is added.

        Raises:
            QuestionError: If `top_k`, the method or the filter is invalid.
            UnavailableError: If no retriever could be asked.
        """
        method = options.method or self.config.retrieval.method
        top_k = self.config.retrieval.top_k if options.top_k is None else options.top_k
        check_question(query, method, top_k, methods=self.components.methods)
        filters, least = join_filters(self.filters, options.filters), self._least(options)
        depth, note = ranking_depth(query, self.config, self.roles, options.rank)
        retrieve = partial(
            self._retrieve,
            query,
            method,
            max(top_k, depth),
            filters,
            before_step=before_step,
            embedded={} if embedded is None else embedded,
        )
        found = _whole(retrieve)
        if depth:
            before_step()
            rankers = self.components.rankers
            found = rank_found(rankers, query, found, deadline=deadline, early=early)
        elif note:
            found = replace(found, stages=(*found.stages, Stage("ranked", 0.0, None, note)))
        return self._relevant(query, found, top_k, least)

    def _retrieve(
        self,
        query: Query,
        method: Method,
        top_k: int,
        filters: Filter | None,
        *,
        before_step: BeforeStep,
        embedded: Embedded,
    ) -> Retrieved:
        parts, generation = self.components, self.store.generation
        noted = check_filter_fields(self.store, filters, generation)
        count = max(self.config.retrieval.candidates, top_k) if method == "hybrid" else top_k
        outputs: dict[str, dict[str, Any]] = {}
        if method != "dense":
            before_step()
            outputs["bm25"] = parts.bm25.run(query.text, filters, count, generation)
        if parts.embed and parts.dense and method != "bm25":
            key = parts.embed.embedder.files.sha256
            if key not in embedded:
                before_step()
                outputs["embed"] = embedded[key] = parts.embed.run(query.text, query.asked_inside)
            before_step()
            vector = embedded[key]["embedding"]
            outputs["dense"] = parts.dense.run(vector, filters, count, generation)
        _check_answered(outputs)
        if method == "hybrid":
            weights, note = self._weights(query)
            rankings = {name: outputs[name]["documents"] for name in ("bm25", "dense")}
            outputs["fused"] = parts.fused.run(
                **rankings, weights=weights, top_k=top_k, note=note, depth=count
            )
        last = "fused" if method == "hybrid" else method
        documents = outputs[last]["documents"][:top_k]
        copies, stages = count_copies(self.store, documents, filters, generation)
        return Retrieved(
            documents,
            {name: each["documents"] for name, each in outputs.items() if name != "embed"},
            (*noted, *(each["stage"] for each in outputs.values()), *stages),
            generation,
            copies,
            collection=self.collection,
        )

    def _weights(self, query: Query) -> tuple[dict[str, float], str | None]:
        """Return the fusion's weights for a question, and a note if its language moves them."""
        fusion = self.config.fusion
        weights = {"bm25": fusion.bm25, "dense": fusion.dense}
        if self.embedder is None or self.embedder.serves(query.language):
            return weights, None
        weights["dense"] = fusion.dense_foreign
        serves = ", ".join(self.embedder.languages)
        return weights, f"question in `{query.language}`, embedder serves `{serves}`: bm25 leads"

    def _least(self, options: SearchOptions) -> float:
        """Return the least relevance of a passage.

        Raises:
            QuestionError: If it is no probability.
        """
        least = options.min_relevance
        least = self.config.retrieval.min_relevance if least is None else least
        if not 0 <= least <= 1:
            raise QuestionError(f"min_relevance: expected 0 to 1 (got {least})")
        return least

    def _relevant(self, query: Query, found: Retrieved, top_k: int, least: float) -> Retrieved:
        """Return the first passages with their relevance, without those of too little."""
        serves = self.embedder is not None and self.embedder.serves(query.language)
        relevances, stage = self.components.relevance.run(
            query,
            found.documents[:top_k],
            found.rankings,
            similarity=serves,
            logits=self.components.knows_logits(query.language),
        )
        kept = [each for each in found.documents[:top_k] if relevances.get(each.id, 1.0) >= least]
        below = len(relevances) - sum(each.id in relevances for each in kept)
        if below:
            note = "; ".join(filter(None, (f"{below} more below the threshold", stage.note)))
            stage = replace(stage, count=len(kept), note=note)
        stages = (*found.stages, stage)
        nearest = () if kept else tuple(found.documents[:top_k])
        return replace(
            found, documents=kept, stages=stages, relevances=relevances, irrelevant=nearest
        )


def rank_found(
    rankers: Mapping[str, Ranker],
    query: Query,
    found: Retrieved,
    *,
    deadline: float | None,
    early: bool,
) -> Retrieved:
    """Return passages in the order of the ranker that serves a question, at least one of them."""
    ranker = serving(rankers, query.as_read.language) or serving(rankers, "")
    assert ranker is not None  # noqa: S101 - a depth above 0 says so
    output = ranker.run(query.as_read.text, found.documents, deadline, early)
    rankings = {**found.rankings, "ranked": output["ranked"]}
    stages = (*found.stages, output["stage"])
    return replace(found, documents=output["documents"], rankings=rankings, stages=stages)


def _whole(retrieve: Callable[[], Retrieved]) -> Retrieved:
    """Retrieve from one generation; try again if another one replaces it meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            return retrieve()
        except StaleError:
            if attempt == ATTEMPTS - 1:
                raise
        except FilterError as error:
            raise QuestionError(f"the filter cannot be used: {error}") from error
    raise AssertionError("the last attempt returns or raises")


def _check_answered(outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise the error that kept the retrievers from answering, if none of them did."""
    errors = [outputs[name]["error"] for name in ("bm25", "dense") if name in outputs]
    if all(errors):
        raise errors[0]
