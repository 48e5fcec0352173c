"""The result of one question; `evaluation.results.schema` names the conventions."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SpanAt:
    """Characters of a document, by the id it has in the collection."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class RankedItem:
    """One rank: `item` is what qrels judge (document or evidence id, else the passage's own id).

    `grade` is its judged grade, None if it is not judged; `score` is the last stage's.
    """

    item: str
    passage_id: str
    score: float
    grade: int | None = None


@dataclass(frozen=True)
class CitationMade:
    """A citation of an answer; `right` says whether it overlaps gold (None: no gold is known)."""

    n: int
    document_id: str
    source: str
    start: int
    end: int
    quote: str
    right: bool | None


@dataclass(frozen=True)
class ShownPassage:
    """A passage as it was retrieved, kept for the worst questions.

    Attributes:
        rank: From 1.
        passage_id: Its id.
        document_id: Its document.
        source: As shown to people.
        title: Of the document.
        text: The passage.
        gold: Spans of gold evidence in `text`, as (start, end) in it.
        cited: Spans that the answer cites, likewise.
        stages: Stage -> (rank, score) there.
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
    """One question under one system.

    Attributes:
        question_id: Its id.
        question: Its words.
        cluster: Document or article it shares with other questions.
        slices: Slice name -> value.
        golds: Gold answers; empty if unanswerable or unknown.
        gold_spans: Where the gold evidence stands in the collection.
        answerable: Whether the documents answer it.
        ranking: The first 20 ranks.
        first_relevant: Rank of the first relevant item, None if there is none.
        metrics: Metric -> value; those that do not apply are missing.
        answer: The answer with its markers; empty if it abstained; None if none was asked for.
        best_answer: The answer it would give without abstaining; as `answer` if it did not.
        abstained: Whether it declined; None if no answer was asked for.
        confidence: Of being right, from 0 to 1; None likewise.
        right: Whether `best_answer` is right: it holds a gold answer (for a generator: after
            normalisation); None if no answer was asked for.
        citations: Of `answer`.
        reached: Last stage of the funnel that it passed, an empty string if none.
        cause: Where it was lost: `error`, `not in collection`, `not retrieved`, `ranked low`,
            `declined`, `wrong answer`, `wrong citation`, `answered unanswerable`; None if all
            is right.
        error: What went wrong, or None.
        passages: What was shown, for the worst questions only.
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
