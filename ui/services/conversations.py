"""Conversations and their exchanges, each with one owner.

Every read and write names the owner; other owners' conversations appear not to exist.
"""

import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.schema import Answer, Passage, Turn, answer_from_json, passages_from_json, to_json
from ui.services.database import PeopleDatabase, like
from ui.services.errors import NotFoundError

State = Literal["queued", "running", "done", "stopped", "failed", "interrupted"]
OPEN = ("queued", "running")
LONGEST_TITLE = 80
MOST_CONVERSATIONS = 500

JOINED = ", "  # between names of collections, which contain neither
_CONVERSATION = "id, title, collection, created, updated"
_EXCHANGE = (
    "x.id, x.conversation_id, x.question, x.options, x.state, x.text, x.passages, x.answer,"
    " x.error, x.rating, x.comment, x.asked"
)
_THEIRS = "FROM exchanges x JOIN conversations c ON c.id = x.conversation_id WHERE c.owner = ?"


@dataclass(frozen=True)
class Conversation:
    """A conversation about one or several collections.

    Attributes:
        id: Id of the conversation.
        title: Its title; empty before the first question.
        collection: Name of the collection; of several, names joined by commas.
        created: Seconds since the epoch.
        updated: The same of the last change.
    """

    id: str
    title: str
    collection: str
    created: float
    updated: float

    @property
    def collections(self) -> tuple[str, ...]:
        """Names of the collections."""
        return tuple(self.collection.split(JOINED))


@dataclass(frozen=True)
class Exchange:
    """A question and its answer.

    Attributes:
        id: Id of the exchange.
        conversation_id: Id of the conversation.
        question: Question as the user asked it.
        options: Options of `AnswerJobs.ask`.
        state: `queued`, `running`, `done`, `stopped` (by the person), `failed`, or `interrupted`
            (the server ended during the answer).
        text: Text written so far; the answer's text when it is done.
        passages: Passages behind the answer, as soon as they are known.
        answer: The finished answer.
        error: Error message, fit to be shown.
        rating: 1 for a good answer, 0 for a bad one.
        comment: The person's comment on the answer.
        asked: Time of the question, in seconds since the epoch.
    """

    id: str
    conversation_id: str
    question: str
    options: dict[str, Any]
    state: State
    text: str = ""
    passages: tuple[Passage, ...] = ()
    answer: Answer | None = None
    error: str | None = None
    rating: int | None = None
    comment: str = ""
    asked: float = 0.0


