"""The engine: questions to one collection, by search and ask.

`RAG.ask` is the flow of a question from top to bottom: query, retrieval, ranking, reading, answer.
Each step is a component of `rag.pipelines`; here a Haystack `Document` becomes a `Passage`. One
`RAG` may be shared between threads.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.answers.citations import CitedText
from rag.answers.drafting import DraftInputs, Timer, draft
from rag.answers.generators import Generator
from rag.answers.overview import overview
from rag.clock import Stopwatch
from rag.config import Config
from rag.language.question_rules import QuestionType
from rag.language.question_types import checked_type, question_type
from rag.language.small_talk import small_talk
from rag.models.embedder import Embedder
from rag.models.selection import Roles, serving
from rag.pipelines import build_components
from rag.reading.choice import UnitChoice, choose
from rag.reading.evidence import Evidence
from rag.reading.requirements import requirements_of
from rag.reading.surroundings import read_surroundings
from rag.reading.unit_choice import AskedQuestion
from rag.retrieval.filter_checks import check_filter_fields
from rag.retrieval.query import Query
from rag.retrieval.question_checks import check_embedder
from rag.retrieval.question_parts import about_collection, split_question
from rag.retrieval.word_weights import word_weights
from rag.schema import (
    AS_CONFIGURED,
    Answer,
    Citation,
    Passage,
    SearchOptions,
    SearchResult,
    Stage,
    Trace,
    Turn,
)
from rag.search import BeforeStep, PassageSearch, QuestionSearch, Retrieved
from rag.stores.contract import Store
from rag.stores.filters import Filter


class RAG:
    """A collection that answers questions.

    Args:
        config: Methods, weights and limits.
        store: The collection.
        embedder: The embedder it was made with; None only for the method bm25.
        generator: Writes answers from the passages; None quotes them.
        filters: Restriction of every question, besides the question's own filters.
        roles: Models of ranker and reader; without any, nothing is ranked.
        search: Search in place of that of the store; see `rag.federation`.

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
        search: QuestionSearch | None = None,
    ) -> None:
        self.config, self.store, self.collection = config, store, collection
        self.embedder, self.generator, self.filters = embedder, generator, filters
        self.roles = roles
        check_embedder(store, embedder, collection)
        self.components = build_components(config, store, embedder, roles)
        self.searcher: QuestionSearch = search or PassageSearch(
            config,
            store,
            self.components,
            embedder=embedder,
            roles=roles,
            filters=filters,
            collection=collection,
        )

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
        watch, query = Stopwatch(), self.searcher.query(question)
        found = self.searcher.find(query, options, before_step)
        return self._result(query, found, found.stages, watch)

    def search_and_read(
        self,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        before_step: BeforeStep = lambda: None,
    ) -> tuple[SearchResult, dict[int, Evidence]]:
        """Return the result of `search`, and rank of a passage -> its sentence that answers."""
        watch = Stopwatch()
        query = self.searcher.query(question)
        found = self.searcher.find(query, options, before_step)
        before_step()
        evidence, read = self._evidence(query, found, Timer(None))
        result = self._result(query, found, (*found.stages, read), watch)
        best = {each.passage_id: each for each in reversed(evidence)}
        ranks = {each.passage_id: each.rank for each in result.results}
        return result, {ranks[passage_id]: each for passage_id, each in best.items()}

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
            QuestionError: See `search`; or if there is no type of question as in `options`.
        """
        timer, kind = Timer(budget), checked_type(options.kind)
        reply = None if kind else self._without_search(question, timer)
        if reply is not None:
            return reply
        query = self.searcher.query(question, history, asks=True)
        generator = self.generator if write else None
        found = self.searcher.find(
            query, options, before_step, deadline=timer.deadline, early=generator is None
        )
        if on_found is not None:
            on_found(found.passages)
        before_step()
        alone, split = bool(self.filters or options.filters), generator is None
        choices, read = self._choices(query, found, timer, kind, alone=alone, split=split)
        before_step()
        inputs = DraftInputs(query.as_written, found.passages, choices, found.nearest)
        made = draft(inputs, self.config, generator, timer=timer, on_token=on_token, stop=stop)
        stages = (*query.stages, *found.stages, *read, *made.stages)
        return Answer(
            question=query.question,
            answer=made.cited.text,
            abstained=made.abstained,
            reason=made.reason,
            confidence=round(made.confidence, 4),
            citations=_with_collections(made.cited.citations, found.passages),
            passages=found.nearest,
            trace=Trace(stages, round(timer.ms, 3)),
            collection=self.collection,
            generation=found.generation,
            short=made.cited.short,
            kind=choices[0].question.kind,
            blocks=tuple(made.cited.blocks),
            missing=made.missing,
        )

    def check_filter(self, filters: Filter | None) -> None:
        """Check a filter that is meant for many questions.

        Raises:
            UnknownFieldError: If it names a field that no passage has.
        """
        check_filter_fields(self.store, filters)

    # -- internals

    def _result(
        self, query: Query, found: Retrieved, stages: tuple[Stage, ...], watch: Stopwatch
    ) -> SearchResult:
        trace = Trace((*query.stages, *stages), round(watch.ms, 3))
        facts = (query.question, self.collection, found.generation)
        return SearchResult(*facts, found.passages, trace, query.gist or None)

    def _evidence(
        self, query: Query, found: Retrieved, timer: Timer
    ) -> tuple[list[Evidence], Stage]:
        """Read the passages: by spans where a reader serves the language, else by sentences."""
        query = query.as_read
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

    def _choices(
        self,
        query: Query,
        found: Retrieved,
        timer: Timer,
        kind: QuestionType | None,
        *,
        alone: bool,
        split: bool,
    ) -> tuple[list[UnitChoice], list[Stage]]:
        """Return for each question in a query the units that may be quoted.

        Args:
            query: One question or several, such as "What is it and how do I install it?".
            found: The passages found.
            timer: The budget.
            kind: Type of each question; None takes what its form tells.
            alone: Whether nothing around the passages may be quoted.
            split: Whether several questions are read one by one.
        """
        asked = query.as_read
        parts = split_question(asked.text) if split else (asked.text,)
        around = read_surroundings(self.store, found.documents, found.generation, alone=alone)
        choices, stages = [], []
        for part in parts:
            one = asked if len(parts) == 1 else replace(query, question=part, text=part, gist="")
            evidence, stage = self._evidence(one, found, timer)
            weights, _ = word_weights(self.store, one.as_read.tokens)
            question = AskedQuestion(one.as_read.text, kind or question_type(part), weights)
            required = requirements_of(one.as_read.text, self.store)
            choices.append(choose(question, required, around, evidence))
            stages.append(stage)
        return choices, stages

    def _without_search(self, question: str, timer: Timer) -> Answer | None:
        """Return the answer to small talk or about the collection; None for any other question."""
        reply = small_talk(question)
        if reply is not None:
            return self._reply(question, CitedText(reply), (), Stage("small talk", 0.0), timer)
        if not about_collection(question):
            return None
        cited, passages = overview(question, self.store)
        stage = Stage("overview", round(timer.ms, 3), len(passages))
        # Without documents, where somebody wrote passages alone, the question is searched.
        return self._reply(question, cited, passages, stage, timer) if passages else None

    def _reply(
        self,
        question: str,
        cited: CitedText,
        passages: tuple[Passage, ...],
        stage: Stage,
        timer: Timer,
    ) -> Answer:
        """Return an answer for which nothing is searched."""
        return Answer(
            question=question,
            answer=cited.text,
            abstained=False,
            reason=None,
            confidence=1.0,
            citations=_with_collections(cited.citations, passages),
            passages=passages,
            trace=Trace((stage,), round(timer.ms, 3)),
            collection=self.collection,
            generation=self.store.generation,
            blocks=tuple(cited.blocks),
        )


def _with_collections(
    citations: Sequence[Citation], passages: Sequence[Passage]
) -> tuple[Citation, ...]:
    """Return citations with the names of their collections."""
    names = {passage.document_id: passage.collection for passage in passages}
    return tuple(replace(each, collection=names[each.document_id]) for each in citations)
