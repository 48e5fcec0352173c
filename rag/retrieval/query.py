"""A question on its way to the retrievers: readable, completed from the conversation, analysed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.language.analysis import language_of, tokens
from rag.retrieval.follow_ups import standalone
from rag.schema import Turn


@dataclass(frozen=True)
class Query:
    """A question and the text to retrieve with; made once for each question.

    Attributes:
        question: The question as it was asked.
        text: The question, with words of the questions before it if it leans on them.
        carried_over: Those words, as a note for the trace; None if there are none.
        asks: Whether it is a question in any case; otherwise it may be keywords or a statement.
    """

    question: str
    text: str
    carried_over: str | None = None
    asks: bool = False

    @cached_property
    def language(self) -> str:
        """Language of the text, such as `en`; "" if unknown."""
        return language_of(self.text)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Tokens of the text, as bm25 sees them."""
        return tuple(tokens(self.text))


def build_query(question: str, history: Sequence[Turn] = (), *, asks: bool = False) -> Query:
    """Return the query for a question.

    Args:
        question: As a person typed it; halves of surrogate pairs, which no tokenizer takes, are
            replaced.
        history: The exchanges before it, oldest first.
        asks: See `Query`.
    """
    readable = question.encode("utf-8", "replace").decode("utf-8")
    text, note = standalone(readable, history)
    return Query(readable, text, note, asks)
