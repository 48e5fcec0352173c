"""Watching an answer in progress, for clients that wait for the end or for each piece."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request

from rag.answers.drafting import FAILED
from rag.schema import Answer, Turn
from ui.api.errors import RequestRefusal, refusal_for
from ui.api.limits import Threads
from ui.api.scope import Owner, ServicesOf, ThreadsOf
from ui.services.jobs import AnswerJobs, Snapshot

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0  # without news, after which a stream sends a heartbeat
POLL_SECONDS = 0.5  # between two checks that the client is still connected


class Watched:
    """One answer in progress and its owner.

    Args:
        answers: The answer jobs.
        threads: Threads for waiting.
        owner: Owner who asks.
    """

    def __init__(self, answers: AnswerJobs, threads: Threads, owner: str) -> None:
        self._answers, self._threads, self._owner = answers, threads, owner
        self.id = ""

    async def ask(
        self,
        collections: Sequence[str],
        question: str,
        *,
        history: Sequence[Turn] = (),
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Start the answer; arguments and errors are those of `AnswerJobs.ask_outside`."""
        begin = partial(self._answers.ask_outside, history=history, **options)
        self.id = await self._threads.watch(begin, self._owner, collections, question)

    async def snapshots(self, seconds: float) -> AsyncIterator[Snapshot | None]:
        """Yield each new snapshot up to the last one, and None after each interval without news.

        Args:
            seconds: Length of that interval.
        """
        seen = 0
        while True:
            now = await self._threads.watch(self._answers.wait, self._owner, self.id, seen, seconds)
            yield now if now.version > seen else None
            seen = now.version
            if not now.is_open:
                return

    async def end(self, request: Request) -> Answer:
        """Return the finished answer.

        Raises:
            RequestRefusal: If it failed, or its client has gone away.
        """
        async for now in self.snapshots(POLL_SECONDS):
            if now is not None and not now.is_open:
                return finished(now)
            if await request.is_disconnected():
                break
        raise RequestRefusal(408, "gone", "the client went away.")

    def let_go(self) -> None:
        """Stop the answer if it is not finished."""
        self._answers.let_go(self._owner, self.id)


async def _watched(
    services: ServicesOf, threads: ThreadsOf, owner: Owner
) -> AsyncIterator[Watched]:
    watched = Watched(services.answers, threads, owner)
    try:
        yield watched
    finally:  # after the last byte, or when the client goes away
        watched.let_go()


WatchedOf = Annotated[Watched, Depends(_watched)]


def finished(last: Snapshot) -> Answer:
    """Return the answer of the last snapshot, fit for clients.

    Raises:
        RequestRefusal: If there is none.
    """
    if last.answer is not None:
        return _without_cause(last.answer)
    if last.failure is not None:
        raise refusal_for(last.failure)
    if last.error is not None:
        raise RequestRefusal(500, "internal", last.error)
    raise RequestRefusal(503, "interrupted", "the server stopped before the answer was finished.")


def _without_cause(answer: Answer) -> Answer:
    """Return an answer without the cause of a generator's failure, which names our servers."""
    if answer.reason is None or not answer.reason.startswith(FAILED):
        return answer
    log.warning("%s", answer.reason)
    stages = (
        replace(stage, note="failed") if stage.name == "generate" else stage
        for stage in answer.trace.stages
    )
    return replace(answer, reason=FAILED, trace=replace(answer.trace, stages=tuple(stages)))
