"""Answer jobs in the background, so that no click, closed tab or lost connection loses an answer.

A question is stored before it is asked. A bounded pool of threads answers; watchers wait for the
next version of a snapshot. The text is saved every second and at the end, so that it survives a
restart of the server, marked as interrupted.

A program that keeps its own conversations asks outside of them: the same pool and limits apply,
nothing is stored, and the answer is dropped when its asker releases it.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from rag.config import Config
from rag.errors import RagError, UnwritableError
from rag.schema import AS_CONFIGURED, Answer, Passage, SearchOptions, Turn
from ui.services.conversations import OPEN, Conversations, Exchange, State
from ui.services.engines import Engines
from ui.services.errors import BusyError, StoppedError
from ui.services.library import Library

log = logging.getLogger(__name__)

Stage = Literal["waiting", "searching", "reading", "writing", ""]
SAVED_EVERY = 1.0  # seconds
KEPT_SECONDS = 600.0  # seconds for which a finished answer stays in memory
STOPPED: State = "stopped"


@dataclass(frozen=True)
class Snapshot:
    """The current state of an answer; `version` grows with every change.

    `failure` is the expected error behind `error`, as long as the answer is in memory.
    """

    exchange_id: str
    version: int
    state: State
    stage: Stage
    text: str = ""
    passages: tuple[Passage, ...] = ()
    answer: Answer | None = None
    error: str | None = None
    failure: RagError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is queued or running."""
        return self.state in OPEN


@dataclass(frozen=True)
class _Subject:
    """The subject of a question: one or several collections, and the exchanges before."""

    collections: tuple[str, ...]
    history: tuple[Turn, ...]


@dataclass
class _AnswerJob:
    """One answer in progress; its condition guards all reads and changes."""

    owner: str
    exchange: Exchange
    subject: _Subject | None = None  # given for a question outside any conversation
    changed: threading.Condition = field(default_factory=threading.Condition)
    stop: threading.Event = field(default_factory=threading.Event)
    stage: Stage = "waiting"
    version: int = 1
    saved: float = 0.0
    ended: float | None = None
    stopped: bool = False
    unwatched: bool = False
    failure: RagError | None = None

    def check_wanted(self) -> None:
        """Raise `StoppedError` if the answer is no longer wanted."""
        if self.stopped:
            raise StoppedError("the question was stopped before its answer was begun.")

    def change(self, *, stage: Stage | None = None, **values: Any) -> None:  # noqa: ANN401
        with self.changed:
            self.exchange = replace(self.exchange, **values)
            self.stage = self.stage if stage is None else stage
            self.version += 1
            self.changed.notify_all()

    def snapshot(self) -> Snapshot:
        with self.changed:
            now = self.exchange
            return Snapshot(
                now.id, self.version, now.state, self.stage, now.text, now.passages, now.answer,
                now.error, self.failure,
            )  # fmt: skip


