"""The engine: questions to one collection, by search, ask and stream.

The only module that knows the pipelines' socket names and converts a Haystack `Document` to a
`Passage`. One `RAG` may be shared between threads.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from haystack import Document
from haystack.core.errors import PipelineRuntimeError
from haystack.errors import FilterError

from rag.answers.drafting import DraftInputs, Timer, draft
from rag.answers.generators import Generator
from rag.clock import Stopwatch
from rag.config import Config, Method
from rag.errors import QuestionError, RagError, StaleError
from rag.language.analysis import language_of
from rag.models.embedder import Embedder
from rag.models.selection import Roles, serving
from rag.pipelines import build_ranks, build_read, build_search, build_spans
from rag.reading.evidence import Evidence
from rag.retrieval.follow_ups import standalone
from rag.retrieval.passages import as_passage, stage_scores
from rag.retrieval.question_checks import check_embedder, check_question
from rag.retrieval.ranking_depth import is_ranked
from rag.schema import Answer, Passage, SearchResult, Stage, Trace, Turn
from rag.stores.contract import Store
from rag.stores.filters import Filter, join_filters

Result = TypeVar("Result")
NONE: Mapping[str, Any] = {}
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

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        scores = stage_scores(self.rankings)
        return tuple(
            as_passage(rank, each, scores[each.id]) for rank, each in enumerate(self.documents, 1)
        )


@dataclass(frozen=True)
class _Wanted:
    """Search options of one call; None takes the configured value."""

    method: Method | None
    top_k: int | None
    filters: Filter | None
    rank: bool | None
    asks: bool = False


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
        self.roles, self._ranks = roles, build_ranks(config, roles)
        check_embedder(store, embedder, collection)
        self._read, self._spans = build_read(store, embedder), build_spans(config, roles)
        self._search = {
            method: build_search(config, store, embedder, method)
            for method in ("bm25", "dense", "hybrid")
            if method == "bm25" or embedder is not None
        }

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
        *,
        method: Method | None = None,
        top_k: int | None = None,
        filters: Filter | None = None,
        rank: bool | None = None,
    ) -> SearchResult:
        """Return the passages for a question, best first.

        Args:
            question: Question or keywords.
            method: `bm25`, `dense` or `hybrid`; None is the configured one.
            top_k: Maximum number of passages, from 1 to 1000; None is the configured number.
            filters: Only passages that match.
            rank: Whether to rank the passages; None does so if a ranker is configured, serves the
                question's language and suits its kind: see `rag.retrieval.ranking_depth`.

        Raises:
            QuestionError: If the question is empty or too long, or `top_k` or the filter invalid.
        """
        watch = Stopwatch()
        question = _readable(question)
        wanted = _Wanted(method, top_k, filters, rank)
        found = self._find(question, question, wanted)
        return self._result(question, found, found.stages, watch)

    def search_and_read(
        self,
        question: str,
        *,
        method: Method | None = None,
        top_k: int | None = None,
        filters: Filter | None = None,
        rank: bool | None = None,
    ) -> tuple[SearchResult, list[Evidence]]:
        """Return the passages for a question, and their sentences that may answer it, best first.

        Arguments and errors are those of `search`.
        """
        watch = Stopwatch()
        question = _readable(question)
        wanted = _Wanted(method, top_k, filters, rank)
        found = self._find(question, question, wanted)
        evidence, read = self._evidence(question, found, Timer(None))
        return self._result(question, found, (*found.stages, read), watch), evidence

    def ask(  # noqa: PLR0913 - all but the question are optional
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        method: Method | None = None,
        top_k: int | None = None,
        filters: Filter | None = None,
        budget: float | None = None,
        rank: bool | None = None,
        write: bool = True,
        on_found: Callable[[tuple[Passage, ...]], None] | None = None,
        on_token: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Return an answer with its citations, or with the reason why there is none.

        Args:
            question: The question.
            history: The earlier exchanges, oldest first.
            method: See `search`.
            top_k: Maximum number of passages for the answer.
            filters: Only passages that match.
            budget: Seconds; when they run short, first the generator is dropped, then the ranker,
                then the reader's use of the embedder, and the answer says so.
            rank: See `search`.
            write: False quotes the evidence even if a generator is configured.
            on_found: Called once with the passages, before they are read.
            on_token: Called with each piece of a written answer, in this thread.
            stop: When set, a written answer ends where it is.

        Raises:
            QuestionError: See `search`.
        """
        timer = Timer(budget)
        question = _readable(question)
        query, note = standalone(question, history)
        wanted = _Wanted(method, top_k, filters, rank, asks=True)
        limits = {"deadline": timer.deadline, "early": self.generator is None or not write}
        found = self._find(question, query, wanted, limits)
        if on_found is not None:
            on_found(found.passages)
        stages = [Stage("rewrite", 0.0, None, note)] if note else []
        stages += found.stages
        evidence, read = self._evidence(query if note else question, found, timer)
        stages.append(read)
        drafts = DraftInputs(question, found.passages, evidence)
        generator = self.generator if write else None
        made = draft(drafts, self.config, generator, timer=timer, on_token=on_token, stop=stop)
        return Answer(
            question=question,
            answer=made.cited.text,
            abstained=made.abstained,
            reason=made.reason,
            confidence=round(made.confidence, 4),
            citations=tuple(made.cited.citations),
            passages=found.passages,
            trace=Trace((*stages, *made.stages), round(timer.ms, 3)),
            collection=self.collection,
            generation=found.generation,
            short=made.cited.short,
        )

    def stream(
        self,
        question: str,
        **options: Any,  # noqa: ANN401
    ) -> Iterator[Sources | Token | Answer]:
        """Yield the passages, the pieces of a written answer as they arrive, and the answer.

        Leaving the iterator early stops the generator.

        Args:
            question: The question.
            **options: Those of `ask`, except `on_found` and `on_token`.
        """
        pieces: queue.Queue[Sources | Token | Answer | BaseException] = queue.Queue()
        stop = options.pop("stop", None) or threading.Event()

        def work() -> None:
            try:
                answer = self.ask(
                    question,
                    on_found=lambda passages: pieces.put(Sources(passages)),
                    on_token=lambda text: pieces.put(Token(text)),
                    stop=stop,
                    **options,
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

    # -- internals

    def _result(
        self, question: str, found: _Retrieved, stages: tuple[Stage, ...], watch: Stopwatch
    ) -> SearchResult:
        trace = Trace(stages, round(watch.ms, 3))
        return SearchResult(question, self.collection, found.generation, found.passages, trace)

    def _find(
        self, question: str, query: str, wanted: _Wanted, limits: Mapping[str, Any] = NONE
    ) -> _Retrieved:
        method = wanted.method or self.config.retrieval.method
        top_k = self.config.retrieval.top_k if wanted.top_k is None else wanted.top_k
        check_question(question, self.config, method, top_k, methods=list(self._search))
        filters = join_filters(self.filters, wanted.filters)
        ranks, note = is_ranked(query, self.config, self.roles, wanted.rank, asks=wanted.asks)
        for attempt in range(ATTEMPTS):
            try:
                found = self._run_search(query, method, max(top_k, ranks), filters)
                break
            except StaleError:
                if attempt == ATTEMPTS - 1:
                    raise
        if ranks:
            found = self._ranked(query, found, limits)
        elif note:
            found = replace(found, stages=(*found.stages, Stage("ranked", 0.0, None, note)))
        return replace(found, documents=found.documents[:top_k])

    def _ranked(self, query: str, found: _Retrieved, limits: Mapping[str, Any]) -> _Retrieved:
        inputs = {"question": query, "documents": found.documents, **limits}
        pipeline = serving(self._ranks, language_of(query)) or serving(self._ranks, "")
        output = _run(pipeline, {"ranked": inputs})["ranked"]
        rankings = {**found.rankings, "ranked": output["ranked"]}
        stages = (*found.stages, output["stage"])
        return _Retrieved(output["documents"], rankings, stages, found.generation)

    def _run_search(
        self, query: str, method: Method, top_k: int, filters: Filter | None
    ) -> _Retrieved:
        generation = self.store.generation
        common = {"filters": filters, "generation": generation}
        if method != "hybrid":
            common["top_k"] = top_k
        else:
            common["top_k"] = max(self.config.retrieval.candidates, top_k)
        inputs: dict[str, dict[str, Any]] = {}
        if method != "dense":
            inputs["bm25"] = {"query": query, **common}
        if method != "bm25":
            inputs |= {"embed": {"text": query}, "dense": common}
        if method == "hybrid":
            weights, note = self._weights(query)
            inputs["fused"] = {"weights": weights, "note": note, "top_k": top_k}
        outputs = _run(self._search[method], inputs)
        _check_answered(outputs)
        names = [name for name in ("bm25", "dense", "fused") if name in outputs]
        order = ("bm25", "embed", "dense", "fused")
        return _Retrieved(
            outputs[names[-1]]["documents"][:top_k],
            {name: outputs[name]["documents"] for name in names},
            tuple(outputs[name]["stage"] for name in order if name in outputs),
            generation,
        )

    def _weights(self, query: str) -> tuple[dict[str, float], str | None]:
        """Return the fusion's weights for a question, and a note if its language changes them."""
        fusion, language = self.config.fusion, language_of(query)
        weights = {"bm25": fusion.bm25, "dense": fusion.dense}
        if self.embedder is None or self.embedder.serves(language):
            return weights, None
        weights["dense"] = fusion.dense_foreign
        serves = ", ".join(self.embedder.languages)
        return weights, f"question in `{language}`, embedder serves `{serves}`: bm25 leads"

    def _evidence(
        self, question: str, found: _Retrieved, timer: Timer
    ) -> tuple[list[Evidence], Stage]:
        language = language_of(question)
        spans = serving(self._spans, language)
        inputs: dict[str, Any] = {"question": question, "documents": found.documents}
        if spans is not None:
            output = _run(spans, {"read": {**inputs, "deadline": timer.deadline}})["read"]
            if output["evidence"] is not None:
                return output["evidence"], output["stage"]
        serves = self.embedder is not None and self.embedder.serves(language)
        is_over = timer.is_over
        inputs["similarity"] = serves and not is_over
        output = _run(self._read, {"read": inputs})["read"]
        stage: Stage = output["stage"]
        if (serves or spans) and is_over:
            stage = replace(stage, note="by words alone: the budget was used up")
        elif self._spans:
            served = ", ".join(self._spans)
            note = f"question in `{language}`, reader serves `{served}`: by sentences"
            stage = replace(stage, note=note)
        return output["evidence"], stage


def _readable(question: str) -> str:
    """Return a question without lone surrogates, which no tokenizer accepts."""
    return question.encode("utf-8", "replace").decode("utf-8")


def _run(pipeline: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Run a pipeline; raise expected errors unwrapped."""
    try:
        outputs: dict[str, Any] = pipeline.run(dict(inputs), include_outputs_from=set(inputs))
    except PipelineRuntimeError as error:
        cause = error.__cause__
        if isinstance(cause, FilterError):
            raise QuestionError(f"the filter cannot be used: {cause}") from error
        if isinstance(cause, RagError):
            raise cause from None
        raise
    return outputs


def _check_answered(outputs: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise the retrievers' error if none of them answered."""
    errors = [outputs[name]["error"] for name in ("bm25", "dense") if name in outputs]
    if all(errors):
        raise errors[0]