class Conversations:
    """The conversations of all owners, in one SQLite file."""

    def __init__(self, database: PeopleDatabase) -> None:
        self._database, self._rows = database, database.rows

    def mark_interrupted(self) -> None:
        """Mark the answers that were unfinished when the last process of the page ended."""
        self._rows("UPDATE exchanges SET state = 'interrupted' WHERE state IN ('queued','running')")

    # -- conversations

    def create(self, owner: str, *collections: str) -> Conversation:
        """Return a new, untitled conversation; its first question becomes the title.

        Args:
            owner: Owner of the conversation.
            *collections: Names of the collections that it is about, at least one.
        """
        now = time.time()
        made = Conversation(uuid.uuid4().hex, "", JOINED.join(collections), now, now)
        self._rows(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?)",
            made.id, owner, made.title, made.collection, now, now,
        )  # fmt: skip
        return made

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """Return a conversation.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        found = self._rows(
            f"SELECT {_CONVERSATION} FROM conversations WHERE owner = ? AND id = ?",  # noqa: S608
            owner,
            conversation_id,
        )
        if not found:
            raise NotFoundError("this conversation does not exist, or it is not yours.")
        return Conversation(*found[0])

    def recent(self, owner: str, words: str = "") -> list[Conversation]:
        """Return an owner's conversations with at least one question, newest first.

        Args:
            owner: Owner of the conversations.
            words: Text that must occur in a title, a question or an answer; ASCII letters match
                regardless of case.
        """
        pattern = like(words.strip())
        rows = self._rows(
            f"SELECT {_CONVERSATION} FROM conversations c WHERE owner = ?"  # noqa: S608
            " AND EXISTS (SELECT 1 FROM exchanges x WHERE x.conversation_id = c.id"
            " AND (c.title LIKE ? ESCAPE '!' OR x.question LIKE ? ESCAPE '!'"
            " OR x.text LIKE ? ESCAPE '!')) ORDER BY updated DESC, id LIMIT ?",
            owner, pattern, pattern, pattern, MOST_CONVERSATIONS,
        )  # fmt: skip
        return [Conversation(*row) for row in rows]

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Give a conversation a title, cut to a line.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self.get(owner, conversation_id)
        self._rows("UPDATE conversations SET title = ? WHERE id = ?", _line(title), conversation_id)

    def move(self, owner: str, conversation_id: str, *collections: str) -> None:
        """Switch a conversation to other collections for its next questions.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self.get(owner, conversation_id)
        self._rows(
            "UPDATE conversations SET collection = ? WHERE id = ?",
            JOINED.join(collections),
            conversation_id,
        )

    def delete(self, owner: str, conversation_id: str) -> None:
        """Delete a conversation with its exchanges.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self.get(owner, conversation_id)
        self._rows("DELETE FROM conversations WHERE id = ?", conversation_id)

    # -- exchanges

    def add(
        self, owner: str, conversation_id: str, question: str, options: dict[str, Any]
    ) -> Exchange:
        """Store a question before it is answered; it becomes the title of an untitled conversation.

        Raises:
            NotFoundError: If the conversation does not exist or belongs to another owner.
        """
        conversation = self.get(owner, conversation_id)
        made = Exchange(
            uuid.uuid4().hex, conversation_id, question, options, "queued", asked=time.time()
        )
        with self._database.transaction():
            self._rows(
                "INSERT INTO exchanges (id, conversation_id, question, options, state, asked)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                made.id, conversation_id, question, json.dumps(options), made.state, made.asked,
            )  # fmt: skip
            self._rows(
                "UPDATE conversations SET updated = ?, title = ? WHERE id = ?",
                made.asked,
                conversation.title or _line(question),
                conversation_id,
            )
        return made

    def save(self, exchange: Exchange) -> None:
        """Store the progress of an answer; ratings are left unchanged."""
        passages = [to_json(passage) for passage in exchange.passages]
        answer = json.dumps(to_json(exchange.answer)) if exchange.answer else None
        self._rows(
            "UPDATE exchanges SET state = ?, text = ?, passages = ?, answer = ?, error = ?"
            " WHERE id = ?",
            exchange.state, exchange.text, json.dumps(passages), answer, exchange.error,
            exchange.id,
        )  # fmt: skip

    def exchange(self, owner: str, exchange_id: str) -> Exchange:
        """Return one exchange.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        sql = f"SELECT {_EXCHANGE} {_THEIRS} AND x.id = ?"
        found = self._rows(sql, owner, exchange_id)
        if not found:
            raise NotFoundError("this answer does not exist, or it is not yours.")
        return _exchange(found[0])

    def exchanges(self, owner: str, conversation_id: str) -> list[Exchange]:
        """Return the exchanges of a conversation, oldest first; none if it is another owner's."""
        sql = f"SELECT {_EXCHANGE} {_THEIRS} AND c.id = ? ORDER BY x.n"
        return [_exchange(row) for row in self._rows(sql, owner, conversation_id)]

    def rated(self, owner: str) -> list[tuple[Conversation, Exchange]]:
        """Return an owner's rated exchanges, oldest first, each with its conversation."""
        sql = f"SELECT {_EXCHANGE} {_THEIRS} AND x.rating IS NOT NULL ORDER BY x.n"
        found = [_exchange(row) for row in self._rows(sql, owner)]
        return [(self.get(owner, each.conversation_id), each) for each in found]

    def history(self, owner: str, conversation_id: str, *, before: str) -> list[Turn]:
        """Return the answered exchanges before one, oldest first, for a follow-up question."""
        turns: list[Turn] = []
        for each in self.exchanges(owner, conversation_id):
            if each.id == before:
                break
            if each.state == "done":
                turns.append(Turn(each.question, each.text))
        return turns

    def rate(
        self, owner: str, exchange_id: str, rating: int | None, comment: str | None = None
    ) -> None:
        """Store an owner's rating of an answer.

        Args:
            owner: Owner of the conversation.
            exchange_id: Id of the exchange.
            rating: 1 for good, 0 for bad; None removes the rating.
            comment: Comment on the answer; None leaves it unchanged.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
            ValueError: If the rating has another value.
        """
        if rating not in (None, 0, 1):
            raise ValueError(f"rating: expected 0, 1 or None (got {rating!r})")
        now = self.exchange(owner, exchange_id)
        self._rows(
            "UPDATE exchanges SET rating = ?, comment = ? WHERE id = ?",
            rating,
            now.comment if comment is None else comment.strip()[:2000],
            exchange_id,
        )


def _exchange(row: tuple[Any, ...]) -> Exchange:
    made = Exchange(*row)
    answer = json.loads(row[7]) if row[7] else None
    return replace(
        made,
        options=json.loads(row[3]),
        passages=passages_from_json(json.loads(row[6])),
        answer=answer_from_json(answer) if answer else None,
    )


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"