class AnswerJobs:
    """Answer jobs of all owners.

    Args:
        config: Configuration of concurrency, queue length and time-out (`server`).
        engines: Engines of the collections.
        conversations: Storage of questions and answers.
        library: Access rights to collections.
    """

    def __init__(
        self, config: Config, engines: Engines, conversations: Conversations, library: Library
    ) -> None:
        self._limits, self._engines = config.server, engines
        self._conversations, self._library = conversations, library
        self._pool = ThreadPoolExecutor(self._limits.workers, thread_name_prefix="answer")
        self._jobs: dict[str, _AnswerJob] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop all running answers and wait for them."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ask(
        self,
        owner: str,
        conversation_id: str,
        question: str,
        options: SearchOptions = AS_CONFIGURED,
        *,
        write: bool = True,
    ) -> str:
        """Store a question, start to answer it, and return the exchange's id.

        Args:
            owner: Owner who asks.
            conversation_id: Id of one of the owner's conversations.
            question: The question.
            options: The way passages are found for the answer.
            write: False quotes the evidence even where a generator is configured.

        Raises:
            QuestionError: If the question is empty or too long.
            NotFoundError: If the conversation does not exist or belongs to another owner.
            BusyError: If the owner, or all owners together, have too many open answers; nothing
                is stored.
        """
        self._engines.check_question(question)
        stored = {**asdict(options), "write": write}
        with self._lock:
            self._forget()
            self._check_room(owner)
            exchange = self._conversations.add(owner, conversation_id, question.strip(), stored)
            self._begin(_AnswerJob(owner, exchange))
        return exchange.id

    def ask_outside(
        self,
        owner: str,
        collections: Sequence[str],
        question: str,
        *,
        history: Sequence[Turn] = (),
        **options: Any,  # noqa: ANN401
    ) -> str:
        """Start to answer a question outside any conversation; return an id for watching it.

        The caller must `let_go` of it at the end. Such callers are programs that act for many
        people, so that only the limits of all owners together apply.

        Args:
            owner: Owner who asks.
            collections: Names of the collections, at least one.
            question: The question.
            history: The exchanges before it, oldest first.
            **options: Options of `RAG.ask`, except its callbacks.

        Raises:
            QuestionError: If the question is empty or too long.
            NotFoundError: If a collection does not exist or belongs to another owner.
            BusyError: If too many answers are open.
        """
        self._engines.check_question(question)
        for name in collections:
            self._library.check(owner, name)
        exchange = Exchange(uuid.uuid4().hex, "", question.strip(), options, "queued")
        with self._lock:
            self._forget()
            self._check_room(None)
            self._begin(_AnswerJob(owner, exchange, _Subject(tuple(collections), tuple(history))))
        return exchange.id

    def let_go(self, owner: str, exchange_id: str) -> None:
        """Stop an answer outside any conversation if it is running, and drop it."""
        job = self._jobs.get(exchange_id)
        if job is not None and job.owner == owner and job.subject is not None:
            job.stopped = job.unwatched = True
            job.stop.set()

    def retry(self, owner: str, exchange_id: str) -> str:
        """Ask the same question again with the same options, and return the new exchange's id.

        Raises:
            NotFoundError: If the exchange does not exist or belongs to another owner.
            BusyError: See `ask`.
        """
        before = self._conversations.exchange(owner, exchange_id)
        options, arguments = _split(before.options)
        return self.ask(owner, before.conversation_id, before.question, options, **arguments)

    def snapshot(self, owner: str, exchange_id: str) -> Snapshot:
        """Return the current state of an answer.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        job = self._jobs.get(exchange_id)
        if job is not None and job.owner == owner:
            return job.snapshot()
        stored = self._conversations.exchange(owner, exchange_id)
        return Snapshot(
            stored.id, 0, stored.state, "", stored.text, stored.passages, stored.answer,
            stored.error,
        )  # fmt: skip

    def wait(self, owner: str, exchange_id: str, seen: int, timeout: float) -> Snapshot:
        """Return the first snapshot newer than a version, or the current one after a time-out.

        Args:
            owner: Owner of the answer.
            exchange_id: Id of the exchange.
            seen: The last version seen.
            timeout: Time-out in seconds.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        job = self._jobs.get(exchange_id)
        if job is not None and job.owner == owner:
            with job.changed:
                job.changed.wait_for(lambda: job.version > seen or job.ended is not None, timeout)
        return self.snapshot(owner, exchange_id)

    def stop(self, owner: str, exchange_id: str) -> None:
        """Stop an answer; the text so far is kept.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        self.snapshot(owner, exchange_id)
        job = self._jobs.get(exchange_id)
        if job is not None:
            job.stopped = True
            job.stop.set()

    def open_count(self, owner: str) -> int:
        """Return the number of an owner's queued and running answers."""
        return sum(job.owner == owner and job.ended is None for job in list(self._jobs.values()))

    # -- inside

    def _begin(self, job: _AnswerJob) -> None:
        self._jobs[job.exchange.id] = job
        self._pool.submit(self._work, job)

    def _check_room(self, owner: str | None) -> None:
        limits = self._limits
        if owner is not None and self.open_count(owner) >= limits.per_owner:
            raise BusyError(
                f"{limits.per_owner} of your questions are still being answered; wait for one of "
                "them, or stop it."
            )
        open_ = sum(job.ended is None for job in self._jobs.values())
        if open_ >= limits.workers + limits.queue:
            raise BusyError(f"{open_} questions are being answered; try again in a moment.")

    def _forget(self) -> None:
        """Drop finished answers that are no longer watched; they are in the database."""
        now = time.monotonic()
        for exchange_id, job in list(self._jobs.items()):
            if job.ended is not None and (job.unwatched or now - job.ended > KEPT_SECONDS):
                del self._jobs[exchange_id]

    def _work(self, job: _AnswerJob) -> None:
        timer = threading.Timer(self._limits.answer_seconds, job.stop.set)
        timer.daemon = True
        timer.start()
        try:
            self._answer(job)
        except StoppedError:
            self._end(job, STOPPED)
        except RagError as error:
            job.failure = error
            self._end(job, "failed", error=str(error))
        except Exception:  # the thread's border: the person learns of any error
            number = uuid.uuid4().hex[:8]
            log.exception("answer failed, error %s", number)
            self._end(job, "failed", error=f"something went wrong on the server (error {number}).")
        finally:
            timer.cancel()

    def _answer(self, job: _AnswerJob) -> None:
        if job.stop.is_set():
            self._end(job, "stopped" if job.stopped else "interrupted")
            return
        job.change(stage="searching", state="running")
        self._save(job)
        exchange = job.exchange
        subject = job.subject or self._subject(job)
        for name in subject.collections:
            self._library.check(job.owner, name)
        search_options, arguments = _split(exchange.options)
        answer = self._engines.engine(subject.collections).ask(
            exchange.question,
            search_options,
            history=subject.history,
            on_found=lambda passages: job.change(stage="reading", passages=passages),
            on_token=self._writer(job),
            stop=job.stop,
            before_step=job.check_wanted,
            **arguments,
        )
        if job.stopped:
            written = job.exchange.text
            self._end(job, STOPPED, text=answer.answer or written, answer=answer)
        else:
            self._end(job, "done", text=answer.answer, answer=answer)

    def _subject(self, job: _AnswerJob) -> _Subject:
        owner, exchange = job.owner, job.exchange
        conversation = self._conversations.get(owner, exchange.conversation_id)
        history = self._conversations.history(owner, conversation.id, before=exchange.id)
        return _Subject(conversation.collections, tuple(history))

    def _writer(self, job: _AnswerJob) -> Callable[[str], None]:
        def write(piece: str) -> None:
            job.change(stage="writing", text=job.exchange.text + piece)
            if time.monotonic() - job.saved >= SAVED_EVERY:
                self._save(job)

        return write

    def _save(self, job: _AnswerJob) -> None:
        job.saved = time.monotonic()
        if job.subject is None:
            with suppress(UnwritableError):  # it is tried again at the end
                self._conversations.save(job.exchange)

    def _end(self, job: _AnswerJob, state: State, **values: Any) -> None:  # noqa: ANN401
        """Store the end before watchers see it, so that the shown state is the stored one."""
        if job.subject is None:
            try:
                self._conversations.save(replace(job.exchange, state=state, **values))
            except RagError as error:
                log.warning("an answer could not be stored: %s", error)
        job.ended = time.monotonic()
        job.change(stage="", state=state, **values)


def _split(stored: Mapping[str, Any]) -> tuple[SearchOptions, dict[str, Any]]:
    """Return the options of an exchange as those of a search, and the other arguments of `ask`."""
    names = {each.name for each in fields(SearchOptions)}
    options = {name: value for name, value in stored.items() if name in names}
    return SearchOptions(**options), {k: v for k, v in stored.items() if k not in names}
