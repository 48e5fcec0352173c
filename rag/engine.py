"""The engine: questions to one collection, by search, ask and stream.

`RAG.ask` is the flow of a question from top to bottom: query, retrieval, ranking, reading, answer.
Each step is a component of `rag.pipelines`; here a Haystack `Document` becomes a `Passage`. One
`RAG` may be shared between threads.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from haystack import Document
from haystack.errors import FilterError

from rag.answers.drafting import DraftInputs, Timer, draft
from rag.answers.generators import Generator
from rag.clock import Stopwatch
from rag.config import Config
from rag.errors import QuestionError, StaleError
from rag.models.embedder import Embedder
from rag.models.selection import Roles, serving
from rag.pipelines import build_components
from rag.reading.evidence import Evidence
from rag.retrieval.copies import count_copies, identity_of
from rag.retrieval.filter_checks import check_filter_fields
from rag.retrieval.passages import as_passage, stage_scores
from rag.retrieval.query import Query, build_query
from rag.retrieval.question_checks import check_embedder, check_question
from rag.retrieval.ranking_depth import ranking_depth
from rag.schema import (
    AS_CONFIGURED,
    Answer,
    Method,
    Passage,
    SearchOptions,
    SearchResult,
    Stage,
    Trace,
    Turn,
)
from rag.stores.contract import Store
from rag.stores.filters import Filter, join_filters

BeforeStep = Callable[[], None]  # called before each step of a question; may raise to end it
ATTEMPTS = 3  # a generation may be replaced while it is read


@dataclass(frozen=True)
class Token:
    """A piece of a written answer as it arrives; the finished `Answer` is checked and cited."""

    text: str


@dataclass(frozen=True)
class Sources:
    """The passages on which an answer will be based, known before it."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class _Retrieved:
    """Result of a search as Haystack documents: all of them, and those of each stage."""

    documents: list[Document]
    rankings: Mapping[str, Sequence[Document]]
    stages: tuple[Stage, ...]
    generation: int
    copies: Mapping[str, int]  # passage id -> number of others that read the same

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        scores, copies = stage_scores(self.rankings), self.copies
        return tuple(
            as_passage(rank, each, scores[identity_of(each)], copies=copies.get(each.id, 0))
            for rank, each in enumerate(self.documents, 1)
        )


