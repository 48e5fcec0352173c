"""The types of questions, and an answer as it was given."""

from dataclasses import dataclass
from typing import Literal

QuestionType = Literal[
    "fact", "definition", "how-to", "why", "comparison", "list", "table", "yes-no", "keywords"
]


@dataclass(frozen=True)
class QuotedPlace:
    """A citation of an answer.

    Attributes:
        source: File that it points into.
        heading: Heading path there, or an empty string.
        quote: The text of the document.
        wording: The quote as people read it.
        before: Text of the document before it.
        behind: Text of the document behind it.
    """

    source: str
    heading: str
    quote: str
    wording: str
    before: str
    behind: str


@dataclass(frozen=True)
class AnswerMade:
    """An answer as it was given, without a verdict.

    Attributes:
        question_id: Id of the question.
        answer: The text with its markers; empty if it abstained.
        short: The short answer, if any.
        abstained: Whether it abstained.
        reason: Reason for abstaining.
        confidence: Probability of being right.
        citations: Its citations, in order.
        passages: Readable texts of the passages that it was based upon.
        ms: Duration in milliseconds.
        error: Error message, or None.
    """

    question_id: str
    answer: str = ""
    short: str | None = None
    abstained: bool = False
    reason: str | None = None
    confidence: float = 0.0
    citations: tuple[QuotedPlace, ...] = ()
    passages: tuple[str, ...] = ()
    ms: float = 0.0
    error: str | None = None
