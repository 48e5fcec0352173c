"""Routes for OpenAI's chat completions and models, answered from collections.

A collection is a model named `citewell/COLLECTION`. The last message is the question, those before
it are the conversation; settings of language models and system messages are accepted and ignored.
A stream sends checked sentences: a chat client cannot take back what turns out unsupported.
"""

import time
import uuid
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from rag.collections import ALL_COLLECTIONS
from rag.schema import Answer, Turn
from ui.api.answers import HEARTBEAT_SECONDS, Watched, WatchedOf, finished
from ui.api.append_only import AppendOnlyAnswer
from ui.api.chat_markdown import as_message
from ui.api.chat_schemas import (
    ChatRequest,
    ChatResponse,
    Choice,
    CitewellFields,
    Message,
    Model,
    Models,
    Said,
    Usage,
)
from ui.api.errors import RequestRefusal
from ui.api.events import EVENT_STREAM, HEARTBEAT, server_sent_event
from ui.api.limits import Threads
from ui.api.scope import Owner, ServicesOf, ThreadsOf
from ui.services import Services
from ui.services.jobs import Snapshot

router = APIRouter(prefix="/v1", tags=["OpenAI"])

PREFIX = "citewell"


@router.get("/models")
def list_models(services: ServicesOf, owner: Owner) -> Models:
    """List the collections that you may ask, as models."""
    infos = services.library.collections(owner)
    return Models(data=[_model(info.name, info.updated) for info in infos])


@router.get("/models/{model:path}")
def show_model(
    model: Annotated[str, Path(max_length=100)], services: ServicesOf, owner: Owner
) -> Model:
    """Show one collection as a model."""
    info = services.library.collection(owner, _known(services, owner, model))
    return _model(info.name, info.updated)


@router.post(
    "/chat/completions",
    response_model=ChatResponse,
    responses={200: {"content": {EVENT_STREAM: {}}}},
)
async def complete_chat(
    *,
    asked: ChatRequest,
    services: ServicesOf,
    threads: ThreadsOf,
    owner: Owner,
    watched: WatchedOf,
    request: Request,
) -> ChatResponse | StreamingResponse:
    """Answer the last message of a conversation from a collection.

    The answer's text has markers `[n]` and ends in a list of sources; `citations` has the exact
    spans. If there is no answer the text says so, and `abstained` is true.
    """
    names = await threads.watch(_asked, services, owner, asked.model)
    question, history = conversation(asked.messages)
    await watched.ask(names, question, history=history, filters=asked.filters)
    reply = _Reply(asked, services, threads)
    if asked.stream:
        return StreamingResponse(reply.events(watched), media_type=EVENT_STREAM)
    return await reply.whole(await watched.end(request))


def conversation(messages: list[Message]) -> tuple[str, list[Turn]]:
    """Return the question at the end of a conversation, and the exchanges before it.

    Raises:
        RequestRefusal: If the last message is not a question.
    """
    spoken = [each for each in messages if each.role in ("user", "assistant")]
    if not spoken or spoken[-1].role != "user" or not spoken[-1].text.strip():
        raise RequestRefusal(
            422, "invalid", "the last message must be a question of the user.", param="messages"
        )
    turns: list[Turn] = []
    for before, after in pairwise(spoken):
        if before.role == "user":
            turns.append(Turn(before.text, after.text if after.role == "assistant" else ""))
    return spoken[-1].text, turns


class _Reply:
    """Responses in OpenAI's format to one request."""

    def __init__(self, asked: ChatRequest, services: Services, threads: Threads) -> None:
        self._asked, self._services, self._threads = asked, services, threads
        self._frame: dict[str, Any] = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": asked.model,
        }

    async def whole(self, answer: Answer) -> ChatResponse:
        """Return the answer in one piece."""
        text = as_message(answer)
        choice = Choice(message=Said(content=text), finish_reason=_finish_reason(answer))
        return ChatResponse(
            **self._frame,
            choices=[choice],
            usage=await self._usage(text),
            **_evidence(answer),
        )

    async def events(self, watched: Watched) -> AsyncIterator[bytes]:
        """Yield the answer as completion chunks, one checked sentence at a time."""
        growing = AppendOnlyAnswer()
        yield self._chunk({"role": "assistant", "content": ""})
        async for now in watched.snapshots(HEARTBEAT_SECONDS):
            if now is None:
                yield HEARTBEAT
            elif not now.is_open:
                async for event in self._end(now, growing):
                    yield event
            elif piece := await self._threads.work(growing.more, now.text, now.passages):
                yield self._chunk({"content": piece})

    async def _end(self, last: Snapshot, growing: AppendOnlyAnswer) -> AsyncIterator[bytes]:
        try:
            answer = finished(last)
        except RequestRefusal as refusal:
            yield server_sent_event({"error": refusal.problem.model_dump()})
            return
        for piece in growing.rest(answer).splitlines(keepends=True):
            yield self._chunk({"content": piece})
        yield self._chunk({}, _finish_reason(answer), **_evidence(answer))
        options = self._asked.stream_options
        if options and options.include_usage:
            usage = await self._usage(as_message(answer))
            yield self._event(choices=[], usage=usage.model_dump())
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:  # noqa: ANN401
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._event(choices=[choice], **more)

    def _event(self, **values: Any) -> bytes:  # noqa: ANN401
        return server_sent_event({**self._frame, "object": "chat.completion.chunk", **values})

    async def _usage(self, text: str) -> Usage:
        asked = [message.text for message in self._asked.messages]
        return await self._threads.work(_count, self._services, asked, text)


def _count(services: Services, asked: list[str], said: str) -> Usage:
    engines = services.engines
    tokenizer = engines.embedder(engines.config.embedder).files.tokenizer
    found = tokenizer.encode_batch([*asked, said], add_special_tokens=False)
    sizes = [len(each.ids) for each in found]
    return Usage(
        prompt_tokens=sum(sizes[:-1]), completion_tokens=sizes[-1], total_tokens=sum(sizes)
    )


def _evidence(answer: Answer) -> dict[str, Any]:
    return CitewellFields(
        citations=list(answer.citations),
        abstained=answer.abstained,
        reason=answer.reason,
        confidence=answer.confidence,
        trace=answer.trace,
    ).model_dump()


def _finish_reason(answer: Answer) -> Literal["stop", "length"]:
    """Return `length` if a written answer was cut, else `stop`."""
    ends = [stage.note for stage in answer.trace.stages if stage.name == "generate"]
    return "length" if ends and ends[-1] in ("length", "stopped", "deadline") else "stop"


def _asked(services: Services, owner: str, model: str) -> list[str]:
    """Return the collections of a model's name: all for `citewell/all`, unless one is named so.

    Raises:
        RequestRefusal: If there is none that this owner may ask.
    """
    names = services.library.names(owner)
    if model == f"{PREFIX}/{ALL_COLLECTIONS}" and ALL_COLLECTIONS not in names and names:
        return names
    return [_known(services, owner, model)]


def _known(services: Services, owner: str, model: str) -> str:
    """Return the collection of a model's name.

    Raises:
        RequestRefusal: If there is none that this owner may ask.
    """
    prefix, _, name = model.partition("/")
    name = name or "default"
    if prefix != PREFIX or name not in services.library.names(owner):
        raise RequestRefusal(
            404,
            "model_not_found",
            f"there is no model `{model}`; GET /v1/models lists them.",
            param="model",
        )
    return name


def _model(name: str, updated: float | None) -> Model:
    return Model(id=f"{PREFIX}/{name}", created=int(updated or 0))