class RAG:
    """A collection that answers questions.

    Args:
        config: Methods, weights and limits.
        store: The collection.
        embedder: The embedder it was made with; None only for the method bm25.
        generator: Writes answers from the passages; None quotes them.
        filters: Restriction of every question, besides the question's own filters.
        roles: Models of ranker and reader; without any, nothing is ranked.

    Raises:
        MismatchError: If the collection was made with another embedder.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        embedder: Embedder | None,
        generator: Generator | None = None,
        filters: Filter | None = None,
        collection: str = "default",
        roles: Roles = Roles(),  # noqa: B008 - frozen
    ) -> None:
        self.config, self.store, self.collection = config, store, collection
        self.embedder, self.generator, self.filters = embedder, generator, filters
        self.roles = roles
        check_embedder(store, embedder, collection)
        self.components = build_components(config, store, embedder, roles)

    def warm_up(self) -> None:
        """Load the models now instead of at the first question."""
        if self.embedder is not None:
            self.embedder.warm_up()
        self.roles.warm_up()
        if self.generator is not None:
            self.generator.warm_up()

    def search(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        before_step: BeforeStep = lambda: None,
    ) -> SearchResult:
        """Return the passages for a question, best first.

        Args:
            question: Question or keywords.
            options: Method, number of passages, filters, ranking.
            before_step: Called before each step; what it raises ends the search.

        Raises:
            QuestionError: If the question is empty or too long, or `top_k` or the filter invalid.
        """
        watch, query = Stopwatch(), build_query(question)
        found = self._find(query, options, before_step)
        return self._result(query, found, found.stages, watch)

    def search_and_read(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        before_step: BeforeStep = lambda: None,
    ) -> tuple[SearchResult, list[Evidence]]:
        """Return the result of `search`, and sentences that may answer the question, best first."""
        watch = Stopwatch()
        query = build_query(question)
        found = self._find(query, options, before_step)
        before_step()
        evidence, read = self._evidence(query, found, Timer(None))
        return self._result(query, found, (*found.stages, read), watch), evidence

    def ask(  # noqa: PLR0913 - options and callbacks
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        history: Sequence[Turn] = (),
        budget: float | None = None,
        write: bool = True,
        on_found: Callable[[tuple[Passage, ...]], None] | None = None,
        on_token: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        before_step: BeforeStep = lambda: None,
    ) -> Answer:
        """Return an answer with its citations, or with the reason why there is none.

        Args:
            question: The question.
            options: The way passages are found for the answer.
            history: The exchanges before it, oldest first.
            budget: Seconds; when they run short the generator is dropped, then the ranker, then
                the reader's use of the embedder, and the answer says so.
            write: False quotes the evidence even where a generator is configured.
            on_found: Called once with the passages, before they are read.
            on_token: Called with each piece of a written answer, in this thread.
            stop: When set, a written answer ends where it is.
            before_step: See `search`.

        Raises:
            QuestionError: See `search`.
        """
        timer = Timer(budget)
        query = build_query(question, history, asks=True)
        generator = self.generator if write else None
        found = self._find(
            query, options, before_step, deadline=timer.deadline, early=generator is None
        )
        if on_found is not None:
            on_found(found.passages)
        before_step()
        evidence, read = self._evidence(query, found, timer)
        before_step()
        inputs = DraftInputs(query.question, found.passages, evidence)
        made = draft(inputs, self.config, generator, timer=timer, on_token=on_token, stop=stop)
        stages = (*query.stages, *found.stages, read, *made.stages)
        return Answer(
            question=query.question,
            answer=made.cited.text,
            abstained=made.abstained,
            reason=made.reason,
            confidence=round(made.confidence, 4),
            citations=tuple(made.cited.citations),
            passages=found.passages,
            trace=Trace(stages, round(timer.ms, 3)),
            collection=self.collection,
            generation=found.generation,
            short=made.cited.short,
        )

    def stream(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        **arguments: Any,  # noqa: ANN401
    ) -> Iterator[Sources | Token | Answer]:
        """Yield the passages, the pieces of a written answer as they arrive, and the answer.

        Leaving the iterator early stops the generator.

        Args:
            question: The question.
            options: The way passages are found for the answer.
            **arguments: The other arguments of `ask`, but for `on_found` and `on_token`.
        """
        pieces: queue.Queue[Sources | Token | Answer | BaseException] = queue.Queue()
        stop = arguments.pop("stop", None) or threading.Event()

        def work() -> None:
            try:
                answer = self.ask(
                    question,
                    options,
                    on_found=lambda passages: pieces.put(Sources(passages)),
                    on_token=lambda text: pieces.put(Token(text)),
                    stop=stop,
                    **arguments,
                )
                pieces.put(answer)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                pieces.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            while not isinstance(piece := pieces.get(), Answer):
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
            yield piece
        finally:
            stop.set()

    def check_filter(self, filters: Filter | None) -> None:
        """Check a filter that is meant for many questions.

        Raises:
            UnknownFieldError: If it names a field that no passage has.
        """
        check_filter_fields(self.store, filters)

    # -- internals

    def _result(
        self, query: Query, found: _Retrieved, stages: tuple[Stage, ...], watch: Stopwatch
    ) -> SearchResult:
        trace = Trace(stages, round(watch.ms, 3))
        facts = (query.question, self.collection, found.generation)
        return SearchResult(*facts, found.passages, trace)

    def _find(
        self,
        query: Query,
        options: SearchOptions,
        before_step: BeforeStep,
        *,
        deadline: float | None = None,
        early: bool = False,
    ) -> _Retrieved:
        """Retrieve passages, and rank them where that is wanted and pays."""
        method = options.method or self.config.retrieval.method
        top_k = self.config.retrieval.top_k if options.top_k is None else options.top_k
        check_question(query, self.config, method, top_k, methods=self.components.methods)
        filters = join_filters(self.filters, options.filters)
        depth, note = ranking_depth(query, self.config, self.roles, options.rank)
        retrieve = partial(self._retrieve, query, method, max(top_k, depth), filters, before_step)
        found = _whole(retrieve)
        if depth:
            before_step()
            found = self._rank(query, found, deadline=deadline, early=early)
        elif note:
            found = replace(found, stages=(*found.stages, Stage("ranked", 0.0, None, note)))
        return replace(found, documents=found.documents[:top_k])

    def _retrieve(
        self,
        query: Query,
        method: Method,
        top_k: int,
        filters: Filter | None,
        before_step: BeforeStep,
    ) -> _Retrieved:
        parts, generation = self.components, self.store.generation
        noted = check_filter_fields(self.store, filters, generation)
        count = max(self.config.retrieval.candidates, top_k) if method == "hybrid" else top_k
        outputs: dict[str, dict[str, Any]] = {}
        if method != "dense":
            before_step()
            outputs["bm25"] = parts.bm25.run(query.text, filters, count, generation)
        if parts.embed and parts.dense and method != "bm25":
            before_step()
            outputs["embed"] = parts.embed.run(query.text)
            before_step()
            vector = outputs["embed"]["embedding"]
            outputs["dense"] = parts.dense.run(vector, filters, count, generation)
        _check_answered(outputs)
        if method == "hybrid":
            weights, note = self._weights(query)
            rankings = {name: outputs[name]["documents"] for name in ("bm25", "dense")}
            outputs["fused"] = parts.fused.run(**rankings, weights=weights, top_k=top_k, note=note)
        last = "fused" if method == "hybrid" else method
        documents = outputs[last]["documents"][:top_k]
        copies, stages = count_copies(self.store, documents, filters, generation)
        return _Retrieved(
            documents,
            {name: each["documents"] for name, each in outputs.items() if name != "embed"},
            (*noted, *(each["stage"] for each in outputs.values()), *stages),
            generation,
            copies,
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

    def _rank(
        self, query: Query, found: _Retrieved, *, deadline: float | None, early: bool
    ) -> _Retrieved:
        rankers = self.components.rankers
        ranker = serving(rankers, query.language) or serving(rankers, "")
        assert ranker is not None  # noqa: S101 - a depth above 0 says so
        output = ranker.run(query.text, found.documents, deadline, early)
        rankings = {**found.rankings, "ranked": output["ranked"]}
        stages = (*found.stages, output["stage"])
        return replace(found, documents=output["documents"], rankings=rankings, stages=stages)

    def _evidence(
        self, query: Query, found: _Retrieved, timer: Timer
    ) -> tuple[list[Evidence], Stage]:
        """Read the passages: by spans where a reader serves the language, else by sentences."""
        readers, documents = self.components.span_readers, found.documents
        reader = serving(readers, query.language)
        if reader is not None:
            output = reader.run(query.text, documents, timer.deadline)
            if output["evidence"] is not None:
                return output["evidence"], output["stage"]
        serves = self.embedder is not None and self.embedder.serves(query.language)
        is_over = timer.is_over
        similarity = serves and not is_over
        output = self.components.sentence_reader.run(query.text, documents, similarity)
        stage: Stage = output["stage"]
        if (serves or reader) and is_over:
            stage = replace(stage, note="by words alone: the budget was used up")
        elif readers:
            served = ", ".join(readers)
            note = f"question in `{query.language}`, reader serves `{served}`: by sentences"
            stage = replace(stage, note=note)
        return output["evidence"], stage


def _whole(retrieve: Callable[[], _Retrieved]) -> _Retrieved:
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
