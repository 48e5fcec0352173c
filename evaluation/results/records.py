"""The result of one question; for conventions see `evaluation.results.schema`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SpanAt:
    """A span of a document, which is identified by its id in the collection."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class RankedItem:
    """One rank: `item` is the judged unit (document or evidence id, else the passage's own id).

    `grade` is its grade, None if it is not judged; `score` is that of the last stage; `relevance`
    the passage's probability to bear on the question, None if it is unknown.
    """

    item: str
    passage_id: str
    score: float
    grade: int | None = None
    relevance: float | None = None


@dataclass(frozen=True)
class CitationMade:
    """A citation of an answer; `right` is whether it overlaps gold (None: no gold is known)."""

    n: int
    document_id: str
    source: str
    start: int
    end: int
    quote: str
    right: bool | None


@dataclass(frozen=True)
class ShownPassage:
    """A retrieved passage, kept for the worst questions.

    Attributes:
        rank: Rank, from 1.
        passage_id: Id of the passage.
        document_id: Id of its document.
        source: Source of the document, as shown to people.
        title: Title of the document.
        text: Text of the passage.
        gold: Spans of gold evidence, as (start, end) in `text`.
        cited: Spans that the answer cites, likewise.
        stages: Stage -> (rank, score) in that stage.
    """

    rank: int
    passage_id: str
    document_id: str
    source: str
    title: str
    text: str
    gold: tuple[tuple[int, int], ...] = ()
    cited: tuple[tuple[int, int], ...] = ()
    stages: Mapping[str, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class QueryResult:
    """The result of one question under one system.

    Attributes:
        question_id: Id of the question.
        question: Text of the question.
        cluster: Document or article it shares with other questions.
        slices: Slice name -> value.
        golds: Gold answers; empty if unanswerable or unknown.
        gold_spans: Spans of the gold evidence in the collection.
        answerable: Whether the documents answer it.
        ranking: The first 20 ranks.
        first_relevant: Rank of the first relevant item, None if there is none.
        metrics: Metric -> value; those that do not apply are missing.
        answer: The answer with its markers; empty if it abstained; None in a run without answers.
        best_answer: The answer it would give without abstaining; as `answer` if it did not.
        abstained: Whether it abstained; None in a run without answers.
        confidence: Probability of being right, from 0 to 1; None in a run without answers.
        right: Whether `best_answer` is right: it contains a gold answer (for a generator: after
            normalisation); None in a run without answers.
        citations: Citations of `answer`.
        reached: Last stage of the funnel that it passed, an empty string if none.
        cause: Cause of failure: `error`, `not in collection`, `not retrieved`, `ranked low`,
            `declined`, `wrong answer`, `wrong citation`, `answered unanswerable`; None if all
            is right.
        error: Error message, or None.
        passages: Passages that the system was shown, for the worst questions only.
    """

    question_id: str
    question: str
    cluster: str
    slices: Mapping[str, str]
    golds: tuple[str, ...]
    gold_spans: tuple[SpanAt, ...]
    answerable: bool
    ranking: tuple[RankedItem, ...]
    first_relevant: int | None
    metrics: Mapping[str, float]
    answer: str | None = None
    best_answer: str | None = None
    abstained: bool | None = None
    confidence: float | None = None
    right: bool | None = None
    citations: tuple[CitationMade, ...] = ()
    reached: str = ""
    cause: str | None = None
    error: str | None = None
    passages: tuple[ShownPassage, ...] = ()
