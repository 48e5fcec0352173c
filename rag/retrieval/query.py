"""A question on its way to the retrievers: readable, completed from the conversation, analysed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rag.language.analysis import language_of
from rag.language.bm25_query import is_long, query_terms
from rag.retrieval.follow_ups import standalone
from rag.schema import Stage, Turn

LONGEST_WRITTEN = 2000  # characters of a question that a generator gets
MOST_TURNS = 50  # exchanges of a conversation that are read, the newest


@dataclass(frozen=True)
class Query:
    """A question and the text to retrieve with; made once for each question.

    Attributes:
        question: The question as it was asked.
        text: The question, with words of the questions before it if it leans on them.
        stages: What was done with the conversation, for the trace.
        asks: Whether it is a question in any case; otherwise it may be keywords or a statement.
        gist: What is read of a long text (`rag.language.long_queries`); "" if all of it is.
    """

    question: str
    text: str
    stages: tuple[Stage, ...] = ()
    asks: bool = False
    gist: str = ""

    @cached_property
    def as_read(self) -> "Query":
        """The query as ranker and reader get it: a long text as its gist."""
        return replace(self, text=self.gist, gist="") if self.gist else self

    @property
    def asked_inside(self) -> str:
        """The gist of a long text if it asks something; "" if it does not, or is not long."""
        return self.gist if any(sign in self.gist for sign in "?？") else ""

    @property
    def as_written(self) -> str:
        """The question as a generator gets it: whole up to 2,000 characters, else its gist."""
        return self.gist if self.gist and len(self.question) > LONGEST_WRITTEN else self.question

    @cached_property
    def language(self) -> str:
        """Language of the text, such as `en`; "" if unknown."""
        return language_of(self.text)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Tokens of the text, as bm25 sees them."""
        return query_terms(self.text)


def build_query(question: str, history: Sequence[Turn] = (), *, asks: bool = False) -> Query:
    """Return the query for a question.

    Args:
        question: As a person typed it; halves of surrogate pairs, which no tokenizer takes, are
            replaced.
        history: The exchanges before it, oldest first; of more than `MOST_TURNS` the oldest are
            left out, and a stage says so.
        asks: See `Query`.
    """
    readable = question.encode("utf-8", "replace").decode("utf-8")
    text, carried = readable, None
    if not is_long(readable):
        text, carried = standalone(readable, history[-MOST_TURNS:])
    stages = []
    if len(history) > MOST_TURNS:
        note = f"the oldest exchanges were left out: the last {MOST_TURNS} are read"
        stages.append(Stage("history", 0.0, MOST_TURNS, note))
    if carried:
        stages.append(Stage("rewrite", 0.0, None, carried))
    return Query(readable, text, tuple(stages), asks)
