"""One question asked of one system: ranking, answer, metrics, and cause of failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evaluation.datasets.schema import JudgedQuestion
from evaluation.results.records import QueryResult, RankedItem, ShownPassage
from evaluation.run import scoring
from evaluation.run.caches import QuestionCache
from evaluation.run.relevance import Judgement, rank_items
from evaluation.run.systems import System
from rag.errors import RagError
from rag.schema import Answer, Passage, SearchOptions, SearchResult

if TYPE_CHECKING:
    from rag.engine import RAG

SHOWN_RANKS = 20  # ranks kept in results.json; run.*.trec has all
DIGITS = 6  # decimals of a confidence


@dataclass(frozen=True)
class QuestionTask:
    """A question with its judgement and slices, before a system is asked.

    Attributes:
        question: The question.
        judgement: Relevant items in the collection.
        slices: Slice name -> value.
    """

    question: JudgedQuestion
    judgement: Judgement
    slices: Mapping[str, str]


@dataclass(frozen=True)
class SystemUnderTest:
    """A system that is ready for questions.

    Attributes:
        system: Name and configuration.
        rag: The engine; it answers even where the system would abstain, if `is_forced`.
        shared: Cache shared by all systems.
        is_forced: Whether abstaining is decided here, from the confidence, so that the answer it
            would have given is known as well.
        answers: Whether the run has answers.
    """

    system: System
    rag: "RAG"
    shared: QuestionCache
    is_forced: bool
    answers: bool

    @property
    def depth(self) -> int:
        """Number of passages to retrieve for the metrics."""
        retrieval = self.system.config.retrieval
        return max(retrieval.candidates, retrieval.top_k)

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of the funnel."""
        top_k = self.system.config.retrieval.top_k
        found = (f"retrieved@{self.depth}", f"in the prompt (top {top_k})")
        return (*found, "answered", "gold in answer", "cited right") if self.answers else found


@dataclass(frozen=True)
class FinishedQuestion:
    """A finished question.

    Attributes:
        result: Its result, for results.json.
        ranking: The whole ranking.
        ms: Stage -> milliseconds, `total` included.
    """

    result: QueryResult
    ranking: tuple[RankedItem, ...]
    ms: Mapping[str, float]


def ask(task: QuestionTask, under_test: SystemUnderTest) -> FinishedQuestion:
    """Return a question's result under a system; an error is recorded and counts as 0."""
    under_test.shared.next_system()
    asked: Answer | None = None
    words, filters = task.question.question, task.question.filters
    try:
        if under_test.answers:
            asked = under_test.rag.ask(words, SearchOptions(filters=_plain(filters)))
        ms = _milliseconds(asked, under_test.shared.saved) if asked else {}
        under_test.shared.next_system()
        options = SearchOptions(top_k=under_test.depth, filters=_plain(filters))
        found = under_test.rag.search(words, options)
    except (RagError, RuntimeError, ValueError) as error:
        return _failed(task, under_test, f"{type(error).__name__}: {error}")
    ranking = tuple(rank_items(found.results, task.judgement))
    result = _result(task, under_test, found.results, ranking)
    if asked is not None:
        result = _with_answer(result, task, under_test, asked)
    result = _with_fate(result, task, under_test, found.results)
    return FinishedQuestion(result, ranking, ms or _milliseconds(found, under_test.shared.saved))


def show_passages(
    task: QuestionTask, under_test: SystemUnderTest, result: QueryResult
) -> QueryResult:
    """Return a result with its retrieved passages, gold and citations marked."""
    top_k = max(under_test.system.config.retrieval.top_k, 5)
    try:
        options = SearchOptions(top_k=top_k, filters=_plain(task.question.filters))
        found = under_test.rag.search(task.question.question, options)
    except (RagError, RuntimeError, ValueError):
        return result
    cited = [(each.document_id, each.start, each.end) for each in result.citations]
    gold = [(each.document_id, each.start, each.end) for each in task.judgement.spans]
    shown = tuple(
        ShownPassage(
            rank=each.rank,
            passage_id=each.passage_id,
            document_id=each.document_id,
            source=each.source,
            title=each.title,
            text=each.text,
            gold=_inside(each, gold),
            cited=_inside(each, cited),
            stages={name: (at.rank, round(at.score, 6)) for name, at in each.stages.items()},
        )
        for each in found.results
    )
    return replace(result, passages=shown)


