"""Routes for search and answers."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from rag.schema import Answer, to_json
from ui.api.answers import HEARTBEAT_SECONDS, Watched, WatchedOf, finished
from ui.api.errors import RequestRefusal
from ui.api.events import EVENT_STREAM, HEARTBEAT, server_sent_event
from ui.api.schemas import AskRequest, SearchRequest
from ui.api.scope import Owner, ServicesOf, ThreadsOf
from ui.services.engines import CombinedResult

router = APIRouter(prefix="/v1", tags=["questions"])


@router.post("/search")
async def search(
    asked: SearchRequest, services: ServicesOf, threads: ThreadsOf, owner: Owner
) -> CombinedResult:
    """Find the passages for a question in one or several collections, best first."""
    names = await threads.watch(services.library.chosen, owner, asked.collections)
    return await threads.work(
        services.search,
        owner,
        asked.question,
        names,
        asked.options,
        read=asked.read,
    )


@router.post(
    "/ask",
    response_model=Answer,
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
async def ask(
    *,
    asked: AskRequest,
    services: ServicesOf,
    threads: ThreadsOf,
    owner: Owner,
    watched: WatchedOf,
    request: Request,
) -> Answer | StreamingResponse:
    """Answer a question from collections, with exact citations, or say why there is no answer.

    With `stream` the answer comes as server-sent events: `sources` (the passages it is made from),
    `token` (pieces as a generator writes them, not checked yet), and at the end `answer` (the whole
    answer, checked and cited) or `error`. What a generator wrote is replaced by the checked answer.
    """
    names = await threads.watch(services.library.chosen, owner, asked.asked_collections)
    await watched.ask(
        names,
        asked.question,
        history=asked.turns,
        **asdict(asked.options),
        budget=asked.budget,
        write=asked.write,
    )
    if not asked.stream:
        return await watched.end(request)
    return StreamingResponse(_events(watched), media_type=EVENT_STREAM)


async def _events(watched: Watched) -> AsyncIterator[bytes]:
    number, told, sent = 0, False, 0

    def event(name: str, data: Any) -> bytes:  # noqa: ANN401 - anything that is JSON
        nonlocal number
        number += 1
        return server_sent_event(data, name=name, number=f"{watched.id}-{number}")

    async for now in watched.snapshots(HEARTBEAT_SECONDS):
        if now is None:
            yield HEARTBEAT
            continue
        if now.passages and not told:
            told = True
            yield event("sources", {"passages": [to_json(passage) for passage in now.passages]})
        if now.is_open and len(now.text) > sent:
            yield event("token", {"text": now.text[sent:]})
            sent = len(now.text)
        if not now.is_open:
            try:
                yield event("answer", to_json(finished(now)))
            except RequestRefusal as refusal:
                yield event("error", refusal.problem.model_dump())
