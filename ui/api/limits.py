"""Limits of the API: sizes, rates, concurrency and time-outs.

FastAPI's `max_body_size` is not used: it puts a line of plain text in the place of any response to
a request whose declared length is too large, also of a 401, while every error here has one form.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.config import ServerConfig
from ui.api.errors import RETRY_SECONDS, RequestRefusal

MB = 2**20
JSON_BYTES = MB  # body of a request without files
CHAT_BYTES = 8 * MB  # of a chat, whose clients send all that was said before
CHAT = "/v1/chat/completions"
DEEPEST_JSON = 128  # levels of nesting; the deepest valid filter has 102
IDLE_SECONDS = 30  # between two parts of a request
BODY_SECONDS = 300  # until a whole request has arrived
CLIENTS = 10_000  # tracked at once

Result = TypeVar("Result")


class Rate:
    """Rate limit per client: a token bucket that holds the requests of one minute.

    Args:
        per_minute: Requests per minute.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request and return 0, or return the seconds until the next one is allowed."""
        now = self._clock()
        left, since = self._left.pop(client, (float(self._most), now))
        left = min(left + (now - since) * self._most / 60, self._most)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self._most

    def give_back(self, client: str) -> None:
        """Take back the count of one request."""
        if client in self._left:
            left, since = self._left[client]
            self._left[client] = (min(left + 1, self._most), since)


class Limits:
    """ASGI middleware: refuses requests that are too many, too large or too slow.

    Args:
        app: The application.
        server: Configuration of the limits.
    """

    def __init__(self, app: ASGIApp, *, server: ServerConfig) -> None:
        self._app, self._server = app, server
        self._rate = Rate(server.requests_per_minute)
        self._most = server.workers + server.queue
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] == "/health":
            await self._app(scope, receive, send)
            return
        client = _client(scope)
        seconds = self._rate.wait(client)
        if seconds:
            raise RequestRefusal(
                429,
                "rate_limit_exceeded",
                f"more than {self._server.requests_per_minute} requests a minute; wait.",
                headers={"Retry-After": str(int(seconds) + 1)},
            )
        if self._now >= self._most:
            raise RequestRefusal(
                503,
                "busy",
                f"{self._now} requests are being served; try again in a moment.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        scope.setdefault("state", {})["uncount"] = partial(self._rate.give_back, client)
        self._now += 1
        try:
            await self._app(scope, _limited(scope, receive, self._server), send)
        finally:
            self._now -= 1


def _client(scope: Scope) -> str:
    """Return the key of a client's rate limit: its address, or its network for IPv6."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _limited(scope: Scope, receive: Receive, server: ServerConfig) -> Receive:
    """Return a `receive` that refuses a request body that is too large or too slow."""
    headers = Headers(scope=scope)
    files = headers.get("content-type", "").startswith("multipart/form-data")
    most = CHAT_BYTES if scope["path"] == CHAT else JSON_BYTES
    most = server.max_request_mb * MB if files else most
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > most:
        raise _too_large(most)
    started, size, complete = time.monotonic(), 0, False

    async def read() -> Message:
        nonlocal size, complete
        if complete:  # only the client's disconnect is left
            return await receive()
        left = min(IDLE_SECONDS, started + BODY_SECONDS - time.monotonic())
        try:
            message = await asyncio.wait_for(receive(), max(left, 0))
        except TimeoutError:
            raise RequestRefusal(408, "slow", "the request did not arrive in time.") from None
        size += len(message.get("body", b""))
        if size > most:
            raise _too_large(most)
        complete = not message.get("more_body", False)
        return message

    return read


def _too_large(most: int) -> RequestRefusal:
    return RequestRefusal(413, "too_large", f"the request has more than {most / MB:g} MB.")


def depth_of(value: Any) -> int:  # noqa: ANN401 - any JSON
    """Return the nesting depth of objects and lists; 0 for a plain value.

    Example:
        >>> depth_of({"a": [1, {"b": 2}]})
        3
    """
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


class Threads:
    """Thread limits for blocking work, so that it neither stops the server nor takes all threads.

    Args:
        server: Configuration of concurrent answers and their time-out.
    """

    def __init__(self, server: ServerConfig) -> None:
        self.seconds = 2 * server.answer_seconds  # half of it for waiting
        self._work = anyio.CapacityLimiter(server.workers)
        self._watch = anyio.CapacityLimiter(server.workers + server.queue)
        self._uploads = anyio.CapacityLimiter(1)  # one upload's files in memory at a time

    async def work(
        self, function: Callable[..., Result], *arguments: object, **options: object
    ) -> Result:
        """Run a computation in a thread and return its result.

        Raises:
            RequestRefusal: If it takes too long; the thread ends when the function does.
        """
        try:
            with anyio.fail_after(self.seconds):
                return await _run(self._work, partial(function, *arguments, **options))
        except TimeoutError:
            raise RequestRefusal(504, "timeout", "this took too long; ask for less.") from None

    async def upload(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run a function that holds whole files in memory, and return its result."""
        return await _run(self._uploads, partial(function, *arguments))

    async def watch(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Run a function that only waits for another thread, and return its result."""
        return await _run(self._watch, partial(function, *arguments))


async def _run(limiter: anyio.CapacityLimiter, call: Callable[[], Result]) -> Result:
    return await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=limiter)