def _result(
    task: QuestionTask,
    under_test: SystemUnderTest,
    passages: Sequence[Passage],
    ranking: Sequence[RankedItem],
) -> QueryResult:
    question, judgement = task.question, task.judgement
    relevant = [place for place, each in enumerate(ranking, start=1) if (each.grade or 0) > 0]
    return QueryResult(
        question_id=question.question_id,
        question=question.question,
        cluster=question.cluster or question.question_id,
        slices=task.slices,
        golds=question.answers,
        gold_spans=judgement.spans,
        answerable=question.is_answerable,
        ranking=tuple(ranking[:SHOWN_RANKS]),
        first_relevant=relevant[0] if relevant else None,
        metrics=scoring.retrieval_metrics(ranking, judgement),
    )


def _with_answer(
    result: QueryResult, task: QuestionTask, under_test: SystemUnderTest, asked: Answer
) -> QueryResult:
    threshold = under_test.system.config.abstention.threshold
    abstained = asked.abstained or (under_test.is_forced and asked.confidence < threshold)
    citations = () if abstained else scoring.made_citations(asked.citations, task.judgement)
    answer = "" if abstained else asked.answer
    exact = _exact_words(asked)
    short = None if abstained else exact
    metrics = {
        **result.metrics,
        **scoring.answer_metrics(task.question, answer, abstained=abstained, short=short),
        **scoring.citation_metrics(citations, task.judgement, abstained=abstained),
        **scoring.support_metrics(asked, abstained=abstained),
    }
    return replace(
        result,
        metrics=metrics,
        answer=answer,
        best_answer=exact or asked.answer,
        abstained=abstained,
        confidence=round(asked.confidence, DIGITS),
        right=task.question.is_answerable and scoring.holds_gold(asked.answer, task.question),
        citations=citations,
    )


def _exact_words(asked: Answer) -> str | None:
    """Return the exact words that answer, on one line; None if the reader finds only sentences.

    They are measured for questions of every type, though people are shown them only above facts.
    """
    for each in asked.citations if asked.blocks and not asked.short else ():
        if each.answer_start is not None and each.answer_end is not None:
            words = each.quote[each.answer_start - each.start : each.answer_end - each.start]
            return " ".join(words.split())
    return asked.short


def _with_fate(
    result: QueryResult,
    task: QuestionTask,
    under_test: SystemUnderTest,
    passages: Sequence[Passage],
) -> QueryResult:
    """Return a result with the last stage reached and the cause of failure."""
    if not task.question.is_answerable:
        wrong = result.abstained is False
        return replace(result, cause="answered unanswerable" if wrong else None)
    if not task.judgement.grades:
        missed = "wrong answer" if result.right is False else None
        return replace(result, cause="declined" if result.abstained else missed)
    top = passages[: under_test.system.config.retrieval.top_k]
    in_prompt = any(task.judgement.finds(each.document_id, each.start, each.end) for each in top)
    passed = [result.first_relevant is not None, in_prompt]
    if under_test.answers:
        passed += [
            not result.abstained,
            bool(result.right) or not task.question.answers,
            any(each.right for each in result.citations),
        ]
    until = passed.index(False) if False in passed else len(passed)
    causes = ("not retrieved", "ranked low", "declined", "wrong answer", "wrong citation")
    cause = causes[until] if until < len(passed) else None
    if until == 0 and not task.judgement.by_document and not task.judgement.spans:
        cause = "not in collection"
    return replace(result, reached=under_test.stages[until - 1] if until else "", cause=cause)


def _failed(task: QuestionTask, under_test: SystemUnderTest, message: str) -> FinishedQuestion:
    result = replace(
        _result(task, under_test, (), ()),
        metrics=scoring.failed_metrics(task.question, task.judgement, asked=under_test.answers),
        cause="error",
        error=message,
    )
    if under_test.answers:
        result = replace(
            result, answer="", best_answer="", abstained=False, confidence=0.0, right=False
        )
    return FinishedQuestion(result, (), {})


def _milliseconds(made: Answer | SearchResult, saved: Mapping[str, float]) -> dict[str, float]:
    """Return stage -> milliseconds, the time saved by the cache included."""
    found = {stage.name: stage.ms + saved.get(stage.name, 0.0) for stage in made.trace.stages}
    found["total"] = made.trace.total_ms + sum(saved.values())
    return {name: round(ms, 3) for name, ms in found.items()}


def _inside(passage: Passage, spans: Sequence[tuple[str, int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the parts of spans within a passage, as offsets into it."""
    return tuple(
        (max(start, passage.start) - passage.start, min(end, passage.end) - passage.start)
        for document_id, start, end in spans
        if document_id == passage.document_id and start < passage.end and passage.start < end
    )


def _plain(filters: Mapping[str, object] | None) -> dict[str, object] | None:
    return None if filters is None else dict(filters)
